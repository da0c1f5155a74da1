//! Programs that are run to their end.

use std::path::Path;
use std::time::Duration;

use assert_cmd::Command;

/// The longest time that a program may take.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Path of the built program.
pub const SPLASHDAM: &str = env!("CARGO_BIN_EXE_splashdam");

/// `splashdam`, to be run in `directory`.
pub fn splashdam(directory: &Path) -> Command {
    let mut command = Command::new(SPLASHDAM);
    command.current_dir(directory).timeout(TIMEOUT);
    command
}

/// Another program.
pub fn program(name: &str) -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(name);
    // mkfs and the like are not in everybody's path.
    command
        .env("PATH", format!("{path}:/usr/sbin:/sbin"))
        .timeout(TIMEOUT);
    command
}
