//! Queues and the threads that serve them.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Result;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::own::OwnMessages;
use super::service::Hearts;
use super::threads::{Started, pin_to, start_thread};
use crate::action::{Action, ActionCounters, ActionOptions};
use crate::base::clock::SystemClock;
use crate::base::{Heartbeat, Sleeper};
use crate::message::{LocalClock, Report, Severity};
use crate::queue::Queue;
use crate::rules::Target;
use crate::template::Template;
use crate::work::{Duties, Outlet, Rules, TokioExecutor, Worker, WorkerShared, run};

/// Entries of a worker's ring: one operation for each action, and spare ones.
const WORKER_ENTRIES: u32 = 64;

/// How long a queue for which no worker could be started goes on with those it has.
const START_RETRY: Duration = Duration::from_secs(60);

/// What a worker sleeps on.
#[derive(Clone)]
pub struct Bed {
    pub notify: Arc<Notify>,
    pub sleeper: Arc<Sleeper>,
}

impl Bed {
    pub fn new() -> Bed {
        let notify = Arc::new(Notify::new());
        let sleeper = Arc::new(Sleeper::new({
            let notify = Arc::clone(&notify);
            move || notify.notify_one()
        }));
        Bed { notify, sleeper }
    }
}

/// What an action is built from, once for each worker that drives it.
#[derive(Clone)]
pub struct ActionParts {
    pub options: ActionOptions,
    pub template: Arc<Template>,
    pub counters: Arc<ActionCounters>,
    pub report: Arc<dyn Report>,
}

/// A queue and its workers.
pub struct Served {
    pub shared: Arc<WorkerShared>,
    /// Queues of an earlier stage feed those of a later one.
    pub stage: usize,
    pub parts: ServedParts,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// What the workers of a queue are built from.
pub struct ServedParts {
    /// One for each of them.
    pub beds: Vec<Bed>,
    pub rules: Rules,
    pub outlets: Vec<(Target, Arc<Queue>)>,
    /// With the indexes that the rules have for them.
    pub actions: Vec<(usize, ActionParts)>,
    /// Whether files may be opened with O_DIRECT.
    pub use_direct: bool,
    /// The processors that they keep to.
    pub processors: Vec<Option<usize>>,
}

impl Served {
    /// A queue without workers yet.
    pub fn new(shared: Arc<WorkerShared>, stage: usize, parts: ServedParts) -> Served {
        Served {
            shared,
            stage,
            parts,
            threads: Mutex::default(),
        }
    }

    pub fn queue(&self) -> &Arc<Queue> {
        &self.shared.queue
    }

    /// Starts the worker of the queue's consumer `place`, and returns when it
    /// works.
    ///
    /// # Errors
    /// No thread, no io_uring.
    pub fn start(&self, place: usize, hearts: &Hearts) -> Result<()> {
        let name = match place {
            0 => format!("worker-{}", self.queue().name()),
            _ => format!("worker-{}-{}", self.queue().name(), place + 1),
        };
        let bed = self.parts.beds[place].clone();
        let shared = Arc::clone(&self.shared);
        let rules = self.parts.rules.clone();
        let outlets = self.parts.outlets.clone();
        let actions = self.parts.actions.clone();
        let use_direct = self.parts.use_direct;
        let processor = self.parts.processors[place];
        let heart = hearts.add(&name);
        let work = move |started: Started| {
            pin_to(processor);
            tokio_uring::builder().entries(WORKER_ENTRIES).start(async {
                let executor = TokioExecutor::new(bed.notify, bed.sleeper, use_direct);
                let outlets = outlets.into_iter();
                let duties = Duties {
                    place,
                    rules,
                    outlets: outlets.map(|(to, queue)| Outlet::new(to, queue)).collect(),
                    actions: instances(actions),
                    calendar: LocalClock::system(),
                };
                let worker = Worker::new(executor, SystemClock, shared, duties);
                // The starter waits for it; if it is gone the process is ending.
                let _ = started.send(io::Result::Ok(()));
                run(worker, &heart as &Heartbeat).await;
            });
        };
        let thread = start_thread(&name, work)?;
        let mut threads = self.threads();
        threads.retain(|thread| !thread.is_finished());
        threads.push(thread);
        Ok(())
    }

