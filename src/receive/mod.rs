//! Reception: listeners, connections, and the reactors that serve them.
//!
//! A reactor is one thread's state machine: it accepts, receives, frames and
//! parses, and publishes whole batches to a queue. It never blocks but in its
//! ring, takes no lock and allocates nothing per message.

mod access;
mod account;
mod admission;
mod assembly;
mod chunk_pools;
mod close_reason;
mod connection;
mod counters;
mod destinations;
mod endpoint;
mod framing;
mod inbox;
mod inherited;
mod keepalive;
mod listener;
mod options;
mod oversize;
mod proxy;
mod rate_limit;
mod reactor;
mod registry;
mod senders;
mod socket_file;
mod tellings;
mod udp;
mod wrapping;

pub use access::{AccessOptions, Network, NetworkError};
pub use account::ConnectionAccount;
pub use admission::Admission;
pub use chunk_pools::ChunkPools;
pub use close_reason::CloseReason;
pub use counters::InputCounters;
pub use destinations::Destinations;
pub use endpoint::{Endpoint, Peer, UnixOptions};
pub use inbox::{Handover, Inbox};
pub use inherited::Inherited;
pub use keepalive::{KeepAliveOptions, PROBES_MAX, SECONDS_MAX};
pub use listener::{ListenError, Listener};
pub use options::ListenerOptions;
pub use oversize::{Oversize, OversizeQueue, OversizeSink};
pub use rate_limit::{RateLimit, RateLimitOptions};
pub use reactor::{Reactor, ReactorOptions, ReactorShared};
pub use registry::Registry;
pub use udp::{FreeBind, UdpOptions};
