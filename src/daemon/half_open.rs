//! The suspicion of half-open connections. A firewall forgets idle flows without
//! a word; the peer notices when it sends next, and opens another connection;
//! the old one stays here. The sign: a peer with several connections on which
//! nothing is heard, opened before one that it has opened later.

use std::collections::{HashSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::assemble::Daemon;
use super::socket_states::{self, SocketStates};
use crate::base::clock::SystemClock;
use crate::base::sock_diag::TcpState;
use crate::base::{Clock, Instant, Liveness};
use crate::message::{Report, Severity};
use crate::receive::{ConnectionAccount, Listener};

/// How often it is looked for, unless what is looked for is shorter.
const LOOK_INTERVAL: Duration = Duration::from_secs(60);

/// Silent connections of a peer that make a suspicion: a single one is a second
/// program on the same host that has nothing to say.
const SILENT_MIN: usize = 2;

/// Silence of a connection before the peer opens the next one. Connections that
/// a client opens beside each other come sooner; one that finds its connection
/// dead has waited for acknowledgements, or has started anew.
const REOPENED_AFTER: Duration = Duration::from_secs(60);

/// Peers that are told within an hour, each once; the others are a number.
const TOLD_PER_HOUR: usize = 20;

/// Peers that are remembered as told, the last ones.
const TOLD_MAX: usize = 4096;

const HOUR: Duration = Duration::from_secs(3600);

/// What the suspicion is made from, of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Observed {
    listener: usize,
    peer: IpAddr,
    opened_at: Instant,
    /// When the last sign of life came.
    heard_at: Instant,
}

/// A peer of a listener that seems to have half-open connections.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Suspicion {
    listener: usize,
    peer: IpAddr,
    /// Connections that it has.
    connections: usize,
    /// Those that are silent.
    silent: usize,
    /// The shortest and the longest silence of these.
    silence: (Duration, Duration),
}

/// Looks for half-open connections as long as the daemon runs. `idle` is the
/// silence after which one may be.
pub async fn watch(daemon: Arc<Daemon>, idle: Duration) {
    let mut looks = interval(idle.clamp(Duration::from_secs(1), LOOK_INTERVAL));
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = Told::default();
    loop {
        looks.tick().await;
        let listeners = &daemon.reactors.listeners;
        for text in told.choose(look(&daemon, idle), SystemClock.now(), |suspicion| {
            words(suspicion, &listeners[suspicion.listener], idle)
        }) {
            daemon.own.report(Severity::WARNING, text);
        }
    }
}

/// The suspicions of this moment. The kernel is asked only where the daemon's
/// own accounts give one.
fn look(daemon: &Daemon, idle: Duration) -> Vec<Suspicion> {
    let inboxes = daemon.reactors.inboxes.iter();
    let accounts: Vec<Arc<ConnectionAccount>> = inboxes
        .flat_map(|inbox| inbox.registry.accounts())
        .collect();
    let now = SystemClock.now();
    let received = |account: &Arc<ConnectionAccount>| observed(account, account.last_received_at());
    let silent = suspicions(accounts.iter().filter_map(received).collect(), idle, now);
    if silent.is_empty() {
        return silent;
    }
    let listeners = socket_states::addresses(&daemon.reactors.listeners);
    let states: SocketStates = daemon.sockets.read(&listeners, &*daemon.own);
    let now = SystemClock.now();
    let heard = |account: &Arc<ConnectionAccount>| {
        let state = states.of(account.listener, socket_states::peer(account)?);
        let is_paused = account.paused_since().is_some();
        let received_at = account.last_received_at();
        let heard_at = heard_at(received_at, is_paused, account.liveness()?, state, now);
        observed(account, heard_at)
    };
    suspicions(accounts.iter().filter_map(heard).collect(), idle, now)
}

/// None at a unix socket, whose peer cannot vanish without a word.
fn observed(account: &ConnectionAccount, heard_at: Instant) -> Option<Observed> {
    Some(Observed {
        listener: account.listener,
        peer: socket_states::peer(account)?.ip(),
        opened_at: account.opened_at,
        heard_at,
    })
}

/// When the last sign of life came, or may have come.
fn heard_at(
    received_at: Instant,
    is_paused: bool,
    liveness: &Liveness,
    state: Option<&TcpState>,
    now: Instant,
) -> Instant {
    // A peer that may not send asks for room again and again; the kernel does
    // not count that as heard.
    if is_paused {
        return now;
    }
    match state {
        // An answer to a probe of keepalive counts.
        Some(state) => received_at.max(before(now, state.silence)),
        // It lives, so that a probe was answered, or one is under way.
        None if liveness.keep_alive && now.since(received_at) >= liveness.time => now,
        None => received_at,
    }
}

