//! The open connections, as they are shown.

use serde::{Deserialize, Serialize};

use super::assemble::Daemon;
use crate::base::clock::SystemClock;
use crate::base::{Clock, Instant, Liveness};
use crate::frame::Framing;
use crate::receive::{ConnectionAccount, Peer};

/// One open connection.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ConnectionStatistics {
    /// Who sends: address and port, IPv6 in brackets; `PATH#N` at a unix socket.
    pub peer: String,
    /// The proxy in front of it, if there is one.
    pub proxy: Option<String>,
    /// Process and user of a peer at a unix socket.
    pub pid: Option<i32>,
    pub uid: Option<u32>,
    /// The listener's `name`.
    pub listener: String,
    /// Number of the reactor that serves it.
    pub reactor: u64,
    pub age_seconds: f64,
    /// Time since bytes came last.
    pub idle_seconds: f64,
    pub messages: u64,
    pub bytes: u64,
    /// `lf`, `octet-counted`: those that were seen.
    pub framings: Vec<String>,
    /// Frames with a fault.
    pub framing_faults: u64,
    /// How long it has been paused because the queue is full, if it is.
    pub paused_seconds: Option<f64>,
    /// None at a unix socket.
    pub keep_alive: Option<KeepAliveStatistics>,
}

/// What the kernel does about a silent peer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeepAliveStatistics {
    pub on: bool,
    pub time_seconds: u64,
    pub interval_seconds: u64,
    pub probes: u64,
    /// 0: none.
    pub user_timeout_ms: u64,
}

impl ConnectionStatistics {
    /// All open connections of a running daemon.
    pub fn of(daemon: &Daemon) -> Vec<ConnectionStatistics> {
        let now = SystemClock.now();
        let accounts = daemon.reactors.inboxes.iter();
        let accounts = accounts.flat_map(|inbox| inbox.registry.accounts());
        accounts
            .map(|account| {
                let listener = &daemon.reactors.listeners[account.listener];
                connection(&account, &listener.options.name, now)
            })
            .collect()
    }
}

fn connection(account: &ConnectionAccount, listener: &str, now: Instant) -> ConnectionStatistics {
    let seconds = |since: Instant| now.since(since).as_secs_f64();
    let framings = [
        (Framing::LineFeed, "lf"),
        (Framing::OctetCounted, "octet-counted"),
    ];
    let credentials = match &account.peer {
        Peer::Unix { credentials, .. } => Some(credentials),
        Peer::Tcp(_) => None,
    };
    ConnectionStatistics {
        peer: account.name(),
        proxy: account.proxy(),
        pid: credentials.map(|process| process.pid),
        uid: credentials.map(|process| process.uid),
        listener: listener.to_owned(),
        reactor: account.reactor as u64,
        age_seconds: seconds(account.opened_at),
        idle_seconds: seconds(account.last_received_at()),
        messages: account.messages.get(),
        bytes: account.bytes.get(),
        framings: framings
            .into_iter()
            .filter(|(framing, _)| account.has_seen(*framing))
            .map(|(_, name)| name.to_owned())
            .collect(),
        framing_faults: account.framing_faults.get(),
        paused_seconds: account.paused_since().map(seconds),
        keep_alive: account.liveness.as_ref().map(keep_alive),
    }
}

fn keep_alive(liveness: &Liveness) -> KeepAliveStatistics {
    KeepAliveStatistics {
        on: liveness.keep_alive,
        time_seconds: liveness.time.as_secs(),
        interval_seconds: liveness.interval.as_secs(),
        probes: liveness.probes.into(),
        user_timeout_ms: liveness.user_timeout.map_or(0, |time| {
            u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
        }),
    }
}
