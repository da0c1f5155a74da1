//! The open connections, as they are shown.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::assemble::Daemon;
use super::socket_states;
use crate::base::clock::SystemClock;
use crate::base::sock_diag::TcpState;
use crate::base::{Clock, Instant, Liveness};
use crate::frame::Framing;
use crate::receive::{ConnectionAccount, Peer};

/// One open connection.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ConnectionStatistics {
    /// Who sends: address and port, IPv6 in brackets; `PATH#N` at a unix socket.
    pub peer: String,
    /// The peer's name, if it is known.
    pub peer_name: Option<String>,
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
    pub framings: Vec<Cow<'static, str>>,
    /// Frames with a fault.
    pub framing_faults: u64,
    /// How long it has been paused because the queue is full, if it is.
    pub paused_seconds: Option<f64>,
    /// Smoothed round-trip time; this and what follows is `None` where the kernel
    /// does not tell.
    pub rtt_ms: Option<f64>,
    /// Segments that were sent to the peer again.
    pub retransmits: Option<u32>,
    /// The kernel's timer that runs: `keepalive`, `retransmit`, `window-probe`.
    pub timer: Option<Cow<'static, str>>,
    /// Time until it fires.
    pub timer_expires_seconds: Option<f64>,
    /// Probes of the peer without an answer.
    pub probes: Option<u8>,
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

/// Bytes of JSON for a connection, about.
const JSON_BYTES: usize = 640;

impl ConnectionStatistics {
    /// All open connections of a running daemon as a JSON array, in the order of
    /// their peers. Asks the kernel: some ten milliseconds for ten thousand.
    ///
    /// # Errors
    /// None that could happen: numbers and texts can all be written.
    pub fn json(daemon: &Daemon) -> serde_json::Result<Vec<u8>> {
        let listeners = socket_states::addresses(&daemon.reactors.listeners);
        let states = daemon.sockets.read(&listeners, &*daemon.own);
        let now = SystemClock.now();
        let accounts = daemon.reactors.inboxes.iter();
        let mut accounts: Vec<_> = accounts
            .flat_map(|inbox| inbox.registry.accounts())
            .collect();
        accounts.sort_by_key(|account| socket_states::peer(account));
        // One after the other: a list of ten thousand would take more memory,
        // and more time to clear it, than all else.
        let mut text = Vec::with_capacity(2 + accounts.len() * JSON_BYTES);
        text.push(b'[');
        for account in accounts {
            if text.len() > 1 {
                text.push(b',');
            }
            let listener = &daemon.reactors.listeners[account.listener];
            let peer = socket_states::peer(&account);
            let state = peer.and_then(|peer| states.of(account.listener, peer));
            let connection = connection(&account, &listener.options.name, state, now);
            serde_json::to_writer(&mut text, &connection)?;
        }
        text.push(b']');
        Ok(text)
    }
}

fn connection(
    account: &ConnectionAccount,
    listener: &str,
    state: Option<&TcpState>,
    now: Instant,
) -> ConnectionStatistics {
    let seconds = |since: Instant| rounded(now.since(since).as_secs_f64());
    let framings = [
        (Framing::LineFeed, "lf"),
        (Framing::OctetCounted, "octet-counted"),
    ];
    let timer = state.and_then(|state| state.timer);
    let credentials = match &account.peer {
        Peer::Unix { credentials, .. } => Some(credentials),
        Peer::Tcp(_) => None,
    };
    ConnectionStatistics {
        peer: account.name(),
        peer_name: account.host().map(str::to_owned),
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
            .map(|(_, name)| Cow::Borrowed(name))
            .collect(),
        framing_faults: account.framing_faults.get(),
        paused_seconds: account.paused_since().map(seconds),
        rtt_ms: state.map(|state| rounded(state.rtt.as_secs_f64() * 1000.0)),
        retransmits: state.map(|state| state.retransmits),
        timer: timer.map(|(timer, _)| Cow::Borrowed(timer.name())),
        timer_expires_seconds: timer.map(|(_, left)| rounded(left.as_secs_f64())),
        probes: state.map(|state| state.probes),
        keep_alive: account.liveness().map(keep_alive),
    }
}

/// To three decimals: more is no information, and long to write and to read.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
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
