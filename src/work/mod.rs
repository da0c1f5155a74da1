//! Work: dequeue, apply the rules, hand each action its part, acknowledge.

mod run;
mod tokio_executor;
mod worker;

pub use run::run;
pub use tokio_executor::{OpenFile, TokioExecutor};
pub use worker::{Latency, Turn, Worker, WorkerShared};
