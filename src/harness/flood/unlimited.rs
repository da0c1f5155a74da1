//! Sending as fast as the receiver takes it.

use std::cell::RefCell;
use std::io::ErrorKind;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

use super::connection::Progress;
use super::text::Block;
use super::{Connection, Outcome, Plan};
use crate::harness::stop::Stop;

/// Between two looks at the clock and at the signals while the receiver takes
/// nothing.
const WAIT: Duration = Duration::from_millis(100);

/// How long the receiver may take for the rest of a message that is under way
/// when the time is over.
const LAST_MESSAGE_TIMEOUT: Duration = Duration::from_secs(5);

/// What the tasks of a thread have in common. They share one block, which stays
/// in the cache; a block of its own for each connection would not.
struct Shared {
    block: RefCell<Block>,
    outcome: RefCell<Outcome>,
    messages_per_write: u64,
    deadline: Option<Instant>,
    sent: Arc<AtomicU64>,
    stop: Stop,
}

/// One task per connection on this thread. Errors: no event queue.
pub fn send(plan: Plan) -> anyhow::Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .context("cannot start a sending thread")?;
    let shared = Rc::new(Shared {
        block: RefCell::new(plan.block),
        outcome: RefCell::new(Outcome::new()),
        messages_per_write: plan.messages_per_write,
        deadline: plan.deadline,
        sent: plan.sent,
        stop: plan.stop,
    });
    let tasks = LocalSet::new();
    for connection in plan.connections {
        let shared = shared.clone();
        tasks.spawn_local(async move {
            let Connection {
                number,
                socket,
                mut progress,
                limit,
            } = connection;
            let result = match TcpStream::from_std(socket) {
                Ok(socket) => shared.stream(&socket, &mut progress, limit).await,
                Err(error) => Err(error.into()),
            };
            let error = result
                .err()
                .map(|error| format!("connection {number}: {error:#}"));
            let mut outcome = shared.outcome.borrow_mut();
            outcome.add_connection(&progress, error);
            outcome.finished = Instant::now();
        });
    }
    runtime.block_on(tasks);
    let shared = Rc::into_inner(shared).context("a sending task is left over")?;
    Ok(shared.outcome.into_inner())
}

impl Shared {
    /// Sends the messages below `limit`, or until the time is over: then to the
    /// end of the message that is under way.
    async fn stream(
        &self,
        socket: &TcpStream,
        progress: &mut Progress,
        mut limit: u64,
    ) -> anyhow::Result<()> {
        let mut write_began = Instant::now();
        let mut give_up: Option<Instant> = None;
        while progress.messages() < limit {
            let now = Instant::now();
            let over = self.deadline.is_some_and(|deadline| now >= deadline);
            if give_up.is_none() && (over || self.stop.requested()) {
                limit = limit.min(progress.messages_begun());
                give_up = Some(now + LAST_MESSAGE_TIMEOUT);
                continue;
            }
            if give_up.is_some_and(|give_up| now >= give_up) {
                bail!("the receiver took no more: the last message is cut");
            }
            let written = {
                let mut block = self.block.borrow_mut();
                let bytes = progress.next(&mut block, self.messages_per_write, limit, true);
                socket.try_write(bytes)
            };
            match written {
                Ok(bytes) => {
                    progress.advance(bytes);
                    self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
                    let now = Instant::now();
                    self.outcome
                        .borrow_mut()
                        .latency
                        .record(now - write_began, 1);
                    // A receiver that takes everything would else keep the
                    // thread's other connections waiting.
                    tokio::task::yield_now().await;
                    write_began = Instant::now();
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    // Its expiry is no error: the loop looks at the clock.
                    if let Ok(ready) = tokio::time::timeout(WAIT, socket.writable()).await {
                        ready?;
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}
