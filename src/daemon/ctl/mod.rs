//! `splashdam ctl`: asks a running daemon.

mod bar;
mod columns;
mod connection_table;
mod connections;
mod queue_table;
mod queues;
mod stats;
mod watch;

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use http_body_util::{BodyExt, Empty};
use hyper::Method;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::time::timeout;

use self::connections::ConnectionsArgs;
use self::queues::{QueueArgs, QueuesArgs};
use super::admin::{SOCKET_DEFAULT, SOCKET_OF_SERVICE};
use super::terminal;

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
    /// The connections that are open
    Connections(ConnectionsArgs),
    /// The queues: how full, how fast, what hinders them
    Queues(QueuesArgs),
    /// Pause, resume or purge a queue
    Queue(QueueArgs),
    /// End a connection
    Close {
        /// Its peer, as `ctl connections` shows it: ADDRESS:PORT or PATH#N
        peer: String,
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
    match &args.command {
        Command::Stats { json } => {
            let answer = runtime.block_on(ask_in_time(&socket, Method::GET, "/statistics"))?;
            if *json {
                terminal::print(format!("{}\n", String::from_utf8_lossy(&answer)))?;
            } else {
                terminal::print(stats::table(&understood(&answer)?))?;
            }
        }
        Command::Connections(arguments) => {
            runtime.block_on(connections::show(&socket, arguments))?
        }
        Command::Queues(arguments) => runtime.block_on(queues::show(&socket, arguments))?,
        Command::Queue(arguments) => runtime.block_on(queues::order(&socket, arguments))?,
        Command::Close { peer } => {
            let path = format!("/connections/{}", encoded(peer));
            let answer = runtime.block_on(ask_in_time(&socket, Method::DELETE, &path));
            answer.with_context(|| format!("cannot close the connection of {peer}"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The socket of a daemon that was started here without a configuration, if
/// there is one, else that of the service, else the one that a configured
/// daemon has by default.
fn default_socket() -> PathBuf {
    let places = [ADMIN_SOCKET_HERE, SOCKET_OF_SERVICE].map(Path::new);
    let found = places.into_iter().find(|path| path.exists());
    found.unwrap_or(Path::new(SOCKET_DEFAULT)).to_owned()
}

/// A name as one part of a URL's path (RFC 3986 section 2.1): those of unix
/// sockets have `/` and `#`.
fn encoded(name: &str) -> String {
    let mut text = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

/// The value that the daemon has answered.
fn understood<T: DeserializeOwned>(answer: &[u8]) -> Result<T> {
    serde_json::from_slice(answer).context("the daemon's answer is not of this version")
}

async fn ask_in_time(socket: &Path, method: Method, path: &str) -> Result<Bytes> {
    let answer = timeout(ANSWER_WAIT, ask(socket, method, path)).await;
    answer.unwrap_or_else(|_| {
        bail!(
            "the daemon on {} did not answer within {} s",
            socket.display(),
            ANSWER_WAIT.as_secs()
        )
    })
}

async fn ask(socket: &Path, method: Method, path: &str) -> Result<Bytes> {
    let stream = UnixStream::connect(socket)
        .await
        .with_context(|| format!("no daemon answers on {}", socket.display()))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = hyper::Request::builder()
        .method(method)
        .uri(path)
        .header(hyper::header::HOST, "localhost")
        .body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    if !status.is_success() {
        let words = String::from_utf8_lossy(&body);
        bail!("the daemon answered {status}: {words}");
    }
    Ok(body)
}
