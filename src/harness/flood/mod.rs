//! `splashdam flood`: a load generator for syslog over TCP and UDP.
//!
//! Every message carries the number of its connection and its own number within
//! it (`conn=0003 seq=0000000042`), in fixed width, so that `splashdam sink` can
//! tell what was lost, repeated or reordered on the way.

mod connection;
mod datagrams;
mod idle;
mod paced;
mod short;
#[cfg(test)]
mod tests;
mod text;
mod unlimited;

use std::io::IsTerminal;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::latency::{Latency, Percentiles, wall_ns};
use super::stop::Stop;
use crate::base::descriptor;
use connection::Progress;
pub(super) use text::SEQUENCE_DIGITS;
use text::{Block, CONNECTION_DIGITS, Format, Framing, SEQUENCE_LIMIT, Text};

/// How long one connection may take to be accepted.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Between two looks at the progress of the sending threads.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(50);

/// Sends numbered syslog messages over TCP or UDP.
#[derive(Clone, Debug, clap::Args)]
pub struct FloodArgs {
    /// Receiver, as host:port.
    target: String,
    /// TCP connections: at most 9999 that send, as many as there are ports with --idle.
    #[arg(long, short, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..65_536))]
    connections: u32,
    /// Number of the first connection: for several floods at once.
    #[arg(long, default_value_t = 0)]
    first_connection: u32,
    /// A new connection after so many messages; --connections is then how many are open at a time.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..), conflicts_with = "rate")]
    per_connection: Option<u64>,
    /// Send nothing: open the connections, --rate of them per second, report when all are open, and
    /// hold them for the duration or until a signal.
    #[arg(long, conflicts_with_all = ["count", "per_connection", "timed"])]
    idle: bool,
    /// Over UDP: each message is a datagram, each connection a socket of its own. Nobody says
    /// what came.
    #[arg(long, conflicts_with_all = ["idle", "per_connection"])]
    udp: bool,
    /// Bytes of a message without its framing.
    #[arg(long, short, default_value_t = 150)]
    size: usize,
    /// Header format.
    #[arg(long, value_enum, default_value_t = Format::Rfc3164)]
    format: Format,
    /// How messages are delimited.
    #[arg(long, value_enum, default_value_t = Framing::Lf)]
    framing: Framing,
    /// Messages per second over all connections, with --idle new connections per second; as fast
    /// as possible without it.
    #[arg(long, short, value_parser = clap::value_parser!(u64).range(1..))]
    rate: Option<u64>,
    /// Messages over all connections.
    #[arg(long, short = 'n', required_unless_present_any = ["duration", "idle"])]
    count: Option<u64>,
    /// Seconds of sending.
    #[arg(long, short, value_parser = seconds)]
    duration: Option<Duration>,
    /// Sending threads; half of the processors without it.
    #[arg(long)]
    threads: Option<usize>,
    /// Messages per write at most.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    batch: u64,
    /// The header's timestamp, as it shall stand there; now without it.
    #[arg(long)]
    timestamp: Option<String>,
    /// Put the time of sending into the text (`t=`, nanoseconds since 1970), for `sink --tail`.
    #[arg(long)]
    timed: bool,
    /// No progress bar and no report.
    #[arg(long, short)]
    quiet: bool,
    /// The report as one line of JSON.
    #[arg(long)]
    json: bool,
}

/// Argument of a duration: seconds, with a fraction.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds")?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

/// What one thread has to do.
struct Plan {
    connections: Vec<Connection>,
    block: Block,
    messages_per_write: u64,
    deadline: Option<Instant>,
    started: Instant,
    sent: Arc<AtomicU64>,
    stop: Stop,
}

impl Plan {
    /// Whether the time is over, or a signal has come.
    fn is_over(&self) -> bool {
        let over = self
            .deadline
            .is_some_and(|deadline| Instant::now() >= deadline);
        over || self.stop.requested()
    }
}

/// A socket, its place in its stream, and the number of its messages.
struct Connection {
    number: u32,
    socket: TcpStream,
    progress: Progress,
    limit: u64,
}

/// What one thread has done.
struct Outcome {
    messages: u64,
    bytes: u64,
    /// Connections that were opened on the way; 0 where all were open before.
    connections_opened: u64,
    finished: Instant,
    latency: Latency,
    errors: Vec<String>,
}

impl Outcome {
    fn new() -> Outcome {
        Outcome {
            messages: 0,
            bytes: 0,
            connections_opened: 0,
            finished: Instant::now(),
            latency: Latency::new(),
            errors: Vec::new(),
        }
    }

