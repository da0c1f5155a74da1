//! Connections on which nothing is sent.

use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::{FloodArgs, connect_one, resolve};
use crate::harness::latency::wall_ns;
use crate::harness::stop::Stop;

/// Between two looks at the clock and at the signals.
const WAIT: Duration = Duration::from_millis(20);

/// Printed when all connections are open.
#[derive(Serialize)]
struct Report {
    connections: usize,
    /// Time that connecting took.
    seconds: f64,
    /// Before the first connection, wall clock.
    started_unix_ns: u64,
}

/// Opens the connections, reports, and holds them for the duration, or until a
/// signal. Errors: the target does not accept.
pub fn hold(args: &FloodArgs, stop: &Stop) -> anyhow::Result<ExitCode> {
    let target = resolve(args)?;
    let started_unix_ns = wall_ns();
    let started = Instant::now();
    let sockets = connect(args, target, started, stop)?;
    let report = Report {
        connections: sockets.len(),
        seconds: started.elapsed().as_secs_f64(),
        started_unix_ns,
    };
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else if !args.quiet {
        println!(
            "{} connections in {:.3} s",
            report.connections, report.seconds
        );
    }
    let open_since = Instant::now();
    let is_over = || {
        args.duration
            .is_some_and(|duration| open_since.elapsed() >= duration)
    };
    while !stop.requested() && !is_over() {
        thread::sleep(WAIT);
    }
    drop(sockets);
    Ok(ExitCode::SUCCESS)
}

/// All connections, or those up to a signal; with `--rate` each at its time.
fn connect(
    args: &FloodArgs,
    target: SocketAddr,
    started: Instant,
    stop: &Stop,
) -> anyhow::Result<Vec<TcpStream>> {
    let mut sockets = Vec::new();
    for number in 0..args.connections {
        if let Some(rate) = args.rate {
            let due = Duration::from_secs_f64(f64::from(number) / rate as f64);
            while let Some(left) = due.checked_sub(started.elapsed())
                && !stop.requested()
            {
                thread::sleep(left.min(WAIT));
            }
        }
        if stop.requested() {
            break;
        }
        sockets.push(connect_one(args, target)?);
    }
    Ok(sockets)
}
