//! What the machine gives: aligned and pooled memory, the clock, counters,
//! wake-ups, thread pinning, scanning of bytes, nearest names. The only home of `libc`.

pub mod accounts;
pub mod aligned;
pub mod atomic;
pub mod chunk;
pub mod clock;
pub mod counter;
pub mod descriptor;
pub mod kernel;
pub mod liveness;
pub mod mapping;
pub mod nearest;
pub mod pin;
pub mod scan;
pub mod simulated;
pub mod text;
#[cfg(test)]
mod text_tests;
pub mod wake;

pub use aligned::AlignedBuffer;
pub use chunk::{Chunk, ChunkPool};
pub use clock::{Clock, Instant};
pub use counter::Counter;
pub use liveness::Liveness;
pub use text::Text;
pub use wake::Sleeper;