    /// Starts the workers that what waits asks for, each at its place by `start`.
    fn start_wanted(&self, mut start: impl FnMut(usize) -> Result<()>) -> Result<()> {
        let (queue, consumers) = (self.queue(), self.queue().consumers());
        while !queue.is_closed() && consumers.running() < consumers.wanted(queue.waiting()) {
            let Some(place) = consumers.begin() else {
                break;
            };
            if let Err(error) = start(place) {
                consumers.end(place);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Whether all its workers have ended.
    pub fn is_finished(&self) -> bool {
        self.threads().iter().all(JoinHandle::is_finished)
    }

    fn threads(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        // The list is whole at every moment, also where a thread died.
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts workers where more are wanted than run, for ever.
pub async fn serve(queues: Arc<Vec<Served>>, starter: Bed, hearts: Hearts, own: Arc<OwnMessages>) {
    let mut failures = Failures::default();
    loop {
        starter.sleeper.prepare();
        let start = |served: &Served, place| served.start(place, &hearts);
        failures.start_wanted(&queues, Instant::now(), start, &own);
        let wake_up = starter.notify.notified();
        match failures.0.is_empty() {
            true => wake_up.await,
            // Out of time is as good a reason to look as a wake-up.
            false => drop(timeout(START_RETRY, wake_up).await),
        }
    }
}

/// Queues for which no worker could be started, and when that is tried again: what
/// is told of it may go into the same queue, which then asks for the worker again.
#[derive(Default)]
struct Failures(Vec<(usize, Instant)>);

impl Failures {
    fn start_wanted(
        &mut self,
        queues: &[Served],
        now: Instant,
        mut start: impl FnMut(&Served, usize) -> Result<()>,
        own: &OwnMessages,
    ) {
        self.0.retain(|(_, until)| *until > now);
        for (index, served) in queues.iter().enumerate() {
            if self.0.iter().any(|(failed, _)| *failed == index) {
                continue;
            }
            if let Err(error) = served.start_wanted(|place| start(served, place)) {
                self.0.push((index, now + START_RETRY));
                let name = served.queue().name();
                let text = format!("queue {name}: no further worker: {error:#}");
                own.report(Severity::ERROR, text);
            }
        }
    }
}

/// The instances of one worker.
fn instances<F>(actions: Vec<(usize, ActionParts)>) -> Vec<(usize, Action<F>)> {
    let instance = |(position, (index, parts)): (usize, (usize, ActionParts))| {
        let action = Action::new(
            position,
            parts.options,
            parts.template,
            parts.counters,
            parts.report,
        );
        (index, action)
    };
    actions.into_iter().enumerate().map(instance).collect()
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;
    use crate::queue::{Consumers, QueueOptions};

    #[test]
    fn a_worker_that_cannot_be_started_is_told_and_tried_once_a_minute() {
        let own = OwnMessages::new("host", 0);
        let sleepers = (0..2).map(|_| Bed::new().sleeper).collect();
        let consumers = Consumers::new(sleepers, 1, None);
        let options = QueueOptions::main();
        let queue = Arc::new(Queue::new("main", options, consumers, Vec::new()));
        own.connect(Arc::clone(&queue));
        let parts = ServedParts {
            beds: Vec::new(),
            rules: Rules::Action(0),
            outlets: Vec::new(),
            actions: Vec::new(),
            use_direct: false,
            processors: Vec::new(),
        };
        let queues = [Served::new(Arc::new(WorkerShared::new(queue)), 0, parts)];
        own.report(Severity::INFO, "this one waits".to_owned());
        let mut failures = Failures::default();
        let mut tries = 0;
        let now = Instant::now();
        for seconds in 0..120 {
            let start = |_: &Served, _| {
                tries += 1;
                Err(anyhow!("no threads"))
            };
            failures.start_wanted(&queues, now + Duration::from_secs(seconds), start, &own);
        }
        let queue = queues[0].queue();
        assert_eq!((tries, queue.waiting()), (2, 3));
        assert_eq!(queue.consumers().running(), 1);
    }
}
