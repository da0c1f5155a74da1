//! What happens in a simulation, from its seed: the daemon's options, the peers
//! and what they send, the disk's faults, the operator's deeds.

use std::time::Duration;

use splashdam::base::simulated::Random;
use splashdam::limits::CHUNK_BYTES;
use splashdam::message::Delay;
use splashdam::output::simulated::DiskFaults;
use splashdam::ring::simulated::NetworkFaults;

use crate::model::Limits;

/// How long a worker stalls: longer than all else takes.
const STALL: Duration = Duration::from_secs(60);

/// The choices of one seed.
pub struct Script {
    pub reactors: usize,
    /// What each listener is told; the sizes are those of all.
    pub listeners: Vec<Limits>,
    /// Where the messages of each listener go.
    pub bindings: Vec<Binding>,
    /// Queues of rulesets, each with a worker and files of its own.
    pub queues: usize,
    pub chunks: usize,
    pub provided_max: usize,
    /// A power of two.
    pub short_chunks: u16,
    pub queue_size: usize,
    pub queue_bytes_max: usize,
    pub dequeue_batch_size: usize,
    pub actions: Vec<ActionScript>,
    pub network: NetworkFaults,
    pub disk: DiskFaults,
    pub connections: Vec<ConnectionScript>,
    /// Everything else, with its time.
    pub events: Vec<(Duration, Event)>,
    pub timeout_shutdown: Duration,
    pub timeout_action_completion: Duration,
}

/// What a listener feeds.
pub struct Binding {
    pub queue: usize,
    pub delay: Delay,
}

/// One output file.
pub struct ActionScript {
    pub sync: bool,
    pub resume_retry_count: Option<u32>,
    pub resume_interval: Duration,
}

/// One peer.
pub struct ConnectionScript {
    pub listener: usize,
    pub at: Duration,
    /// What it sends, and the time before each part.
    pub parts: Vec<(Duration, Vec<u8>)>,
    /// How and how long after its last byte it ends.
    pub end: (Duration, Ending),
}

/// How a peer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Finish,
    Reset,
    /// It stays until the daemon stops.
    Stay,
}

/// What happens beside the peers.
#[derive(Clone, Debug)]
pub enum Event {
    /// The disk fails for a while.
    Fail {
        errno: i32,
        lasting: Duration,
    },
    /// The file of an action is truncated.
    Truncate(usize),
    /// The file of an action is moved away; the daemon is told a little later.
    Rotate(usize),
    Reopen,
    /// The worker of a queue gets no turn for a while.
    Stall {
        queue: usize,
        lasting: Duration,
    },
    /// That is over.
    GoOn(usize),
    /// A signal interrupts a reactor.
    Interrupt(usize),
    Stop,
}

impl Script {
    pub fn new(random: &mut Random) -> Script {
        let queues = 1 + usize::from(random.chance(40));
        let is_large = random.chance(20);
        let message_bytes_max = [480, 480, 2000, 8192, 70_000][random.within(0..5)];
        let splits = random.chance(30);
        let listeners: Vec<Limits> = (0..random.within(queues..queues + 2))
            .map(|_| Limits {
                octet_counted: random.chance(85),
                message_bytes_max,
                frame_bytes_max: message_bytes_max * 2,
                additional: random.chance(20).then(|| random.number() as u8),
                splits,
            })
            .collect();
        let bindings: Vec<Binding> = (0..listeners.len())
            .map(|listener| Binding {
                queue: listener % queues,
                delay: match random.chance(15) {
                    true => Delay::NotDelayable,
                    false => Delay::Delayable,
                },
            })
            .collect();
        // Each has a group of chunks of its own at most.
        let groups = listeners.len();
        let chunks = random.within_log(1..12).max(groups);
        let span = Duration::from_millis(random.within_log(1..2000) as u64);
        let size = if is_large { 3 * CHUNK_BYTES } else { 20_000 };
        let connections = (0..random.within_log(1..24))
            .map(|number| ConnectionScript::new(random, number, &listeners, size, span))
            .collect();
        let actions: Vec<ActionScript> = (0..random.within(1..3))
            .map(|_| ActionScript {
                sync: random.chance(30),
                resume_retry_count: random.chance(15).then(|| random.within(0..3) as u32),
                resume_interval: Duration::from_millis(random.within_log(1..500) as u64),
            })
            .collect();
        let reactors = random.within(1..3);
        let mut events = Script::events(random, span, actions.len(), reactors);
        if queues > 1 && random.chance(60) {
            let stall = Event::Stall {
                queue: random.within(0..queues),
                lasting: STALL,
            };
            events.push((random.duration(span), stall));
        }
        let is_patient = random.chance(60);
        let mut timeout = |bound| match is_patient {
            true => Duration::from_secs(3600),
            false => Duration::from_micros(random.within_log(0..bound) as u64),
        };
        Script {
            reactors,
            listeners,
            bindings,
            queues,
            chunks,
            timeout_shutdown: timeout(200_000),
            timeout_action_completion: timeout(100_000),
            provided_max: random.within(groups..chunks + 1),
            short_chunks: (1 << random.within(0..4)).max(groups.next_power_of_two() as u16),
            queue_size: match is_large {
                true => random.within(100..3000),
                false => random.within_log(5..200),
            },
            queue_bytes_max: match random.chance(30) {
                true if is_large => random.within_log(10_000..1_000_000),
                true => random.within_log(100..20_000),
                false => 1 << 30,
            },
            dequeue_batch_size: random.within_log(1..1000),
            actions,
            network: NetworkFaults {
                short: random.within(0..100),
                ended_early: random.within_log(1..60),
                accept_failed: random.within_log(1..30) - 1,
                late: random.within(0..80),
                bundles: random.chance(60),
            },
            disk: DiskFaults {
                short: random.within_log(1..50) - 1,
                delay_max: Duration::from_micros(random.within_log(1..20_000) as u64),
                is_direct: random.chance(70),
            },
            connections,
            events,
        }
    }

