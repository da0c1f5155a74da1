//! The daemon: assembled from a configuration, run, watched, and stopped in
//! order.

mod admin;
mod assemble;
mod connections;
pub mod ctl;
mod half_open;
mod keep_alive;
mod listeners;
mod metrics;
mod names;
mod open_files;
mod oversize_file;
mod own;
mod pid_file;
mod plan;
mod privileges;
mod queues;
mod rates;
mod run;
mod service;
mod socket_states;
mod statistics;
mod stop;
mod switches;
pub mod terminal;
mod threads;
mod workers;

pub use run::{RunOptions, run};
pub use statistics::Statistics;
