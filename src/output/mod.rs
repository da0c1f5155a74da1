//! What actions do with messages: the drivers, and the I/O under them.

pub mod executor;
pub mod file;
pub mod simulated;

pub use executor::{Completion, Executor, Opened, Route, Write};
