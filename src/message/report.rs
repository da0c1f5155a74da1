//! What the daemon itself has to say.

use super::Severity;

/// Takes the daemon's own messages; they go through the pipeline like others
/// (tag `splashdam`, facility `syslog`). Never blocks.
pub trait Report: Send + Sync {
    fn report(&self, severity: Severity, text: String);
}
