//! From a checked configuration to running threads.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result, anyhow};
use tokio::sync::Notify;

use super::oversize_file::OversizeFile;
use super::own::OwnMessages;
use super::service::Heart;
use super::socket_states::SocketReader;
use super::switches::Switches;
use super::terminal;
use crate::action::{Action, ActionCounters, ActionOptions, DriverOptions};
use crate::base::clock::SystemClock;
use crate::base::descriptor::EventFd;
use crate::base::{Counter, Heartbeat, Sleeper, kernel, pin};
use crate::config::{Config, PinThreads};
use crate::limits::{
    CHUNKS_PER_REACTOR, CHUNKS_PROVIDED_MAX, DATAGRAM_BYTES_MAX, DATAGRAM_CHUNKS_PER_REACTOR,
    SHORT_CHUNKS_PER_REACTOR,
};
use crate::message::{LocalClock, Report};
use crate::names::Names;
use crate::queue::{Consumers, Queue};
use crate::receive::{
    Admission, ChunkPools, Inbox, Listener, Reactor, ReactorOptions, ReactorShared,
};
use crate::ring::{Uring, UringOptions};
use crate::rules::Program;
use crate::template::Template;
use crate::work::{TokioExecutor, Worker, WorkerShared, run};

/// Entries of a worker's ring: one operation for each action, and spare ones.
const WORKER_ENTRIES: u32 = 64;

/// The running parts of a daemon.
pub struct Daemon {
    pub own: Arc<OwnMessages>,
    pub reactors: Arc<ReactorShared>,
    pub worker: Arc<WorkerShared>,
    /// Name and account of each action.
    pub actions: Vec<(String, Arc<ActionCounters>)>,
    pub reactor_threads: Vec<JoinHandle<()>>,
    pub worker_thread: JoinHandle<()>,
    /// `oversizemsg.errorfile`.
    pub oversize_file: Option<OversizeFile>,
    /// Asks the kernel about the connections.
    pub sockets: SocketReader,
    /// Of all threads above.
    pub hearts: Vec<Heart>,
    /// Notified when a reactor asks for a name.
    pub asked: Arc<Notify>,
}

/// What a worker's thread needs to build its worker there.
struct WorkerParts {
    notify: Arc<Notify>,
    sleeper: Arc<Sleeper>,
    shared: Arc<WorkerShared>,
    program: Arc<Program>,
    actions: Vec<ActionParts>,
    use_direct: bool,
    heart: Arc<Heartbeat>,
    processor: Option<usize>,
}

