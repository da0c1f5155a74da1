//! `splashdam ctl`: asks a running daemon.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::admin::SOCKET_DEFAULT;
use super::statistics::{ActionStatistics, InputStatistics, QueueStatistics};
use super::{Statistics, terminal};

/// Where the embedded default configuration has its admin socket.
const ADMIN_SOCKET_HERE: &str = "./splashdam-data/ctl.sock";

/// The longest time that the daemon may take to answer. A stopped one (SIGSTOP)
/// takes connections and never answers.
const ANSWER_WAIT: Duration = Duration::from_secs(5);

/// Arguments of `splashdam ctl`.
#[derive(Debug, Args)]
pub struct CtlArgs {
    /// The daemon's admin socket (its adminSocket parameter)
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Counters of inputs, queues and actions, and latencies
    Stats {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

/// Runs `splashdam ctl`.
///
/// # Errors
/// No daemon answers on the socket, or not within 5 seconds.
pub fn run(args: &CtlArgs) -> Result<ExitCode> {
    let socket = args.socket.clone().unwrap_or_else(default_socket);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    match args.command {
        Command::Stats { json } => {
            let answer = runtime.block_on(ask_in_time(&socket, "/statistics"))?;
            if json {
                terminal::print(&format!("{}\n", String::from_utf8_lossy(&answer)))?;
            } else {
                let statistics = serde_json::from_slice(&answer)
                    .context("the daemon's answer is not of this version")?;
                terminal::print(&table(&statistics))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The socket of a daemon that was started here without a configuration, if
/// there is one, else the one that a configured daemon has by default.
fn default_socket() -> PathBuf {
    let here = Path::new(ADMIN_SOCKET_HERE);
    if here.exists() {
        here.to_owned()
    } else {
        PathBuf::from(SOCKET_DEFAULT)
    }
}

async fn ask_in_time(socket: &Path, path: &str) -> Result<Bytes> {
    let answer = timeout(ANSWER_WAIT, ask(socket, path)).await;
    answer.unwrap_or_else(|_| {
        bail!(
            "the daemon on {} did not answer within {} s",
            socket.display(),
            ANSWER_WAIT.as_secs()
        )
    })
}

async fn ask(socket: &Path, path: &str) -> Result<Bytes> {
    let stream = UnixStream::connect(socket)
        .await
        .with_context(|| format!("no daemon answers on {}", socket.display()))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = hyper::Request::get(path)
        .header(hyper::header::HOST, "localhost")
        .body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    if !response.status().is_success() {
        bail!("the daemon answered {}", response.status());
    }
    Ok(response.into_body().collect().await?.to_bytes())
}

/// The statistics for people. Counts that are 0 and need not be are left out.
fn table(statistics: &Statistics) -> String {
    let mut lines = vec![format!(
        "splashdam {}, up {} s",
        statistics.version, statistics.uptime_seconds
    )];
    lines.extend(statistics.inputs.iter().map(input_line));
    lines.extend(statistics.queues.iter().map(queue_line));
    lines.extend(statistics.actions.iter().map(action_line));
    if statistics.rules.discarded_no_action > 0 {
        lines.push(format!(
            "rules   discarded: {} without an action",
            statistics.rules.discarded_no_action
        ));
    }
    let latency = &statistics.latency;
    lines.push(format!(
        "latency received to written: p50 {}, p90 {}, p99 {}, p99.9 {}, max {}",
        millis(latency.p50_us),
        millis(latency.p90_us),
        millis(latency.p99_us),
        millis(latency.p999_us),
        millis(latency.max_us)
    ));
    lines.join("\n") + "\n"
}

fn input_line(input: &InputStatistics) -> String {
    let address = input.address.as_deref().unwrap_or("(own messages)");
    format!(
        "input   {} {address}: {} received, {} enqueued, {} held, {} connections, {} bytes{}",
        input.name,
        input.received,
        input.enqueued,
        input.held,
        input.connections,
        input.bytes,
        remarks(&[
            ("discarded: empty", input.discarded_empty),
            ("discarded: queue full", input.discarded_full),
            ("discarded: shutdown", input.discarded_shutdown),
            ("truncated", input.truncated),
            ("escaped", input.escaped),
            ("no octet count", input.framing_no_count),
            ("octet count too large", input.framing_count_too_large),
            ("cut by the end of the connection", input.framing_cut),
            ("accepts failed", input.accept_failed),
        ])
    )
}

fn queue_line(queue: &QueueStatistics) -> String {
    format!(
        "queue   {} ({}): {} enqueued, {} acknowledged, {} of {} held, {} bytes, {} in hand{}",
        queue.name,
        queue.kind,
        queue.enqueued,
        queue.acknowledged,
        queue.held,
        queue.size,
        queue.held_bytes,
        queue.in_hand,
        remarks(&[
            ("discarded: shutdown", queue.discarded_shutdown),
            ("times full", queue.full),
            ("bytes compacted", queue.compacted_bytes),
        ])
    )
}

fn action_line(action: &ActionStatistics) -> String {
    format!(
        "action  {}{}: {} taken, {} delivered, {} held, {} bytes{}",
        action.name,
        if action.suspended { " (suspended)" } else { "" },
        action.taken,
        action.delivered,
        action.held,
        action.bytes,
        remarks(&[
            ("discarded: retries", action.discarded_retries),
            ("discarded: shutdown", action.discarded_shutdown),
            ("times suspended", action.suspensions),
        ])
    )
}

fn remarks(counts: &[(&str, u64)]) -> String {
    let remarks = counts.iter().filter(|(_, count)| *count > 0);
    remarks
        .map(|(name, count)| format!("; {name} {count}"))
        .collect()
}

fn millis(micros: u64) -> String {
    format!("{:.3} ms", micros as f64 / 1000.0)
}
