//! A file system of a test's own.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::{Scratch, program};

/// A small ext4 file system of its own, unmounted when the value goes away.
pub struct Disk(PathBuf);

impl Disk {
    /// One of so many bytes, mounted in `scratch`.
    pub fn new(scratch: &Scratch, bytes: u64) -> Disk {
        let image = scratch.join("image");
        File::create(&image).unwrap().set_len(bytes).unwrap();
        program("mkfs.ext4")
            .args(["-q", "-F", "-m", "0"])
            .arg(&image)
            .assert()
            .success();
        let disk = Disk(scratch.join("disk"));
        std::fs::create_dir(&disk.0).unwrap();
        program("mount")
            .args(["-o", "loop"])
            .arg(&image)
            .arg(&disk.0)
            .assert()
            .success();
        disk
    }

    /// Freezes it: whoever changes something in it waits. It thaws when the
    /// value goes away.
    pub fn freeze(&self) -> Frozen<'_> {
        program("fsfreeze")
            .arg("-f")
            .arg(&self.0)
            .assert()
            .success();
        Frozen(self)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily, so that it is unmounted even where a daemon still has a file
        // open. It must not panic while a test fails; the next line tells.
        let output = program("umount").arg("--lazy").arg(&self.0).output();
        let success = output.is_ok_and(|output| output.status.success());
        if !success && !std::thread::panicking() {
            panic!("cannot unmount {}", self.0.display());
        }
    }
}

/// A disk that is frozen.
pub struct Frozen<'a>(&'a Disk);

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        // It must not panic while a test fails; the next line tells.
        let output = program("fsfreeze").arg("-u").arg(self.0.path()).output();
        let success = output.is_ok_and(|output| output.status.success());
        if !success && !std::thread::panicking() {
            panic!("cannot thaw {}", self.0.path().display());
        }
    }
}
