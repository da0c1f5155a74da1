//! From a checked configuration to running threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use anyhow::{Context, Result};
use tokio::sync::Notify;

use super::oversize_file::OversizeFile;
use super::own::OwnMessages;
use super::plan::{Place, Plan, mark_shared_files};
use super::rates::Rates;
use super::service::Hearts;
use super::socket_states::SocketReader;
use super::switches::Switches;
use super::terminal;
use super::threads::{Started, pin_to, start_thread};
use super::workers::{ActionParts, Bed, Served, ServedParts};
use crate::action::ActionCounters;
use crate::base::clock::SystemClock;
use crate::base::descriptor::EventFd;
use crate::base::{Heartbeat, Sleeper, pin};
use crate::config::{Config, PinThreads};
use crate::limits::{
    CHUNKS_PER_REACTOR, CHUNKS_PROVIDED_MAX, DATAGRAM_BYTES_MAX, DATAGRAM_CHUNKS_PER_REACTOR,
    SHORT_CHUNKS_PER_REACTOR,
};
use crate::message::{LocalClock, Report};
use crate::names::Names;
use crate::queue::{Consumers, Queue};
use crate::receive::{
    Admission, ChunkPools, Destinations, Inbox, Listener, Reactor, ReactorOptions, ReactorShared,
};
use crate::ring::{Uring, UringOptions};
use crate::template::Template;
use crate::work::{Rules, WorkerShared};

/// The running parts of a daemon.
pub struct Daemon {
    pub own: Arc<OwnMessages>,
    pub reactors: Arc<ReactorShared>,
    /// In the order of the configuration, the main queue first.
    pub queues: Arc<Vec<Served>>,
    /// How fast they are filled and emptied.
    pub rates: Rates,
    /// Woken when a queue wants one more worker.
    pub starter: Bed,
    /// Name and account of each action.
    pub actions: Vec<(String, Arc<ActionCounters>)>,
    pub reactor_threads: Vec<JoinHandle<()>>,
    /// `oversizemsg.errorfile`.
    pub oversize_file: Option<OversizeFile>,
    /// Asks the kernel about the connections.
    pub sockets: SocketReader,
    /// Of all threads above.
    pub hearts: Hearts,
    /// Notified when a reactor asks for a name.
    pub asked: Arc<Notify>,
}

/// What a reactor's thread needs to build its reactor there.
struct ReactorParts {
    options: ReactorOptions,
    shared: Arc<ReactorShared>,
    event: Arc<EventFd>,
    room: Arc<Sleeper>,
    bundles: bool,
    heart: Arc<Heartbeat>,
    processor: Option<usize>,
}