    fn events(
        random: &mut Random,
        span: Duration,
        actions: usize,
        reactors: usize,
    ) -> Vec<(Duration, Event)> {
        let mut events = Vec::new();
        for _ in 0..random.within_log(1..10) - 1 {
            let event = match random.within(0..5) {
                0 => Event::Fail {
                    errno: [libc::ENOSPC, libc::EIO][random.within(0..2)],
                    lasting: random.duration(Duration::from_millis(300)),
                },
                1 => Event::Truncate(random.within(0..actions)),
                2 => Event::Rotate(random.within(0..actions)),
                3 => Event::Reopen,
                _ => Event::Interrupt(random.within(0..reactors)),
            };
            events.push((random.duration(span * 2), event));
        }
        if random.chance(40) {
            events.push((random.duration(span * 2), Event::Stop));
        }
        events
    }
}

impl ConnectionScript {
    fn new(
        random: &mut Random,
        number: usize,
        listeners: &[Limits],
        size: usize,
        span: Duration,
    ) -> ConnectionScript {
        let size = random.within_log(0..size);
        let listener = random.within(0..listeners.len());
        let stream = stream(random, number, listeners[listener], size);
        let mut parts = Vec::new();
        let mut rest = &stream[..];
        let hurries = random.chance(50);
        while !rest.is_empty() {
            let (part, behind) = rest.split_at(random.within_log(1..rest.len() + 1));
            let pause = match hurries {
                true => Duration::ZERO,
                false => random.duration(span / 4),
            };
            parts.push((pause, part.to_vec()));
            rest = behind;
        }
        let ending = match random.within(0..10) {
            0 | 1 => Ending::Reset,
            2 | 3 => Ending::Stay,
            _ => Ending::Finish,
        };
        ConnectionScript {
            listener,
            at: random.duration(span),
            parts,
            end: (random.duration(span), ending),
        }
    }
}

/// About `size` bytes of frames of all kinds. Whole messages say whose they
/// are: `@connection.number;`.
fn stream(random: &mut Random, connection: usize, limits: Limits, size: usize) -> Vec<u8> {
    let mut stream = Vec::new();
    let mut number = 0;
    let is_garbage = random.chance(5);
    let length_max = random.within_log(1..limits.message_bytes_max + limits.message_bytes_max / 4);
    while stream.len() < size {
        if is_garbage {
            stream.push(GARBAGE[random.within(0..GARBAGE.len())]);
            continue;
        }
        let is_counted = limits.octet_counted && random.chance(50);
        let text = message(random, connection, number, length_max, is_counted);
        number += 1;
        if is_counted {
            stream.extend_from_slice(format!("{} ", text.len()).as_bytes());
            stream.extend_from_slice(&text);
        } else {
            stream.extend_from_slice(&text);
            stream.push(b'\n');
        }
    }
    // A frame may be cut by the end of the stream.
    if random.chance(30) {
        stream.truncate(stream.len() - random.within_log(0..stream.len() + 1));
    }
    stream
}

const GARBAGE: &[u8] = b"0123456789 \n\n\0\t\x7f<>ab\xff";

fn message(
    random: &mut Random,
    connection: usize,
    number: usize,
    length_max: usize,
    is_counted: bool,
) -> Vec<u8> {
    if random.chance(3) {
        // Empty frames, and such that are taken for an octet count or not.
        let odd: [&[u8]; 6] = [b"", b"\0", b"0 ", b"12345678901 ", b"7x", b"99999999 "];
        return odd[random.within(0..odd.len())].to_vec();
    }
    let head = match random.within(0..4) {
        0 => String::new(),
        1 => "<34>1 2026-01-01T00:00:00Z host app - - - ".to_owned(),
        2 => "<13>Jan  1 00:00:00 host tag: ".to_owned(),
        _ => format!("<{}>", random.within(0..192)),
    };
    let mut text = format!("{head}@{connection}.{number};").into_bytes();
    let controls = random.chance(10);
    for _ in 0..random.within_log(0..length_max) {
        let byte = (random.number() % 256) as u8;
        let keeps = match byte {
            b'@' => false,
            b'\n' => controls && is_counted,
            0..0x20 => controls,
            _ => true,
        };
        text.push(if keeps { byte } else { b'x' });
    }
    text
}
