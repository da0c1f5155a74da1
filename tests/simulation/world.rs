//! The simulated world: who is in it, and whose turn it is.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::{AsRawFd, RawFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use splashdam::action::{Action, ActionCounters, ActionOptions, DriverOptions};
use splashdam::base::descriptor::EventFd;
use splashdam::base::simulated::{Random, SimulatedClock};
use splashdam::base::{ChunkPool, Clock, Instant, Sleeper};
use splashdam::frame::{Delimiters, FramerOptions, OversizeMode};
use splashdam::message::{LocalClock, Report, Severity};
use splashdam::output::file::FileOptions;
use splashdam::output::simulated::{SimulatedDisk, SimulatedExecutor};
use splashdam::queue::{Consumers, Queue, QueueOptions};
use splashdam::receive::{
    Admission, ChunkPools, Destinations, Inbox, Inherited, Listener, ListenerOptions, Reactor,
    ReactorOptions, ReactorShared,
};
use splashdam::ring::simulated::{SimulatedNetwork, SimulatedRing};
use splashdam::rules::{Program, Statement};
use splashdam::template::Template;
use splashdam::work::{Duties, Rules, Turn, Worker, WorkerShared};

use crate::model::Limits;
use crate::resolver::Resolver;
use crate::script::{Ending, Event, Script};

/// Turns of all together after which a simulation is taken to go on for ever.
const TURNS_MAX: usize = 1_000_000;

/// Turns without a jump of the time after which somebody is taken to spin.
const TURNS_AT_ONCE_MAX: usize = 50_000;

type SimulatedReactor = Reactor<SimulatedRing, SimulatedClock>;
type SimulatedWorker = Worker<SimulatedExecutor, SimulatedClock>;

pub struct World {
    pub script: Script,
    pub clock: SimulatedClock,
    random: Random,
    pub network: SimulatedNetwork,
    pub disk: SimulatedDisk,
    /// `None` when it is done.
    reactors: Vec<Option<SimulatedReactor>>,
    pub pools: Vec<Arc<ChunkPool>>,
    pub short_pools: Vec<Arc<ChunkPool>>,
    pub reactor_shared: Arc<ReactorShared>,
    worker: Option<SimulatedWorker>,
    pub worker_shared: Arc<WorkerShared>,
    worker_sleeper: Arc<Sleeper>,
    worker_notified: Arc<AtomicBool>,
    worker_state: WorkerState,
    pub actions: Vec<(PathBuf, Arc<ActionCounters>)>,
    /// The socket of each connection of the script that was made.
    pub peers: Vec<Option<RawFd>>,
    /// None: no names are looked up.
    resolver: Option<Resolver>,
    schedule: BTreeMap<(Instant, usize), Step>,
    scheduled: usize,
    is_stopping: bool,
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

/// What the schedule holds.
enum Step {
    Connect(usize),
    Send {
        connection: usize,
        part: usize,
    },
    End(usize),
    Other(Event),
    /// The name of an address is known.
    Answer(IpAddr),
    CheckLookups,
    AbandonReactors,
    AbandonWorker,
}

/// Whose turn it is.
#[derive(Clone, Copy)]
enum Actor {
    Script,
    Reactor(usize),
    Worker,
}

/// Hears nothing.
pub struct Silent;

impl Report for Silent {
    fn report(&self, _severity: Severity, _text: String) {}
}

impl World {
    pub fn new(seed: u64) -> World {
        let mut random = Random::new(seed);
        let script = Script::new(&mut random);
        let clock = SimulatedClock::new();
        let network = SimulatedNetwork::new(clock.clone(), random.fork(), script.network.clone());
        let disk = SimulatedDisk::new(clock.clone(), random.fork(), script.disk.clone());

        let events: Vec<Arc<EventFd>> = (0..script.reactors)
            .map(|_| Arc::new(EventFd::new().expect("an eventfd")))
            .collect();
        let rooms: Vec<Arc<Sleeper>> = events.iter().map(sleeper_of).collect();
        let worker_notified = Arc::new(AtomicBool::new(false));
        let worker_sleeper = Arc::new(Sleeper::new({
            let notified = Arc::clone(&worker_notified);
            move || notified.store(true, Ordering::Relaxed)
        }));
        let queue = Arc::new(Queue::new(
            "main",
            QueueOptions {
                size: script.queue_size,
                memory_bytes_max: script.queue_bytes_max,
                dequeue_batch_size: script.dequeue_batch_size,
                ..QueueOptions::main()
            },
            Consumers::one(Arc::clone(&worker_sleeper)),
            rooms.clone(),
        ));
        let resolver = random.fork();
        let resolver = random.chance(60).then(|| Resolver::new(resolver));
        let reactor_shared = Arc::new(ReactorShared {
            names: resolver
                .as_ref()
                .map(|resolver| Arc::clone(&resolver.names)),
            listeners: script.listeners.iter().map(listener).collect(),
            destinations: Destinations::one(Arc::clone(&queue)),
            inboxes: events
                .iter()
                .map(|event| Arc::new(Inbox::new(Arc::clone(event))))
                .collect(),
            admission: Admission::default(),
            report: Arc::new(Silent),
            reports_oversize: false,
            oversize: None,
            is_stopping: AtomicBool::new(false),
            must_abandon: AtomicBool::new(false),
        });
        let worker_shared = Arc::new(WorkerShared::new(queue));
        let mut world = World {
            peers: vec![None; script.connections.len()],
            reactors: Vec::new(),
            pools: Vec::new(),
            short_pools: Vec::new(),
            reactor_shared,
            worker: None,
            worker_shared,
            worker_sleeper,
            worker_notified,
            worker_state: WorkerState::Running,
            actions: Vec::new(),
            resolver,
            schedule: BTreeMap::new(),
            scheduled: 0,
            is_stopping: false,
            script,
            clock,
            random,
            network,
            disk,
        };
        world.add_reactors(&events, &rooms);
        world.add_worker();
        world.schedule_script();
        world
    }