impl Daemon {
    /// Starts the threads, and returns when all of them work. `listeners` are
    /// those of the configuration.
    ///
    /// # Errors
    /// io_uring that is switched off or too old; no memory, no threads.
    pub fn start(
        mut config: Config,
        listeners: Vec<Listener>,
        switches: Switches,
        own: Arc<OwnMessages>,
    ) -> Result<Daemon> {
        let reactor_count = config
            .reactors
            .unwrap_or_else(|| (pin::processor_count() / 2).max(1));
        // `threads` of imudp: each of a listener's sockets has a reactor.
        let udp = listeners
            .iter()
            .filter_map(|listener| listener.options.udp.as_ref());
        let reactor_count = udp.map(|udp| udp.sockets).fold(reactor_count, usize::max);
        let mut events = Vec::new();
        for _ in 0..reactor_count {
            events.push(Arc::new(EventFd::new().context("cannot make an eventfd")?));
        }
        let rooms: Vec<Arc<Sleeper>> = events.iter().map(sleeper_of).collect();
        let plan = Plan::of(&config);
        let starter = Bed::new();
        let (queues, beds) = make_queues(&plan, &rooms, &starter.sleeper);
        let oversize_file = match config.globals.oversize_error_file.clone() {
            Some(path) => Some(
                OversizeFile::start(path, own.clone())
                    .context("cannot start the thread oversize-file")?,
            ),
            None => None,
        };
        let asked = Arc::new(Notify::new());
        let names = config.globals.names.is_on.then(|| {
            let asked = Arc::clone(&asked);
            let wake = move || asked.notify_one();
            Arc::new(Names::new(config.globals.names.clone(), own.clone(), wake))
        });
        let own_queues = plan.of_rulesets.iter();
        let own_queues = own_queues.map(|of| (*of > 0).then(|| Arc::clone(&queues[*of])));
        let reactors = Arc::new(ReactorShared {
            names,
            listeners,
            destinations: Destinations::new(Arc::clone(&queues[0]), own_queues),
            inboxes: events
                .iter()
                .map(|event| Arc::new(Inbox::new(Arc::clone(event))))
                .collect(),
            admission: Admission::new(config.sessions_max, own.hostname()),
            report: own.clone(),
            reports_oversize: config.globals.oversize_report,
            oversize: oversize_file.as_ref().map(|file| Arc::clone(&file.queue)),
            is_stopping: AtomicBool::new(false),
            must_abandon: AtomicBool::new(false),
        });

        // One processor for each busy thread, where there are more of them.
        let busy = reactor_count + plan.workers();
        let pins = match config.globals.pin_threads {
            PinThreads::On => true,
            PinThreads::Off => false,
            PinThreads::Auto => pin::processor_count() > busy,
        };
        let processor = |index: usize| pins.then(|| index % pin::processor_count());

        let templates: Vec<Arc<Template>> = config.templates.into_iter().map(Arc::new).collect();
        let report: Arc<dyn Report> = own.clone();
        let mut actions = Vec::new();
        let mut accounts = Vec::new();
        mark_shared_files(&mut config.actions, &plan);
        for options in config.actions {
            let counters = Arc::new(ActionCounters::default());
            accounts.push((options.name.clone(), Arc::clone(&counters)));
            actions.push(ActionParts {
                template: Arc::clone(&templates[options.template]),
                options,
                counters,
                report: Arc::clone(&report),
            });
        }
        let hearts = Hearts::default();
        let program = Arc::new(config.program);
        let default = plan.of_rulesets[program.default];
        let mut served = Vec::new();
        let mut workers = 0;
        for ((index, queue), beds) in queues.iter().enumerate().zip(beds) {
            let planned = &plan.queues[index];
            let shared = WorkerShared::new(Arc::clone(queue));
            let outlets = planned.outlets.iter();
            let outlets = outlets.map(|(to, queue)| (*to, Arc::clone(&queues[*queue])));
            let own_actions = planned.actions.iter();
            let own_actions = own_actions.map(|action| (*action, actions[*action].clone()));
            let rules = match planned.place {
                Place::Rules => Rules::Program(Arc::clone(&program)),
                Place::Action(action) => Rules::Action(action),
            };
            let parts = ServedParts {
                processors: (0..beds.len())
                    .map(|place| processor(reactor_count + workers + place))
                    .collect(),
                beds,
                rules,
                outlets: outlets.collect(),
                actions: own_actions.collect(),
                use_direct: switches.direct,
            };
            workers += planned.options.worker_threads;
            let queue = Served::new(Arc::new(shared), planned.stage, parts);
            queue.start(0, &hearts)?;
            served.push(queue);
        }

        let framer = config.globals.framer();
        let mut reactor_threads = Vec::new();
        for (index, event) in events.into_iter().enumerate() {
            let name = format!("reactor-{index}");
            let parts = ReactorParts {
                options: ReactorOptions {
                    index,
                    framer: framer.clone(),
                    provided_max: CHUNKS_PROVIDED_MAX,
                },
                shared: Arc::clone(&reactors),
                event,
                room: Arc::clone(&rooms[index]),
                bundles: switches.bundles,
                heart: hearts.add(&name),
                processor: processor(index),
            };
            let thread = start_thread(&name, move |started| react(parts, started))?;
            reactor_threads.push(thread);
        }
        own.connect(Arc::clone(&queues[default]));
        Ok(Daemon {
            own,
            reactors,
            rates: Rates::new(served.len()),
            queues: Arc::new(served),
            starter,
            actions: accounts,
            reactor_threads,
            oversize_file,
            sockets: SocketReader::default(),
            hearts,
            asked,
        })
    }

    /// Tells the reactors to look at their flags.
    pub fn wake_reactors(&self) {
        for inbox in &self.reactors.inboxes {
            inbox.event().signal();
        }
    }

    /// Has each thread's loop make a turn.
    pub fn wake_all(&self) {
        self.wake_reactors();
        for served in self.queues.iter() {
            served.queue().wake_consumers();
        }
    }

