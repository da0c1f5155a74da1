//! The names of peers: a bounded cache that reactors read without a wait, and
//! the lookups behind it, which never run on a reactor.
//!
//! A reactor asks by a bounded queue; the control thread hands the lookups to a
//! small pool of threads, because getnameinfo(3) blocks, with a dead resolver
//! for ten seconds and more. It is getnameinfo nevertheless: it answers as
//! nsswitch.conf(5), hosts(5) and resolv.conf(5) say, as rsyslog does. A
//! resolver in Rust that reads them brought eighty crates, and takes any of the
//! names of a line of hosts(5) for the first one.

mod breaker;
mod cache;
mod lookups;
mod options;
mod resolver;
mod system;

pub use lookups::{Answer, Lookups, Named};
pub use options::NameOptions;
pub use resolver::{NameCounters, Names, Request};
pub use system::{own_full_name, system_lookup};
