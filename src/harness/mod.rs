//! The benchmark harness that ships in the binary: `flood` sends numbered
//! messages, `sink` receives or reads them back and checks the numbers,
//! `raw-copy` is the limit that any daemon is measured against.
//!
//! Nothing here is used by the daemon, and nothing here uses the daemon's own
//! framing or parsing: a tool that checks must not share the errors of what it
//! checks.

pub mod flood;
pub mod raw_copy;
pub mod sink;

mod latency;
mod stop;
