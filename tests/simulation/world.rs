//! The simulated world: who is in it, and whose turn it is.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use splashdam::base::descriptor::EventFd;
use splashdam::base::simulated::{Random, SimulatedClock};
use splashdam::base::{ChunkPool, Clock, Instant, Sleeper};
use splashdam::frame::{Delimiters, FramerOptions, OversizeMode};
use splashdam::message::{LocalClock, Report, Severity};
use splashdam::receive::{
    Admission, ChunkPools, Destinations, Inbox, Inherited, Listener, ListenerOptions, Reactor,
    ReactorOptions, ReactorShared,
};
use splashdam::ring::simulated::{SimulatedNetwork, SimulatedRing};

use crate::model::Limits;
use crate::post::Post;
use crate::resolver::Resolver;
use crate::script::{Binding, Ending, Event, Script};

/// Turns of all together after which a simulation is taken to go on for ever.
const TURNS_MAX: usize = 1_000_000;

/// Turns without a jump of the time after which somebody is taken to spin.
const TURNS_AT_ONCE_MAX: usize = 50_000;

type SimulatedReactor = Reactor<SimulatedRing, SimulatedClock>;

pub struct World {
    pub script: Script,
    pub clock: SimulatedClock,
    random: Random,
    pub network: SimulatedNetwork,
    /// `None` when it is done.
    reactors: Vec<Option<SimulatedReactor>>,
    pub pools: Vec<Arc<ChunkPool>>,
    pub short_pools: Vec<Arc<ChunkPool>>,
    pub reactor_shared: Arc<ReactorShared>,
    /// The main queue's first.
    pub posts: Vec<Post>,
    /// The socket of each connection of the script that was made.
    pub peers: Vec<Option<RawFd>>,
    /// None: no names are looked up.
    resolver: Option<Resolver>,
    schedule: BTreeMap<(Instant, usize), Step>,
    scheduled: usize,
    is_stopping: bool,
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
    AbandonWorkers,
}

/// Whose turn it is.
#[derive(Clone, Copy)]
enum Actor {
    Script,
    Reactor(usize),
    Worker(usize),
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

        let events: Vec<Arc<EventFd>> = (0..script.reactors)
            .map(|_| Arc::new(EventFd::new().expect("an eventfd")))
            .collect();
        let rooms: Vec<Arc<Sleeper>> = events.iter().map(sleeper_of).collect();
        let posts: Vec<Post> = (0..script.queues)
            .map(|index| Post::new(index, &script, &clock, random.fork(), rooms.clone()))
            .collect();
        let queue_of = |post: &Post| Arc::clone(&post.shared.queue);
        let own = posts.iter().enumerate();
        let own = own.map(|(index, post)| (index > 0).then(|| queue_of(post)));
        let resolver = random.fork();
        let resolver = random.chance(60).then(|| Resolver::new(resolver));
        let reactor_shared = Arc::new(ReactorShared {
            names: resolver
                .as_ref()
                .map(|resolver| Arc::clone(&resolver.names)),
            listeners: script
                .listeners
                .iter()
                .zip(&script.bindings)
                .map(|(limits, binding)| listener(limits, binding))
                .collect(),
            destinations: Destinations::new(queue_of(&posts[0]), own),
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
        let mut world = World {
            peers: vec![None; script.connections.len()],
            reactors: Vec::new(),
            pools: Vec::new(),
            short_pools: Vec::new(),
            reactor_shared,
            posts,
            resolver,
            schedule: BTreeMap::new(),
            scheduled: 0,
            is_stopping: false,
            script,
            clock,
            random,
            network,
        };
        world.add_reactors(&events, &rooms);
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
        for (index, post) in self.posts.iter().enumerate() {
            if post.is_ready(now) {
                ready.push(Actor::Worker(index));
            }
        }
        ready
    }

    /// When somebody will be ready.
    fn next(&self) -> Option<Instant> {
        let script = self.schedule.keys().next().map(|(at, _)| *at);
        let reactors = (0..self.reactors.len())
            .filter(|&index| self.reactors[index].is_some())
            .filter_map(|index| self.network.deadline(index));
        let workers = self.posts.iter().filter_map(Post::next);
        script.into_iter().chain(reactors).chain(workers).min()
    }

    fn turn(&mut self, actor: Actor) {
        match actor {
            Actor::Script => {
                if let Some((_, step)) = self.schedule.pop_first() {
                    self.step(step);
                }
            }
            Actor::Reactor(index) => self.turn_reactor(index),
            Actor::Worker(index) => self.posts[index].turn(),
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
            for post in &self.posts {
                post.shared.queue.close();
            }
        }
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
            Step::AbandonWorkers if self.reactors.iter().any(Option::is_some) => {
                let later = self.clock.now() + Duration::from_millis(1);
                self.schedule(later, Step::AbandonWorkers);
            }
            Step::AbandonWorkers => self.posts.iter().for_each(Post::abandon),
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Fail { errno, lasting } => {
                for post in &self.posts {
                    post.disk.fail(errno, self.clock.now() + lasting);
                }
            }
            Event::Truncate(action) => {
                for post in &self.posts {
                    post.disk.truncate(&post.actions[action].0);
                }
            }
            Event::Rotate(action) => {
                for post in &self.posts {
                    post.disk.rotate(&post.actions[action].0);
                }
                let told = self.random.duration(Duration::from_millis(50));
                let told = self.clock.now() + told;
                self.schedule(told, Step::Other(Event::Reopen));
            }
            Event::Reopen => self.posts.iter().for_each(Post::reopen),
            Event::Stall { queue, lasting } => {
                self.posts[queue].is_stalled = true;
                let over = self.clock.now() + lasting;
                self.schedule(over, Step::Other(Event::GoOn(queue)));
            }
            Event::GoOn(queue) => {
                if !self.is_stopping {
                    self.check_flow_beside(queue);
                }
                self.posts[queue].is_stalled = false;
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
        self.schedule(completed_by, Step::AbandonWorkers);
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
        let mut posts = self.posts.iter();
        assert!(posts.all(Post::is_done), "a worker does not end");
        self.check_end();
    }

    /// Whether messages may have been given up.
    pub fn may_have_lost(&self) -> bool {
        self.reactor_shared.must_abandon.load(Ordering::Relaxed)
            || self
                .posts
                .iter()
                .any(|post| post.shared.must_abandon.load(Ordering::Relaxed))
    }
}

fn sleeper_of(event: &Arc<EventFd>) -> Arc<Sleeper> {
    let event = Arc::clone(event);
    Arc::new(Sleeper::new(move || event.signal()))
}

/// Its real socket serves as a name only: nobody connects to it.
fn listener(limits: &Limits, binding: &Binding) -> Listener {
    let options = ListenerOptions {
        address: Ipv4Addr::LOCALHOST.into(),
        octet_counted_framing: limits.octet_counted,
        delimiters: Delimiters {
            additional: limits.additional,
            ..Delimiters::default()
        },
        backlog: 1,
        ruleset: binding.queue,
        delay: binding.delay,
        ..ListenerOptions::default()
    };
    Listener::open(options, &mut Inherited::default()).expect("a listener")
}
