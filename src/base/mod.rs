//! What the machine gives: aligned and pooled memory, the clock, counters,
//! wake-ups, thread pinning, users and privileges, scanning of bytes, nearest
//! names. The only home of `libc`.

pub mod account;
pub mod aligned;
pub mod allocator;
pub mod atomic;
pub mod chunk;
pub mod clock;
pub mod counter;
pub mod datagram;
pub mod descriptor;
pub mod handed_over;
pub mod heartbeat;
pub mod kernel;
pub mod liveness;
pub mod mapping;
pub mod nearest;
pub mod pin;
pub mod privilege;
pub mod scan;
pub mod simulated;
pub mod sock_diag;
pub mod source_port;
pub mod text;
#[cfg(test)]
mod text_tests;
pub mod wake;

pub use aligned::AlignedBuffer;
pub use chunk::{Chunk, ChunkPool};
pub use clock::{Clock, Instant};
pub use counter::Counter;
pub use heartbeat::Heartbeat;
pub use liveness::Liveness;
pub use privilege::PrivilegeOptions;
pub use text::Text;
pub use wake::Sleeper;
