//! Waiting for what other processes do: by looking again, for a bounded time.

use std::path::Path;
use std::time::{Duration, Instant};

/// How long a test waits for what must happen. Long, because other tests run at
/// the same time; it is spent only where the test fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// Time between two looks.
const INTERVAL: Duration = Duration::from_millis(5);

/// Looks until there is something to see. `what` tells what did not happen.
#[track_caller]
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(INTERVAL);
    }
}

/// Waits until a file has at least so many bytes.
#[track_caller]
pub fn wait_for_bytes(path: &Path, bytes: u64) {
    let what = format!("{bytes} bytes in {}", path.display());
    wait_for(&what, || (len(path) >= bytes).then_some(()));
}

/// Waits until a file contains the text.
#[track_caller]
pub fn wait_for_text(path: &Path, text: &str) {
    let what = format!("{text:?} in {}", path.display());
    wait_for(&what, || {
        let content = std::fs::read(path).unwrap_or_default();
        String::from_utf8_lossy(&content)
            .contains(text)
            .then_some(())
    });
}

fn len(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}
