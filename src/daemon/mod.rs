//! The daemon: assembled from a configuration, run, watched, and stopped in
//! order.

mod admin;
mod assemble;
mod connections;
pub mod ctl;
mod names;
mod own;
mod pid_file;
mod run;
mod statistics;
mod switches;
pub mod terminal;

pub use run::{RunOptions, run};
pub use statistics::Statistics;