    fn add_reactors(&mut self, events: &[Arc<EventFd>], rooms: &[Arc<Sleeper>]) {
        let framer = FramerOptions {
            message_bytes_max: self.script.listeners[0].message_bytes_max,
            frame_bytes_max: self.script.listeners[0].frame_bytes_max,
            oversize: match self.script.listeners[0].splits {
                true => OversizeMode::Split,
                false => OversizeMode::Truncate,
            },
            ..FramerOptions::default()
        };
        for (index, event) in events.iter().enumerate() {
            let pools = ChunkPools::new(
                self.script.chunks as u16,
                self.script.short_chunks,
                framer.carry_bytes_max(),
                sleeper_of(event),
            );
            let pools = pools.expect("memory");
            self.pools.push(Arc::clone(&pools.whole));
            self.short_pools.push(Arc::clone(&pools.short));
            self.reactors.push(Some(Reactor::new(
                self.network.ring(Arc::clone(event), self.script.chunks),
                self.clock.clone(),
                LocalClock::new(jiff::tz::TimeZone::UTC),
                ReactorOptions {
                    index,
                    framer: framer.clone(),
                    provided_max: self.script.provided_max,
                },
                Arc::clone(&self.reactor_shared),
                pools,
                Arc::clone(&rooms[index]),
            )));
        }
    }

    fn add_worker(&mut self) {
        let template = Template::compile("simulation", "%rawmsg%\\n");
        let template = Arc::new(template.expect("a template"));
        let mut actions = Vec::new();
        for (index, action) in self.script.actions.iter().enumerate() {
            let path = PathBuf::from(format!("/var/log/{index}"));
            let file = FileOptions {
                sync: action.sync,
                ..FileOptions::new(&path)
            };
            let options = ActionOptions {
                resume_retry_count: action.resume_retry_count,
                resume_interval: action.resume_interval,
                ..ActionOptions::new(format!("action-{index}"), DriverOptions::File(file), 0)
            };
            let counters = Arc::new(ActionCounters::default());
            self.actions.push((path, Arc::clone(&counters)));
            actions.push(Action::new(
                index,
                options,
                Arc::clone(&template),
                counters,
                Arc::new(Silent),
            ));
        }
        self.worker = Some(Worker::new(
            self.disk.executor(),
            self.clock.clone(),
            Arc::clone(&self.worker_shared),
            Duties {
                place: 0,
                rules: Rules::Program(Arc::new(Program::of(
                    (0..actions.len()).map(Statement::Action).collect(),
                ))),
                outlets: Vec::new(),
                actions: actions.into_iter().enumerate().collect(),
                calendar: LocalClock::new(jiff::tz::TimeZone::UTC),
            },
        ));
    }

    fn schedule_script(&mut self) {
        let mut steps = Vec::new();
        for (number, connection) in self.script.connections.iter().enumerate() {
            let mut at = connection.at;
            steps.push((at, Step::Connect(number)));
            for (part, (pause, _)) in connection.parts.iter().enumerate() {
                at += *pause;
                let connection = number;
                steps.push((at, Step::Send { connection, part }));
            }
            at += connection.end.0;
            steps.push((at, Step::End(number)));
        }
        for (at, event) in &self.script.events {
            steps.push((*at, Step::Other(event.clone())));
        }
        for (at, step) in steps {
            self.schedule(Instant::default() + at, step);
        }
    }

