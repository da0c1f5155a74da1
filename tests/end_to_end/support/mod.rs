//! What the tests have in common.

mod accounts;
mod command;
mod ctl;
mod daemon;
mod disk;
mod flood;
mod nameserver;
pub mod network;
mod peer;
mod scratch;
mod setup;
mod wait;

pub use accounts::Accounts;
pub use command::{SPLASHDAM, program, splashdam};
pub use ctl::{connections, ctl};
pub use daemon::{Daemon, memory_kib};
pub use disk::Disk;
pub use flood::{Flood, Framing};
pub use nameserver::Nameserver;
pub use network::{Namespace, Network};
pub use peer::reset;
pub use scratch::Scratch;
pub use setup::{Setup, to_file};
pub use wait::{wait_for, wait_for_bytes, wait_for_text};
