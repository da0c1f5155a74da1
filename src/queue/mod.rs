//! Queues: batches in order, counted in messages and bytes.
//!
//! A queue takes what it has room for and returns the rest; it gives batches of
//! at most `queue.dequeueBatchSize` messages; and it holds the room of a
//! message until the actions have taken that message over.

mod bounded;
mod consumers;
mod counters;
mod discard;
mod erase;
mod fixed_array;
mod linked_list;
mod options;
mod reserve;
mod room;
mod sampling;
mod state;
mod store;
#[cfg(test)]
mod tests;

pub use bounded::Queue;
pub use consumers::Consumers;
pub use counters::QueueCounters;
pub use options::{QueueKind, QueueOptions, Window};
pub use store::Store;