    fn add_connection(&mut self, progress: &Progress, error: Option<String>) {
        self.messages += progress.messages();
        self.bytes += progress.bytes();
        self.errors.extend(error);
    }
}

/// The report; all counts are of what the kernel took.
#[derive(Serialize)]
struct Report {
    messages: u64,
    /// With framing.
    bytes: u64,
    connections: u32,
    /// More than `connections` with `--per-connection`.
    connections_opened: u64,
    frame_bytes: usize,
    seconds: f64,
    messages_per_second: f64,
    /// First send, wall clock.
    started_unix_ns: u64,
    send_latency_ns: Option<Percentiles>,
    errors: Vec<String>,
}

/// Runs until the count, the duration or a signal. Exit code 1 where a
/// connection broke. Errors: arguments that contradict each other, a target that
/// does not accept.
pub fn run(args: FloodArgs) -> anyhow::Result<ExitCode> {
    let stop = Stop::on_signal()?;
    descriptor::raise_open_files_limit().context("cannot raise the limit of open files")?;
    if args.idle {
        return idle::hold(&args, &stop);
    }
    if args.udp {
        return datagrams::send(&args, &stop);
    }
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let threads = args
        .threads
        .unwrap_or(processors / 2)
        .clamp(1, args.connections as usize);
    // Connections that are renewed are numbered as one stream for each thread.
    let numbers = match args.per_connection {
        Some(_) => threads as u64,
        None => args.connections.into(),
    };
    let last_connection = u64::from(args.first_connection) + numbers - 1;
    ensure!(
        last_connection < 10_u64.pow(CONNECTION_DIGITS as u32),
        "connection numbers have {CONNECTION_DIGITS} digits: {last_connection} is too high"
    );
    ensure!(
        args.count.unwrap_or(0) / numbers < SEQUENCE_LIMIT,
        "one connection numbers {SEQUENCE_LIMIT} messages at most"
    );
    let text = text_of(&args);
    let thread_rate = args.rate.map(|rate| rate as f64 / threads as f64);
    let block_messages = match (thread_rate, args.per_connection) {
        (Some(rate), _) => paced::block_messages(rate),
        (None, Some(messages)) => messages.min(1000) as usize,
        (None, None) => 1000,
    };
    let frame_bytes = Block::new(&text, 1)?.frame_bytes();
    let target = resolve(&args)?;
    let limit = |index: usize| {
        args.count.map_or(SEQUENCE_LIMIT, |count| {
            count / numbers + u64::from((index as u64) < count % numbers)
        })
    };
    let sent = Arc::new(AtomicU64::new(0));

    let mut shares: Vec<Vec<Connection>> = Vec::new();
    shares.resize_with(threads, Vec::new);
    let sockets = match args.per_connection {
        Some(_) => Vec::new(),
        None => connect(&args, target)?,
    };
    for (index, socket) in sockets.into_iter().enumerate() {
        let number = args.first_connection + index as u32;
        shares[index % threads].push(Connection {
            number,
            progress: Progress::new(number, frame_bytes),
            socket,
            limit: limit(index),
        });
    }

    let barrier = Arc::new(Barrier::new(threads + 1));
    let mut senders = Vec::new();
    for (index, connections) in shares.into_iter().enumerate() {
        let block = Block::new(&text, block_messages)?;
        let (barrier, stop, sent) = (barrier.clone(), stop.clone(), sent.clone());
        let (batch, duration) = (args.batch, args.duration);
        let stream = args.per_connection.map(|per_connection| short::Stream {
            number: args.first_connection + index as u32,
            limit: limit(index),
            per_connection,
            open_max: (args.connections as usize).div_ceil(threads),
            target,
        });
        let sender = move || {
            barrier.wait();
            let started = Instant::now();
            let plan = Plan {
                connections,
                block,
                messages_per_write: batch,
                deadline: duration.map(|duration| started + duration),
                started,
                sent,
                stop,
            };
            match (thread_rate, stream) {
                (Some(rate), _) => Ok(paced::send(plan, rate)),
                (None, Some(stream)) => Ok(short::send(plan, &stream)),
                (None, None) => unlimited::send(plan),
            }
        };
        senders.push(
            thread::Builder::new()
                .name(format!("flood {index}"))
                .spawn(sender)
                .context("cannot start a sending thread")?,
        );
    }
    barrier.wait();
    let started = Instant::now();
    let started_unix_ns = wall_ns();
    if !args.quiet && !args.json && std::io::stderr().is_terminal() {
        show_progress(&args, started, frame_bytes, &sent, || {
            senders.iter().all(|sender| sender.is_finished())
        });
    }

    let mut total = Outcome::new();
    total.finished = started;
    for sender in senders {
        let Ok(outcome) = sender.join() else {
            bail!("a sending thread panicked");
        };
        let outcome = outcome?;
        total.messages += outcome.messages;
        total.bytes += outcome.bytes;
        total.connections_opened += outcome.connections_opened;
        total.finished = total.finished.max(outcome.finished);
        total.latency.merge(&outcome.latency);
        total.errors.extend(outcome.errors);
    }
    let seconds = (total.finished - started).as_secs_f64();
    report(
        &args,
        &Report {
            messages: total.messages,
            bytes: total.bytes,
            connections: args.connections,
            connections_opened: match args.per_connection {
                Some(_) => total.connections_opened,
                None => args.connections.into(),
            },
            frame_bytes,
            seconds,
            messages_per_second: total.messages as f64 / seconds.max(1e-9),
            started_unix_ns,
            send_latency_ns: total.latency.percentiles(),
            errors: total.errors,
        },
    )
}