fn before(now: Instant, duration: Duration) -> Instant {
    let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    Instant {
        nanos: now.nanos.saturating_sub(nanos),
    }
}

/// The peers that have at least two connections on a listener that are silent
/// for `idle`, and were for some time when the peer opened its last one.
fn suspicions(mut connections: Vec<Observed>, idle: Duration, now: Instant) -> Vec<Suspicion> {
    connections.sort_unstable();
    let is_same = |a: &Observed, b: &Observed| (a.listener, a.peer) == (b.listener, b.peer);
    let suspicion = |of_peer: &[Observed]| {
        // They are in the order of their opening.
        let newest = of_peer.last()?;
        let is_silent = |one: &&Observed| {
            now.since(one.heard_at) >= idle
                && newest.opened_at >= one.heard_at + REOPENED_AFTER.min(idle)
        };
        let silences = of_peer.iter().filter(is_silent);
        let mut silences: Vec<Duration> = silences.map(|one| now.since(one.heard_at)).collect();
        silences.sort_unstable();
        (silences.len() >= SILENT_MIN).then(|| Suspicion {
            listener: newest.listener,
            peer: newest.peer,
            connections: of_peer.len(),
            silent: silences.len(),
            silence: (silences[0], silences[silences.len() - 1]),
        })
    };
    connections
        .chunk_by(is_same)
        .filter_map(suspicion)
        .collect()
}

/// What is told of a suspicion.
fn words(suspicion: &Suspicion, listener: &Listener, idle: Duration) -> String {
    let Suspicion {
        peer,
        connections,
        silent,
        silence: (shortest, longest),
        ..
    } = suspicion;
    let options = &listener.options;
    let advice = listener.liveness().map(|liveness| advice(liveness, idle));
    format!(
        "peer {peer} has {connections} connections on listener {}, and {silent} of them seem \
         half-open: nothing was heard on them for {} to {} s, and the peer has opened another \
         since; {} (listener at {})",
        options.name,
        shortest.as_secs(),
        longest.as_secs(),
        advice.unwrap_or_default(),
        options.place
    )
}

/// Why keepalive has not found out, and what to set.
fn advice(liveness: &Liveness, idle: Duration) -> String {
    // Before the firewall forgets.
    let time = (idle.as_secs() / 2).clamp(1, 300);
    if !liveness.keep_alive {
        return format!("keepalive is off: set keepAlive=\"on\" keepAlive.time=\"{time}\"");
    }
    format!(
        "keepalive probes after {} s only, and gives up after {} x {} s more: set \
         keepAlive.time=\"{time}\" keepAlive.interval=\"30\" keepAlive.probes=\"3\"",
        liveness.time.as_secs(),
        liveness.probes,
        liveness.interval.as_secs()
    )
}

/// What was told, so that it is told once and never in a flood.
#[derive(Default)]
struct Told {
    peers: HashSet<(usize, IpAddr)>,
    /// The same in their order.
    order: VecDeque<(usize, IpAddr)>,
    /// When this hour began.
    hour_at: Option<Instant>,
    /// Told within this hour.
    count: usize,
    is_rest_told: bool,
}

impl Told {
    /// What is to be told of these suspicions, the worst first.
    fn choose(
        &mut self,
        mut suspicions: Vec<Suspicion>,
        now: Instant,
        words: impl Fn(&Suspicion) -> String,
    ) -> Vec<String> {
        if self
            .hour_at
            .is_none_or(|hour_at| now.since(hour_at) >= HOUR)
        {
            self.hour_at = Some(now);
            self.count = 0;
            self.is_rest_told = false;
        }
        suspicions.retain(|one| !self.peers.contains(&(one.listener, one.peer)));
        suspicions.sort_by_key(|one| std::cmp::Reverse(one.silent));
        let rest = suspicions.split_off((TOLD_PER_HOUR - self.count).min(suspicions.len()));
        self.count += suspicions.len();
        let mut texts: Vec<String> = suspicions.iter().map(words).collect();
        for one in suspicions {
            self.remember((one.listener, one.peer));
        }
        if !rest.is_empty() && !self.is_rest_told {
            self.is_rest_told = true;
            texts.push(format!(
                "{} more peers have connections that seem half-open, {} in all; at most \
                 {TOLD_PER_HOUR} peers are told within an hour",
                rest.len(),
                rest.iter().map(|one| one.silent).sum::<usize>()
            ));
        }
        texts
    }

    fn remember(&mut self, peer: (usize, IpAddr)) {
        self.peers.insert(peer);
        self.order.push_back(peer);
        if self.order.len() > TOLD_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.peers.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests;
