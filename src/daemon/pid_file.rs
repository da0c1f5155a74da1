//! The file that names the running daemon (`-i`).

use std::io;
use std::path::{Path, PathBuf};

use super::terminal;

/// A PID file that exists as long as the value.
pub struct PidFile(PathBuf);

impl PidFile {
    /// Writes the process's number.
    ///
    /// # Errors
    /// EEXIST where a process of the number in the file lives; those of
    /// write(2).
    pub fn create(path: &Path) -> io::Result<PidFile> {
        if let Ok(text) = std::fs::read_to_string(path)
            && let Ok(pid) = text.trim().parse::<u32>()
            && pid != std::process::id()
            && Path::new(&format!("/proc/{pid}")).exists()
        {
            let text = format!("process {pid} lives");
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
        }
        std::fs::write(path, format!("{}\n", std::process::id()))?;
        Ok(PidFile(path.to_owned()))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // After a drop of privileges its directory may be another one's. It is
        // not given to the new user: who can write it chooses which process is
        // stopped in the daemon's place.
        terminal::remove_or_warn(&self.0, "PID file");
    }
}
