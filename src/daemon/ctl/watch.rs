//! `--watch`: the same look again and again.

use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use crate::daemon::terminal;

/// Clears a terminal and goes to its first place (ECMA-48 ED and CUP).
const CLEAR: &str = "\x1b[2J\x1b[H";

/// Time between two looks.
const INTERVAL: Duration = Duration::from_secs(1);

/// Prints what `look` gives: once, or, where `is_repeated`, every second on a
/// cleared terminal until interrupted.
///
/// # Errors
/// Those of `look`; the terminal is closed.
pub(super) async fn show(
    is_repeated: bool,
    mut look: impl AsyncFnMut() -> Result<String>,
) -> Result<()> {
    if !is_repeated {
        terminal::print(look().await?)?;
        return Ok(());
    }
    loop {
        let text = look().await?;
        terminal::print(format!("{CLEAR}{text}"))?;
        sleep(INTERVAL).await;
    }
}
