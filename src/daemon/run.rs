//! The life of the daemon: start, signals, stop in order.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use std::time::Instant;

use anyhow::{Context, Result};
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::admin::{self, AdminSocket};
use super::assemble::Daemon;
use super::half_open;
use super::keep_alive;
use super::listeners;
use super::metrics::endpoint;
use super::names;
use super::open_files::Demand;
use super::own::OwnMessages;
use super::pid_file::PidFile;
use super::privileges::Identity;
use super::rates;
use super::service;
use super::stop::stop;
use super::switches::{self, Switches};
use super::terminal;
use super::workers;
use crate::base::descriptor;
use crate::config::{Config, Globals};
use crate::message::{Report, Severity};

/// What the command line says beside the configuration.
#[derive(Debug, Default)]
pub struct RunOptions {
    /// `-i`.
    pub pid_file: Option<PathBuf>,
    /// Lines for the terminal once the daemon runs.
    pub greeting: Option<String>,
}

/// Runs the daemon until it is told to stop.
///
/// # Errors
/// What keeps it from starting.
pub fn run(config: Config, options: RunOptions) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .thread_name("names")
        .build()
        .context("cannot start the control thread")?;
    let result = runtime.block_on(control(config, options));
    // Not its lookups: a dead resolver lets go of them after ten seconds.
    runtime.shutdown_background();
    result
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for a signal; returns whether it says to stop.
    async fn next(&mut self) -> bool {
        tokio::select! {
            _ = self.terminate.recv() => true,
            _ = self.interrupt.recv() => true,
            _ = self.hangup.recv() => false,
        }
    }

    /// Waits for a signal to stop.
    async fn stop(&mut self) {
        while !self.next().await {}
    }
}

async fn control(mut config: Config, options: RunOptions) -> Result<ExitCode> {
    let started = Instant::now();
    // Each connection is a descriptor, and soft limits are as low as 1024.
    let descriptors = descriptor::raise_open_files_limit();
    if let Err(error) = &descriptors {
        terminal::warn(format_args!(
            "cannot raise the limit of open files: {error}"
        ));
    }
    let mut signals = Signals::new().context("cannot wait for signals")?;
    let switches = Switches::from_environment()
        .map_err(|word| anyhow::anyhow!("{}: unknown word '{word}'", switches::VARIABLE))?;
    if let Some(mask) = config.globals.umask {
        descriptor::set_umask(mask);
    }
    let _pid_file = match &options.pid_file {
        Some(path) => Some(
            PidFile::create(path)
                .with_context(|| format!("cannot write the PID file {}", path.display()))?,
        ),
        None => None,
    };
    // Removed at the end, also where the start fails below.
    let (admin_socket, admin) = open_admin(config.globals.admin_socket.clone())
        .await?
        .unzip();
    let half_open_idle = config.globals.half_open_idle;
    let hostname = match &config.globals.local_hostname {
        Some(name) => name.clone(),
        None => local_hostname(&config.globals).await,
    };
    let own = Arc::new(OwnMessages::new(&hostname, config.program.default));
    let identity = Identity::of(&config.globals.privileges)?;
    let listeners = listeners::open(std::mem::take(&mut config.listeners))?;
    let metrics = open_metrics(config.globals.metrics_listen).await?;
    // The threads that start below, and so what opens the output files, are of
    // the new user from their beginning.
    let changes = match identity {
        Some(identity) => identity.assume(admin_socket.as_ref().map(AdminSocket::path))?,
        None => Vec::new(),
    };
    let files = config.actions.iter().filter_map(|action| action.file());
    let files = files.count();
    let daemon = Arc::new(Daemon::start(config, listeners, switches, own)?);
    let own = Arc::clone(&daemon.own);
    let retrying = tokio::spawn(async move { own.retry().await });
    let starting = tokio::spawn(workers::serve(
        Arc::clone(&daemon.queues),
        daemon.starter.clone(),
        daemon.hearts.clone(),
        Arc::clone(&daemon.own),
    ));
    let serving =
        admin.map(|listener| tokio::spawn(admin::serve(listener, Arc::clone(&daemon), started)));
    let sampling = tokio::spawn({
        let daemon = Arc::clone(&daemon);
        async move { rates::sample(&daemon).await }
    });
    let metrics_address = metrics
        .as_ref()
        .and_then(|listener| listener.local_addr().ok());
    let exporting = metrics
        .map(|listener| tokio::spawn(endpoint::serve(listener, Arc::clone(&daemon), started)));
    if let Some(resolver) = daemon.reactors.names.clone() {
        let (reactors, asked) = (Arc::clone(&daemon.reactors), Arc::clone(&daemon.asked));
        tokio::spawn(names::serve(resolver, reactors, asked));
    }
    let listeners: Vec<String> = daemon
        .reactors
        .listeners
        .iter()
        .map(|listener| listener.endpoint().to_string())
        .collect();
    let text = format!(
        "splashdam {} started, listening on {}",
        env!("CARGO_PKG_VERSION"),
        listeners.join(", ")
    );
    daemon.own.report(Severity::INFO, text);
    if let Some(address) = metrics_address {
        let text = format!("metrics at http://{address}/metrics");
        daemon.own.report(Severity::INFO, text);
    }
    for change in changes {
        daemon.own.report(Severity::INFO, change);
    }
    keep_alive::tell(&daemon);
    tell_remarks(&daemon);
    let suspecting =
        half_open_idle.map(|idle| tokio::spawn(half_open::watch(Arc::clone(&daemon), idle)));
    if let Ok(limit) = descriptors {
        tell_descriptors(&daemon, files, limit);
    }
    if let Some(greeting) = &options.greeting {
        terminal::say(greeting);
    }

    service::ready(&format!("listening on {}", listeners.join(", ")));
    let watching = service::watchdog()
        .map(|timeout| tokio::spawn(service::watch(Arc::clone(&daemon), timeout)));

    while !signals.next().await {
        daemon.reopen();
        let text = "reopening output files: SIGHUP".to_owned();
        daemon.own.report(Severity::INFO, text);
    }

    // What stops is not suspected.
    if let Some(suspecting) = suspecting {
        suspecting.abort();
    }
    service::stopping("draining the queues");
    let result = tokio::select! {
        () = stop(&daemon) => ExitCode::SUCCESS,
        () = signals.stop() => {
            terminal::warn("stopping at once: second signal");
            ExitCode::FAILURE
        }
    };
    let tasks = [
        serving,
        exporting,
        watching,
        Some(retrying),
        Some(starting),
        Some(sampling),
    ];
    for task in tasks.into_iter().flatten() {
        task.abort();
    }
    Ok(result)
}

