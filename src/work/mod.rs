//! Work: dequeue, apply the rules, hand each action its part, acknowledge.

mod latency;
#[cfg(test)]
mod model_tests;
mod outlet;
mod pace;
mod run;
mod tokio_executor;
mod worker;
#[cfg(test)]
mod worker_tests;

pub use latency::Latency;
pub use outlet::Outlet;
pub use run::run;
pub use tokio_executor::{OpenFile, TokioExecutor};
pub use worker::{Duties, Rules, Turn, Worker, WorkerShared};