    fn schedule(&mut self, at: Instant, step: Step) {
        self.schedule.insert((at, self.scheduled), step);
        self.scheduled += 1;
    }

    /// Runs to the end.
    pub fn run(&mut self) {
        let mut at_once = 0;
        for _ in 0..TURNS_MAX {
            let ready = self.ready();
            if !ready.is_empty() {
                let actor = ready[self.random.within(0..ready.len())];
                self.turn(actor);
                self.check_turn();
                self.clock
                    .advance(self.random.duration(Duration::from_micros(20)));
                at_once += 1;
                assert!(at_once < TURNS_AT_ONCE_MAX, "somebody spins");
                continue;
            }
            at_once = 0;
            if let Some(next) = self.next() {
                self.clock.advance_to(next);
            } else if !self.is_stopping {
                self.check_quiet();
                self.begin_stop();
            } else {
                return self.end();
            }
        }
        panic!("it goes on for ever");
    }

    fn ready(&self) -> Vec<Actor> {
        let now = self.clock.now();
        let mut ready = Vec::new();
        if self
            .schedule
            .keys()
            .next()
            .is_some_and(|(at, _)| *at <= now)
        {
            ready.push(Actor::Script);
        }
        for (index, reactor) in self.reactors.iter().enumerate() {
            if reactor.is_some() && self.network.is_ready(index) {
                ready.push(Actor::Reactor(index));
            }
        }
        let is_late = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        let worker_is_ready = match self.worker_state {
            WorkerState::Running | WorkerState::Deciding { .. } => true,
            WorkerState::Sleeping { until } => {
                is_late(until)
                    || is_late(self.disk.next_completion())
                    || self.worker_notified.load(Ordering::Relaxed)
            }
        };
        if self.worker.is_some() && worker_is_ready {
            ready.push(Actor::Worker);
        }
        ready
    }

    /// When somebody will be ready.
    fn next(&self) -> Option<Instant> {
        let script = self.schedule.keys().next().map(|(at, _)| *at);
        let reactors = (0..self.reactors.len())
            .filter(|&index| self.reactors[index].is_some())
            .filter_map(|index| self.network.deadline(index));
        let worker = match (&self.worker, self.worker_state) {
            (Some(_), WorkerState::Sleeping { until }) => until,
            _ => None,
        };
        let disk = self.worker.as_ref().and(self.disk.next_completion());
        script
            .into_iter()
            .chain(reactors)
            .chain(worker)
            .chain(disk)
            .min()
    }

    fn turn(&mut self, actor: Actor) {
        match actor {
            Actor::Script => {
                if let Some((_, step)) = self.schedule.pop_first() {
                    self.step(step);
                }
            }
            Actor::Reactor(index) => self.turn_reactor(index),
            Actor::Worker => self.turn_worker(),
        }
        self.begin_lookups();
    }

    fn begin_lookups(&mut self) {
        let Some(resolver) = &mut self.resolver else {
            return;
        };
        let inboxes = &self.reactor_shared.inboxes;
        let (begun, check_at) = resolver.begin(inboxes, self.clock.now());
        for (at, address) in begun {
            self.schedule(at, Step::Answer(address));
        }
        if let Some(at) = check_at {
            self.schedule(at, Step::CheckLookups);
        }
    }

    fn turn_reactor(&mut self, index: usize) {
        let Some(reactor) = &mut self.reactors[index] else {
            return;
        };
        match reactor.tick() {
            Ok(true) => {}
            Ok(false) => self.reactors[index] = None,
            // It sleeps.
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
        }
        if self.reactors.iter().all(Option::is_none) {
            self.worker_shared.queue.close();
        }
    }

