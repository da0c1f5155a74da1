//! `splashdam sink`: receives or reads what `splashdam flood` sent and checks
//! its numbers.

mod file;
mod frames;
mod intervals;
mod listen;
mod verify;
mod windows;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::flood::seconds;
use super::stop::Stop;
use verify::{Findings, Verifier};

/// Receives the messages of `flood`, or reads them from files, and checks that
/// none is missing, repeated or out of order.
#[derive(Clone, Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("source").required(true))]
pub struct SinkArgs {
    /// Receive over TCP on this address:port; the framing of each message is found out.
    #[arg(long, short, group = "source")]
    listen: Option<SocketAddr>,
    /// Read this file, in the order given where there are several; - is standard input.
    #[arg(long, short, group = "source")]
    file: Vec<PathBuf>,
    /// Follow the file as it grows, and report the latency of `flood --timed`.
    #[arg(long, requires = "file")]
    tail: bool,
    /// Report the latency of each so many seconds of sending too, counted from the first message.
    #[arg(long, requires = "tail", value_parser = seconds)]
    window: Option<Duration>,
    /// Only count bytes.
    #[arg(long, requires = "listen", conflicts_with = "count")]
    discard: bool,
    /// Messages that should come: end with the last one; fewer are an error.
    #[arg(long, short = 'n')]
    count: Option<u64>,
    /// End when nothing has come for so many seconds after the first byte.
    #[arg(long, value_parser = seconds)]
    idle_exit: Option<Duration>,
    /// The report as one line of JSON.
    #[arg(long)]
    json: bool,
}

/// When to end without a signal.
#[derive(Clone, Copy)]
struct End {
    count: Option<u64>,
    idle: Option<Duration>,
}

/// What came, and when.
struct Arrivals {
    verifier: Verifier,
    /// As read, framing included.
    bytes: u64,
    /// Streams or files that ended within a message.
    cut: u64,
    /// Bytes of value zero in files: space that was never written.
    nul_bytes: u64,
    /// First and last read that gave something.
    period: Option<(Instant, Instant)>,
    errors: Vec<String>,
}

impl Arrivals {
    fn new() -> Arrivals {
        Arrivals {
            verifier: Verifier::new(),
            bytes: 0,
            cut: 0,
            nul_bytes: 0,
            period: None,
            errors: Vec::new(),
        }
    }

    /// So many bytes have just been read.
    fn arrived(&mut self, bytes: usize) {
        let now = Instant::now();
        self.bytes += bytes as u64;
        self.period = Some((self.period.map_or(now, |(first, _)| first), now));
    }

    fn merge(&mut self, other: Arrivals) {
        self.verifier.merge(&other.verifier);
        self.bytes += other.bytes;
        self.cut += other.cut;
        self.nul_bytes += other.nul_bytes;
        self.period = match (self.period, other.period) {
            (Some(left), Some(right)) => Some((left.0.min(right.0), left.1.max(right.1))),
            (left, right) => left.or(right),
        };
        self.errors.extend(other.errors);
    }
}

#[derive(Serialize)]
struct Report {
    bytes: u64,
    seconds: f64,
    cut: u64,
    nul_bytes: u64,
    errors: Vec<String>,
    #[serde(flatten)]
    findings: Option<Findings>,
}

/// Runs to the end of the files, the count, the idle time or a signal, and
/// reports. Exit code 1 where messages are missing, repeated or out of order,
/// where a file has bytes of value zero, or a connection failed. Errors: the
/// address cannot be listened on, a file cannot be read.
pub fn run(args: SinkArgs) -> anyhow::Result<ExitCode> {
    let stop = Stop::on_signal()?;
    let end = End {
        count: args.count,
        idle: args.idle_exit,
    };
    let arrivals = match args.listen {
        Some(address) => listen::receive(address, args.discard, end, &stop)?,
        None if args.tail => file::tail(&args.file, args.window, end, &stop)?,
        None => file::read(&args.file, &stop)?,
    };
    let seconds = arrivals
        .period
        .map_or(0.0, |(first, last)| (last - first).as_secs_f64());
    let report = Report {
        bytes: arrivals.bytes,
        seconds,
        cut: arrivals.cut,
        nul_bytes: arrivals.nul_bytes,
        errors: arrivals.errors,
        findings: (!args.discard).then(|| arrivals.verifier.findings(args.count)),
    };
    print(&report, args.json)?;
    let clean = report.nul_bytes == 0
        && report.errors.is_empty()
        && report.findings.as_ref().is_none_or(Findings::clean);
    Ok(if clean {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn print(report: &Report, json: bool) -> anyhow::Result<()> {
    for error in &report.errors {
        eprintln!("splashdam sink: {error}");
    }
    if json {
        println!("{}", serde_json::to_string(report)?);
        return Ok(());
    }
    println!(
        "{} bytes in {:.3} s; {} streams cut within a message, {} bytes of value zero",
        report.bytes, report.seconds, report.cut, report.nul_bytes
    );
    if let Some(findings) = &report.findings {
        findings.print();
    }
    Ok(())
}
