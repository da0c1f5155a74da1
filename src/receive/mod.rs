//! Reception: listeners, connections, and the reactors that serve them.
//!
//! A reactor is one thread's state machine: it accepts, receives, frames and
//! parses, and publishes whole batches to a queue. It never blocks but in its
//! ring, takes no lock and allocates nothing per message.

mod assembly;
mod connection;
mod counters;
mod inbox;
mod listener;
mod options;
mod reactor;

pub use counters::InputCounters;
pub use inbox::{Handover, Inbox};
pub use listener::{ListenError, Listener};
pub use options::ListenerOptions;
pub use reactor::{Reactor, ReactorOptions, ReactorShared};
