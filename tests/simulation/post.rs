//! A queue with its worker and the disk that the worker writes to.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use splashdam::action::{Action, ActionCounters, ActionOptions, DriverOptions};
use splashdam::base::simulated::{Random, SimulatedClock};
use splashdam::base::{Instant, Sleeper};
use splashdam::message::LocalClock;
use splashdam::output::file::FileOptions;
use splashdam::output::simulated::{SimulatedDisk, SimulatedExecutor};
use splashdam::queue::{Consumers, Queue, QueueOptions};
use splashdam::rules::{Program, Ruleset, Statement};
use splashdam::template::Template;
use splashdam::work::{Duties, Rules, Turn, Worker, WorkerShared};

use crate::script::{ActionScript, Script};
use crate::world::Silent;

type SimulatedWorker = Worker<SimulatedExecutor, SimulatedClock>;

pub struct Post {
    pub disk: SimulatedDisk,
    /// `None` when it is done.
    worker: Option<SimulatedWorker>,
    pub shared: Arc<WorkerShared>,
    sleeper: Arc<Sleeper>,
    notified: Arc<AtomicBool>,
    state: WorkerState,
    /// Whether the worker gets no turn.
    pub is_stalled: bool,
    /// File and account of each action.
    pub actions: Vec<(PathBuf, Arc<ActionCounters>)>,
}

/// The state of a worker's thread: as in `work::run`.
#[derive(Clone, Copy)]
enum WorkerState {
    Running,
    /// It was told to wait, and has not said so yet.
    Deciding {
        until: Option<Instant>,
    },
    Sleeping {
        until: Option<Instant>,
    },
}

impl Post {
    pub fn new(
        index: usize,
        script: &Script,
        clock: &SimulatedClock,
        random: Random,
        producers: Vec<Arc<Sleeper>>,
    ) -> Post {
        let disk = SimulatedDisk::new(clock.clone(), random, script.disk.clone());
        let notified = Arc::new(AtomicBool::new(false));
        let sleeper = Arc::new(Sleeper::new({
            let notified = Arc::clone(&notified);
            move || notified.store(true, Ordering::Relaxed)
        }));
        let queue = Queue::new(
            format!("queue-{index}"),
            QueueOptions {
                size: script.queue_size,
                memory_bytes_max: script.queue_bytes_max,
                dequeue_batch_size: script.dequeue_batch_size,
                ..QueueOptions::main()
            },
            Consumers::one(Arc::clone(&sleeper)),
            producers,
        );
        let shared = Arc::new(WorkerShared::new(Arc::new(queue)));
        let template = Template::compile("simulation", "%rawmsg%\\n");
        let template = Arc::new(template.expect("a template"));
        let mut accounts = Vec::new();
        let mut actions = Vec::new();
        for (number, action) in script.actions.iter().enumerate() {
            let path = PathBuf::from(format!("/var/log/{index}-{number}"));
            let counters = Arc::new(ActionCounters::default());
            accounts.push((path.clone(), Arc::clone(&counters)));
            actions.push(Action::new(
                number,
                options(number, path, action),
                Arc::clone(&template),
                counters,
                Arc::new(Silent),
            ));
        }
        // Only those of its own queue come to it.
        let ruleset = Ruleset {
            name: String::new(),
            statements: (0..actions.len()).map(Statement::Action).collect(),
            has_queue: index > 0,
        };
        let mut rulesets = vec![Ruleset::default(); script.queues];
        rulesets[index] = ruleset;
        let program = Program {
            rulesets,
            default: 0,
        };
        Post {
            worker: Some(Worker::new(
                disk.executor(),
                clock.clone(),
                Arc::clone(&shared),
                Duties {
                    place: 0,
                    rules: Rules::Program(Arc::new(program)),
                    outlets: Vec::new(),
                    actions: actions.into_iter().enumerate().collect(),
                    calendar: LocalClock::new(jiff::tz::TimeZone::UTC),
                },
            )),
            disk,
            shared,
            sleeper,
            notified,
            state: WorkerState::Running,
            is_stalled: false,
            actions: accounts,
        }
    }

    /// Whether the worker can do something now.
    pub fn is_ready(&self, now: Instant) -> bool {
        let is_late = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        let is_awake = match self.state {
            WorkerState::Running | WorkerState::Deciding { .. } => true,
            WorkerState::Sleeping { until } => {
                is_late(until)
                    || is_late(self.disk.next_completion())
                    || self.notified.load(Ordering::Relaxed)
            }
        };
        !self.is_done() && !self.is_stalled && is_awake
    }

    /// When it will be able to.
    pub fn next(&self) -> Option<Instant> {
        if self.is_done() || self.is_stalled {
            return None;
        }
        let until = match self.state {
            WorkerState::Sleeping { until } => until,
            _ => None,
        };
        until.into_iter().chain(self.disk.next_completion()).min()
    }

    /// Whether the worker has ended.
    pub fn is_done(&self) -> bool {
        self.worker.is_none()
    }

    pub fn turn(&mut self) {
        let Some(worker) = &mut self.worker else {
            return;
        };
        self.state = match self.state {
            WorkerState::Running => match worker.tick() {
                Turn::Again => WorkerState::Running,
                Turn::Started => {
                    self.disk.run();
                    WorkerState::Running
                }
                Turn::Wait { until } => WorkerState::Deciding { until },
                Turn::Done => {
                    self.worker = None;
                    WorkerState::Running
                }
            },
            WorkerState::Deciding { until } => {
                self.sleeper.prepare();
                if worker.has_work() {
                    self.sleeper.awake();
                    WorkerState::Running
                } else {
                    let rest = Duration::from_micros(100);
                    let soonest = worker.now() + rest;
                    WorkerState::Sleeping {
                        until: until.map(|until| until.max(soonest)),
                    }
                }
            }
            WorkerState::Sleeping { .. } => {
                self.disk.run();
                self.notified.store(false, Ordering::Relaxed);
                self.sleeper.awake();
                WorkerState::Running
            }
        };
    }

    /// Gives up at the end of the time to stop.
    pub fn abandon(&self) {
        if !self.is_done() {
            self.shared.must_abandon.store(true, Ordering::Release);
            self.shared.queue.wake_consumers();
        }
    }

    /// Reopens the files.
    pub fn reopen(&self) {
        let generation = &self.shared.reopen_generation;
        generation.fetch_add(1, Ordering::AcqRel);
        self.shared.queue.wake_consumers();
    }
}

fn options(number: usize, path: PathBuf, action: &ActionScript) -> ActionOptions {
    let file = FileOptions {
        sync: action.sync,
        ..FileOptions::new(&path)
    };
    ActionOptions {
        resume_retry_count: action.resume_retry_count,
        resume_interval: action.resume_interval,
        ..ActionOptions::new(format!("action-{number}"), DriverOptions::File(file), 0)
    }
}