/// What an action is built from.
struct ActionParts {
    options: ActionOptions,
    template: Arc<Template>,
    counters: Arc<ActionCounters>,
    report: Arc<dyn Report>,
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
        config: Config,
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
        let notify = Arc::new(Notify::new());
        let sleeper = Arc::new(Sleeper::new({
            let notify = Arc::clone(&notify);
            move || notify.notify_one()
        }));
        let queue = Arc::new(Queue::new(
            "main",
            config.main_queue,
            Consumers::one(Arc::clone(&sleeper)),
            rooms.clone(),
        ));
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
        let reactors = Arc::new(ReactorShared {
            names,
            listeners,
            queue: Arc::clone(&queue),
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
        let worker = Arc::new(WorkerShared {
            queue: Arc::clone(&queue),
            latency: Default::default(),
            discarded_no_action: Counter::default(),
            reopen_generation: Default::default(),
            must_abandon: AtomicBool::new(false),
        });

        // One processor for each busy thread, where there are more of them.
        let busy = reactor_count + 1;
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
        for options in with_shared_files(config.actions) {
            let counters = Arc::new(ActionCounters::default());
            accounts.push((options.name.clone(), Arc::clone(&counters)));
            actions.push(ActionParts {
                template: Arc::clone(&templates[options.template]),
                options,
                counters,
                report: Arc::clone(&report),
            });
        }
        let mut hearts = Vec::new();
        let worker_thread = start_thread("worker-main", {
            let parts = WorkerParts {
                notify,
                sleeper,
                shared: Arc::clone(&worker),
                program: Arc::new(config.program),
                actions,
                use_direct: switches.direct,
                heart: heart_of("worker-main", &mut hearts),
                processor: processor(reactor_count),
            };
            move |started| work(parts, started)
        })?;

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
                heart: heart_of(&name, &mut hearts),
                processor: processor(index),
            };
            let thread = start_thread(&name, move |started| react(parts, started))?;
            reactor_threads.push(thread);
        }
        own.connect(queue);
        Ok(Daemon {
            own,
            reactors,
            worker,
            actions: accounts,
            reactor_threads,
            worker_thread,
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
        self.worker.queue.wake_consumers();
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
        self.worker.reopen_generation.fetch_add(1, Ordering::AcqRel);
        self.worker.queue.wake_consumers();
        if let Some(file) = &self.oversize_file {
            file.reopen();
        }
    }
}

/// Tells the actions that write a file which another one writes too.
fn with_shared_files(mut actions: Vec<ActionOptions>) -> Vec<ActionOptions> {
    let mut writers: HashMap<PathBuf, usize> = HashMap::new();
    for path in actions.iter().filter_map(ActionOptions::file) {
        *writers.entry(path.to_owned()).or_default() += 1;
    }
    for action in &mut actions {
        if let DriverOptions::File(file) = &mut action.driver {
            file.is_shared = writers.get(&file.path).is_some_and(|count| *count > 1);
        }
    }
    actions
}

fn sleeper_of(event: &Arc<EventFd>) -> Arc<Sleeper> {
    let event = Arc::clone(event);
    Arc::new(Sleeper::new(move || event.signal()))
}

/// A new heart of the thread `name`, known to whoever watches.
fn heart_of(name: &str, hearts: &mut Vec<Heart>) -> Arc<Heartbeat> {
    let beat = Arc::<Heartbeat>::default();
    hearts.push(Heart {
        thread: name.to_owned(),
        beat: Arc::clone(&beat),
    });
    beat
}

type Started = mpsc::SyncSender<io::Result<()>>;

/// Starts a thread and waits until it says that it works.
fn start_thread(name: &str, body: impl FnOnce(Started) + Send + 'static) -> Result<JoinHandle<()>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let thread = thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || body(sender))
        .with_context(|| format!("cannot start the thread {name}"))?;
    match receiver.recv() {
        Ok(Ok(())) => Ok(thread),
        Ok(Err(error)) => Err(explain(error)),
        Err(_) => Err(anyhow!("the thread {name} ended at its start")),
    }
}

/// io_uring's errors at start say little by themselves.
fn explain(error: io::Error) -> anyhow::Error {
    match error.raw_os_error() {
        Some(kernel::EPERM) => anyhow!(
            "io_uring is switched off on this machine: {error}; allow it with \
             sysctl kernel.io_uring_disabled=0 (or in the container's seccomp profile)"
        ),
        Some(kernel::ENOSYS) | Some(kernel::EINVAL) => anyhow!(
            "this kernel's io_uring cannot do what is needed: {error}; Linux 6.1 or newer is"
        ),
        Some(kernel::ENOMEM) => {
            anyhow!("no memory for io_uring: {error}; raise the limit of locked memory (ulimit -l)")
        }
        _ => anyhow!("cannot set up io_uring: {error}"),
    }
}

fn work(parts: WorkerParts, started: Started) {
    pin_to(parts.processor);
    tokio_uring::builder().entries(WORKER_ENTRIES).start(async {
        let executor = TokioExecutor::new(parts.notify, parts.sleeper, parts.use_direct);
        let actions = parts.actions.into_iter().enumerate();
        let actions = actions.map(|(index, action)| {
            Action::new(
                index,
                action.options,
                action.template,
                action.counters,
                action.report,
            )
        });
        let worker = Worker::new(
            executor,
            SystemClock,
            parts.shared,
            parts.program,
            actions.collect(),
        );
        // The starter waits for it; if it is gone the process is ending.
        let _ = started.send(Ok(()));
        run(worker, &parts.heart).await;
    });
}

fn react(parts: ReactorParts, started: Started) {
    pin_to(parts.processor);
    let mut listeners = parts.shared.listeners.iter();
    let has_datagrams = listeners.any(|listener| listener.options.udp.is_some());
    let reactor = Uring::new(
        UringOptions {
            chunks: CHUNKS_PER_REACTOR as u16,
            short_chunks: SHORT_CHUNKS_PER_REACTOR as u16,
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

fn pin_to(processor: Option<usize>) {
    if let Some(processor) = processor
        && let Err(error) = pin::pin_thread(processor)
    {
        terminal::warn(format_args!(
            "cannot pin a thread to processor {processor}: {error}"
        ));
    }
}