fn report(args: &FloodArgs, report: &Report) -> anyhow::Result<ExitCode> {
    for error in &report.errors {
        eprintln!("splashdam flood: {error}");
    }
    if args.json {
        println!("{}", serde_json::to_string(report)?);
    } else if !args.quiet {
        println!(
            "{} messages, {} bytes in {:.3} s: {:.0} messages/s, {:.1} MB/s",
            report.messages,
            report.bytes,
            report.seconds,
            report.messages_per_second,
            report.bytes as f64 / report.seconds.max(1e-9) / 1e6,
        );
        if let Some(latency) = &report.send_latency_ns {
            let of = match (args.rate, args.per_connection) {
                (Some(_), _) => "message, from its time in the schedule",
                (None, Some(_)) => "connection, until it is closed",
                (None, None) => "write",
            };
            println!("latency per {of}: {latency}");
        }
    }
    Ok(if report.errors.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What the messages look like.
fn text_of(args: &FloodArgs) -> Text {
    Text {
        format: args.format,
        framing: args.framing,
        message_bytes: args.size,
        timestamp: args
            .timestamp
            .clone()
            .unwrap_or_else(|| timestamp_now(args.format)),
        timed: args.timed,
    }
}

/// The target's first address.
fn resolve(args: &FloodArgs) -> anyhow::Result<SocketAddr> {
    args.target
        .to_socket_addrs()
        .with_context(|| format!("cannot resolve {}", args.target))?
        .next()
        .with_context(|| format!("{} has no address", args.target))
}

/// All connections, one after the other.
fn connect(args: &FloodArgs, target: SocketAddr) -> anyhow::Result<Vec<TcpStream>> {
    let mut sockets = Vec::new();
    for _ in 0..args.connections {
        sockets.push(connect_one(args, target)?);
    }
    Ok(sockets)
}

fn connect_one(args: &FloodArgs, target: SocketAddr) -> anyhow::Result<TcpStream> {
    let socket = TcpStream::connect_timeout(&target, CONNECT_TIMEOUT)
        .with_context(|| format!("cannot connect to {}", args.target))?;
    socket.set_nonblocking(true)?;
    // A small write must not wait for the acknowledgement of the one before
    // it (RFC 896): the schedule would not be kept.
    socket.set_nodelay(true)?;
    Ok(socket)
}

fn timestamp_now(format: Format) -> String {
    let now = jiff::Zoned::now();
    match format {
        Format::Rfc3164 => now.strftime("%b %e %H:%M:%S").to_string(),
        Format::Rfc5424 => now
            .with_time_zone(jiff::tz::TimeZone::UTC)
            .strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
            .to_string(),
    }
}

/// Shows the progress until `finished`.
fn show_progress(
    args: &FloodArgs,
    started: Instant,
    frame_bytes: usize,
    sent_bytes: &AtomicU64,
    finished: impl Fn() -> bool,
) {
    let by_time = args.duration.filter(|_| args.count.is_none());
    let length = match by_time {
        Some(duration) => duration.as_millis() as u64,
        None => args.count.unwrap_or(0),
    };
    let bar = ProgressBar::new(length);
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {msg}") {
        bar.set_style(style);
    }
    while !finished() {
        let messages = sent_bytes.load(Ordering::Relaxed) / frame_bytes as u64;
        let elapsed = started.elapsed();
        bar.set_position(if by_time.is_some() {
            elapsed.as_millis() as u64
        } else {
            messages
        });
        let rate = messages as f64 / elapsed.as_secs_f64().max(1e-9);
        bar.set_message(format!("{messages} messages, {rate:.0}/s"));
        thread::sleep(PROGRESS_INTERVAL);
    }
    bar.finish_and_clear();
}
