//! A directory for one test.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A directory that is removed at the end of its test.
pub struct Scratch(TempDir);

impl Scratch {
    /// An empty directory where temporary files are.
    pub fn new() -> Scratch {
        Scratch(
            tempfile::Builder::new()
                .prefix("splashdam-test-")
                .tempdir()
                .unwrap(),
        )
    }

    /// An empty directory below `parent`.
    pub fn below(parent: &Path) -> Scratch {
        let builder = tempfile::Builder::new()
            .prefix("splashdam-test-")
            .tempdir_in(parent);
        Scratch(builder.unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// The path of `name` in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Content of the file `name`.
    pub fn read(&self, name: &str) -> Vec<u8> {
        let path = self.join(name);
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Writes the file `name` and returns its path.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        std::fs::write(self.join(name), content).unwrap();
        self.join(name)
    }
}
