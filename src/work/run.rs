//! The loop of a worker's thread.

use std::time::Duration;

use super::{TokioExecutor, Turn, Worker};
use crate::base::{Clock, Heartbeat};

/// Drives a worker until it is done. Runs inside a tokio-uring runtime; the
/// executor's notification wakes it. Each turn is a beat of `heart`.
pub async fn run<C: Clock>(mut worker: Worker<TokioExecutor, C>, heart: &Heartbeat) {
    let events = worker.executor().events();
    let sleeper = events.sleeper();
    loop {
        heart.beat();
        match worker.tick() {
            Turn::Again => {}
            // The runtime submits operations only when it would sleep: an
            // operation that is over at once makes it do both.
            Turn::Started => {
                tokio_uring::no_op().await.ok();
            }
            Turn::Wait { until } => {
                sleeper.prepare();
                if worker.has_work() {
                    sleeper.awake();
                    continue;
                }
                match until {
                    None => events.wait().await,
                    Some(until) => {
                        let rest = until.since(worker.now()).max(Duration::from_micros(100));
                        // Out of time is as good a reason to look as an event.
                        let _ = tokio::time::timeout(rest, events.wait()).await;
                    }
                }
                sleeper.awake();
            }
            Turn::Done => return,
        }
    }
}