    /// Has the connections of a peer closed. Returns how many it has.
    pub fn close(&self, peer: &str) -> usize {
        let mut count = 0;
        for inbox in &self.reactors.inboxes {
            for account in inbox.registry.accounts() {
                if account.is_called(peer) {
                    inbox.close(&account);
                    count += 1;
                }
            }
        }
        count
    }

    /// Reopens output files.
    pub fn reopen(&self) {
        for served in self.queues.iter() {
            let generation = &served.shared.reopen_generation;
            generation.fetch_add(1, Ordering::AcqRel);
            served.queue().wake_consumers();
        }
        if let Some(file) = &self.oversize_file {
            file.reopen();
        }
    }
}

/// The queues, and what their workers sleep on. `rooms` are woken when a queue in
/// front of rules has room, `starter` when one wants a further worker.
fn make_queues(
    plan: &Plan,
    rooms: &[Arc<Sleeper>],
    starter: &Arc<Sleeper>,
) -> (Vec<Arc<Queue>>, Vec<Vec<Bed>>) {
    let beds: Vec<Vec<Bed>> = plan
        .queues
        .iter()
        .map(|plan| {
            (0..plan.options.worker_threads)
                .map(|_| Bed::new())
                .collect()
        })
        .collect();
    let sleepers = |index: usize| beds[index].iter().map(|bed| Arc::clone(&bed.sleeper));
    let mut queues = Vec::new();
    for (index, planned) in plan.queues.iter().enumerate() {
        let consumers = Consumers::new(
            sleepers(index).collect(),
            planned.options.worker_thread_minimum_messages(),
            Some(Arc::clone(starter)),
        );
        let rooms = rooms.iter().filter(|_| planned.place == Place::Rules);
        let producers = rooms.cloned().chain(plan.feeders(index).flat_map(sleepers));
        queues.push(Arc::new(Queue::new(
            planned.name.as_str(),
            planned.options.clone(),
            consumers,
            producers.collect(),
        )));
    }
    (queues, beds)
}

fn sleeper_of(event: &Arc<EventFd>) -> Arc<Sleeper> {
    let event = Arc::clone(event);
    Arc::new(Sleeper::new(move || event.signal()))
}

fn react(parts: ReactorParts, started: Started) {
    pin_to(parts.processor);
    let mut listeners = parts.shared.listeners.iter();
    let has_datagrams = listeners.any(|listener| listener.options.udp.is_some());
    let reactor = Uring::new(
        UringOptions {
            chunks: CHUNKS_PER_REACTOR as u16,
            short_chunks: SHORT_CHUNKS_PER_REACTOR as u16,
            groups: parts.shared.chunk_groups(),
            datagram_chunks: match has_datagrams {
                true => DATAGRAM_CHUNKS_PER_REACTOR as u16,
                false => 0,
            },
            bundles: parts.bundles,
        },
        Arc::clone(&parts.event),
    )
    .and_then(|ring| {
        let pools = ChunkPools::new(
            CHUNKS_PER_REACTOR as u16,
            SHORT_CHUNKS_PER_REACTOR as u16,
            parts.shared.carry_bytes_max(&parts.options.framer),
            sleeper_of(&parts.event),
        )?;
        let pools = match has_datagrams {
            true => {
                let bytes_max = parts.options.framer.message_bytes_max;
                // Room for the line feed and the NUL that are no part of it.
                let bytes = (bytes_max + 2).min(DATAGRAM_BYTES_MAX);
                pools.with_datagrams(DATAGRAM_CHUNKS_PER_REACTOR as u16, bytes)?
            }
            false => pools,
        };
        Ok(Reactor::new(
            ring,
            SystemClock,
            LocalClock::system(),
            parts.options,
            parts.shared,
            pools,
            parts.room,
        ))
    });
    let mut reactor = match reactor {
        Ok(reactor) => reactor,
        Err(error) => {
            let _ = started.send(Err(error));
            return;
        }
    };
    let _ = started.send(Ok(()));
    loop {
        parts.heart.beat();
        match reactor.tick() {
            Ok(true) => {}
            Ok(false) => return,
            // A ring that fails cannot be served any more; without its input
            // the daemon would only seem to run.
            Err(error) => {
                terminal::warn(format_args!("io_uring failed: {error}"));
                std::process::abort();
            }
        }
    }
}
