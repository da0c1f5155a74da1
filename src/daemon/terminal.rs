//! What the user reads at a terminal. The reader may be gone (`splashdam | true`);
//! `println!` would panic then, and end the daemon.

use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;

/// Writes a text that somebody asked for to standard output. Where the reader
/// is gone it is not missed.
///
/// # Errors
/// Those of write(2) but EPIPE: ENOSPC, for a file.
pub fn print(text: impl AsRef<[u8]>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_ref()).and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Columns of the terminal that standard output is; `None` if it is none.
pub fn width() -> Option<usize> {
    let (width, _) = terminal_size::terminal_size_of(io::stdout())?;
    Some(width.0.into())
}

/// Writes lines to standard output for whoever may read them.
pub fn say(text: impl Display) {
    // The daemon goes on whether it is read or not.
    let _ = print(format!("{text}\n"));
}

/// Removes a file that goes with the daemon; warns where it must be left. The
/// next start replaces it.
pub fn remove_or_warn(path: &Path, what: &str) {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => warn(format_args!(
            "the {what} {} stays, to be replaced at the next start: {error}",
            path.display()
        )),
        _ => {}
    }
}

/// Writes `splashdam: text` to standard error for whoever may read it.
pub fn warn(text: impl Display) {
    // The daemon goes on whether it is read or not.
    let _ = writeln!(io::stderr(), "splashdam: {text}");
}