/// Tells what the kernel does not grant to listeners.
fn tell_remarks(daemon: &Daemon) {
    for listener in &daemon.reactors.listeners {
        let place = format!(
            "listener {} on {}",
            listener.options.name,
            listener.endpoint()
        );
        for remark in listener.remarks() {
            daemon
                .own
                .report(Severity::WARNING, format!("{place}: {remark}"));
        }
    }
}

/// Compares the limit of descriptors with what the configuration promises.
fn tell_descriptors(daemon: &Daemon, files: usize, limit: u64) {
    let listeners = daemon.reactors.listeners.iter();
    // Datagrams have no connections.
    let listeners = listeners.filter(|listener| listener.options.udp.is_none());
    let demand = Demand {
        max_sessions: listeners
            .map(|listener| listener.options.max_sessions)
            .collect(),
        files,
        threads: daemon.hearts.count(),
    };
    if let Some((severity, text)) = demand.compare(limit) {
        daemon.own.report(severity, text);
    }
}

/// Opens the admin socket. One that the configuration names must be opened; the
/// default one may be missing (another daemon has it, or no right to /run).
async fn open_admin(path: Option<PathBuf>) -> Result<Option<(AdminSocket, UnixListener)>> {
    if let Some(path) = path {
        let opened = admin::open(&path)
            .await
            .with_context(|| format!("cannot open the admin socket {}", path.display()))?;
        return Ok(Some(opened));
    }
    let path = admin::socket_default();
    match admin::open(&path).await {
        Ok(opened) => Ok(Some(opened)),
        Err(error) => {
            terminal::warn(format_args!(
                "no admin socket: {}: {error}; global(adminSocket=\"PATH\") sets another",
                path.display()
            ));
            Ok(None)
        }
    }
}

/// Listens where metrics are to be read.
async fn open_metrics(address: Option<SocketAddr>) -> Result<Option<TcpListener>> {
    let Some(address) = address else {
        return Ok(None);
    };
    let listener = endpoint::open(address)
        .await
        .with_context(|| format!("cannot listen on {address} for metrics (metricsListen)"))?;
    Ok(Some(listener))
}

/// The machine's name as rsyslog has it in its messages: up to its first dot, or
/// with its domain in lower case where `preserveFQDN` is on.
async fn local_hostname(globals: &Globals) -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    let (host, domain) = name.split_once('.').unwrap_or((name, ""));
    if name.is_empty() {
        return "localhost".to_owned();
    }
    if !globals.preserve_fqdn {
        return host.to_owned();
    }
    let full = match domain {
        "" if globals.names.is_on => names::own(host, globals.names.timeout).await,
        _ => None,
    };
    let full = full.as_deref().unwrap_or(name);
    match full.split_once('.') {
        Some((host, domain)) => format!("{host}.{}", domain.to_lowercase()),
        None => full.to_owned(),
    }
}