    fn turn_worker(&mut self) {
        let Some(worker) = &mut self.worker else {
            return;
        };
        self.worker_state = match self.worker_state {
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
                self.worker_sleeper.prepare();
                if worker.has_work() {
                    self.worker_sleeper.awake();
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
                self.worker_notified.store(false, Ordering::Relaxed);
                self.worker_sleeper.awake();
                WorkerState::Running
            }
        };
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Connect(number) => {
                // A daemon that has stopped refuses.
                if self.reactors[0].is_some() {
                    let listener = self.script.connections[number].listener;
                    let listener = self.reactor_shared.listeners[listener].as_raw_fd();
                    // Some peers have several connections.
                    let address = Ipv4Addr::new(127, 0, 0, 1 + number as u8 % 7);
                    let address = SocketAddr::from((address, 1024 + number as u16));
                    self.peers[number] = Some(self.network.connect(listener, address));
                }
            }
            Step::Send { connection, part } => {
                if let Some(peer) = self.peers[connection] {
                    let (_, bytes) = &self.script.connections[connection].parts[part];
                    self.network.send(peer, bytes);
                }
            }
            Step::End(number) => {
                match (self.peers[number], self.script.connections[number].end.1) {
                    (Some(peer), Ending::Finish) => self.network.finish(peer),
                    (Some(peer), Ending::Reset) => self.network.reset(peer),
                    _ => {}
                }
            }
            Step::Other(event) => self.event(event),
            Step::Answer(address) => {
                if let Some(resolver) = &mut self.resolver {
                    let inboxes = &self.reactor_shared.inboxes;
                    resolver.answer(inboxes, address, self.clock.now());
                }
            }
            Step::CheckLookups => {
                let inboxes = &self.reactor_shared.inboxes;
                let now = self.clock.now();
                let resolver = self.resolver.as_mut();
                if let Some(at) = resolver.and_then(|resolver| resolver.check(inboxes, now)) {
                    self.schedule(at.max(now + Duration::from_micros(1)), Step::CheckLookups);
                }
            }
            Step::AbandonReactors => {
                if self.reactors.iter().any(Option::is_some) {
                    let shared = &self.reactor_shared;
                    shared.must_abandon.store(true, Ordering::Release);
                    self.wake_reactors();
                }
            }
            Step::AbandonWorker if self.reactors.iter().any(Option::is_some) => {
                let later = self.clock.now() + Duration::from_millis(1);
                self.schedule(later, Step::AbandonWorker);
            }
            Step::AbandonWorker => {
                if self.worker.is_some() {
                    let shared = &self.worker_shared;
                    shared.must_abandon.store(true, Ordering::Release);
                    shared.queue.wake_consumers();
                }
            }
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Fail { errno, lasting } => {
                self.disk.fail(errno, self.clock.now() + lasting);
            }
            Event::Truncate(action) => self.disk.truncate(&self.actions[action].0),
            Event::Rotate(action) => {
                self.disk.rotate(&self.actions[action].0);
                let told = self.random.duration(Duration::from_millis(50));
                let told = self.clock.now() + told;
                self.schedule(told, Step::Other(Event::Reopen));
            }
            Event::Reopen => {
                let generation = &self.worker_shared.reopen_generation;
                generation.fetch_add(1, Ordering::AcqRel);
                self.worker_shared.queue.wake_consumers();
            }
            Event::Interrupt(reactor) => self.network.interrupt(reactor),
            Event::Stop => self.begin_stop(),
        }
    }

    /// Stops as `daemon::run` does.
    fn begin_stop(&mut self) {
        let now = self.clock.now();
        let drained_by = now + self.script.timeout_shutdown;
        let completed_by = drained_by + self.script.timeout_action_completion;
        self.is_stopping = true;
        let shared = &self.reactor_shared;
        shared.is_stopping.store(true, Ordering::Release);
        self.wake_reactors();
        self.schedule(drained_by, Step::AbandonReactors);
        self.schedule(completed_by, Step::AbandonWorker);
    }

    fn wake_reactors(&self) {
        for inbox in &self.reactor_shared.inboxes {
            inbox.event().signal();
        }
    }

    fn end(&mut self) {
        assert!(
            self.reactors.iter().all(Option::is_none),
            "a reactor does not end"
        );
        assert!(self.worker.is_none(), "the worker does not end");
        self.check_end();
    }

    /// Whether messages may have been given up.
    pub fn may_have_lost(&self) -> bool {
        self.reactor_shared.must_abandon.load(Ordering::Relaxed)
            || self.worker_shared.must_abandon.load(Ordering::Relaxed)
    }
}

fn sleeper_of(event: &Arc<EventFd>) -> Arc<Sleeper> {
    let event = Arc::clone(event);
    Arc::new(Sleeper::new(move || event.signal()))
}

/// Its real socket serves as a name only: nobody connects to it.
fn listener(limits: &Limits) -> Listener {
    let options = ListenerOptions {
        address: Ipv4Addr::LOCALHOST.into(),
        octet_counted_framing: limits.octet_counted,
        delimiters: Delimiters {
            additional: limits.additional,
            ..Delimiters::default()
        },
        backlog: 1,
        ..ListenerOptions::default()
    };
    Listener::open(options, &mut Inherited::default()).expect("a listener")
}
