//! What the kernel knows of the open connections, found by their accounts.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::base::sock_diag::{self, TcpState};
use crate::message::{Report, Severity};
use crate::receive::{ConnectionAccount, Endpoint, Listener, Peer};

/// Up to so many listeners the kernel is asked for each; above, it is asked
/// once for all connections of the host.
const ASKED_MAX: usize = 4;

/// Asks the kernel, and tells once if it does not answer.
#[derive(Default)]
pub struct SocketReader {
    is_told: AtomicBool,
}

impl SocketReader {
    /// The states of the connections of these listeners; none where the kernel
    /// does not give them, in a sandbox without netlink. Blocks for as long as
    /// it takes to read them: some ten milliseconds for ten thousand.
    pub fn read(&self, listeners: &[Option<SocketAddr>], report: &dyn Report) -> SocketStates {
        self.or_tell(SocketStates::read(listeners), report)
    }

    fn or_tell(&self, states: io::Result<SocketStates>, report: &dyn Report) -> SocketStates {
        states.unwrap_or_else(|error| {
            if !self.is_told.swap(true, Ordering::Relaxed) {
                let text = format!(
                    "the kernel does not tell the state of TCP connections (sock_diag: {error}): \
                     `splashdam ctl connections` shows no round-trip times, retransmits and timers"
                );
                report.report(Severity::NOTICE, text);
            }
            SocketStates::default()
        })
    }
}

/// The addresses of a daemon's listeners, in their order; none of unix sockets.
pub fn addresses(listeners: &[Listener]) -> Vec<Option<SocketAddr>> {
    let address = |listener: &Listener| match listener.endpoint() {
        Endpoint::Tcp(address) => Some(*address),
        Endpoint::Udp(_) | Endpoint::Unix(_) => None,
    };
    listeners.iter().map(address).collect()
}

/// The address of a connection's peer; none at a unix socket.
pub fn peer(account: &ConnectionAccount) -> Option<SocketAddr> {
    match &account.peer {
        Peer::Tcp(address) => Some(*address),
        Peer::Unix { .. } => None,
    }
}

/// The states of connections, by their listener and their peer.
#[derive(Debug, Default)]
pub struct SocketStates {
    /// `None`: two connections have the same peer, to two of the host's
    /// addresses. Which is which cannot be told.
    states: HashMap<(usize, SocketAddr), Option<TcpState>>,
}

impl SocketStates {
    fn read(listeners: &[Option<SocketAddr>]) -> io::Result<SocketStates> {
        let mut asked: Vec<(bool, Option<u16>)> = listeners
            .iter()
            .flatten()
            .map(|address| (address.is_ipv6(), Some(address.port())))
            .collect();
        asked.sort_unstable();
        asked.dedup();
        if asked.len() > ASKED_MAX {
            asked.iter_mut().for_each(|(_, port)| *port = None);
            asked.dedup();
        }
        let mut states = SocketStates::default();
        for (is_ipv6, port) in asked {
            states.enter(listeners, sock_diag::connections(is_ipv6, port)?);
        }
        Ok(states)
    }

    fn enter(&mut self, listeners: &[Option<SocketAddr>], found: Vec<TcpState>) {
        self.states.reserve(found.len());
        for state in found {
            let is_of = |listener: &Option<SocketAddr>| {
                listener.is_some_and(|listener| {
                    let ip = listener.ip();
                    listener.port() == state.local.port()
                        && (ip.is_unspecified() || ip.to_canonical() == state.local.ip())
                })
            };
            let Some(listener) = listeners.iter().position(is_of) else {
                continue;
            };
            match self.states.entry((listener, plain(state.peer))) {
                Entry::Occupied(mut entry) => {
                    entry.insert(None);
                }
                Entry::Vacant(entry) => {
                    entry.insert(Some(state));
                }
            }
        }
    }

    /// The state of the connection of `peer` to the listener with this index.
    pub fn of(&self, listener: usize, peer: SocketAddr) -> Option<&TcpState> {
        self.states.get(&(listener, plain(peer)))?.as_ref()
    }
}

/// An address without what only one of the kernel's interfaces gives: mapped
/// IPv4, flow label and scope.
fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{SocketAddrV6, TcpListener, TcpStream};
    use std::sync::Mutex;
    use std::time::Duration;

    fn state(local: &str, peer: &str) -> TcpState {
        TcpState {
            local: local.parse().expect("an address"),
            peer: peer.parse().expect("an address"),
            rtt: Duration::from_millis(3),
            retransmits: 0,
            timer: None,
            probes: 0,
            silence: Duration::ZERO,
        }
    }

    #[test]
    fn a_connection_is_found_by_its_listener_and_its_peer() {
        let addresses = ["10.0.0.1:514", "[::]:1514", "[2001:db8::1]:514"];
        let listeners = addresses.map(|address| Some(address.parse().expect("an address")));
        let found = vec![
            state("10.0.0.1:514", "10.0.0.9:1000"),
            state("10.0.0.1:1514", "10.0.0.9:1001"),
            state("[2001:db8::1]:514", "[2001:db8::9]:1002"),
            // Of another program.
            state("10.0.0.2:514", "10.0.0.9:1003"),
            // Of one peer to two addresses.
            state("10.0.0.1:1514", "10.0.0.9:1004"),
            state("10.0.0.2:1514", "10.0.0.9:1004"),
        ];
        let mut states = SocketStates::default();
        states.enter(&listeners, found);
        let is_found = |listener, peer: &str| {
            let state = states.of(listener, peer.parse().expect("an address"));
            state.is_some()
        };
        assert!(is_found(0, "10.0.0.9:1000"));
        assert!(!is_found(1, "10.0.0.9:1000"), "another listener");
        assert!(is_found(1, "10.0.0.9:1001"));
        assert!(is_found(1, "[::ffff:10.0.0.9]:1001"), "mapped");
        assert!(is_found(2, "[2001:db8::9]:1002"));
        assert!(!is_found(0, "10.0.0.9:1003"));
        assert!(!is_found(1, "10.0.0.9:1004"));
        let scoped = SocketAddrV6::new("2001:db8::9".parse().expect("IPv6"), 1002, 7, 3);
        assert!(states.of(2, scoped.into()).is_some());
    }

    #[test]
    fn one_walk_does_where_the_listeners_are_many() {
        let sockets: Vec<TcpListener> = (0..ASKED_MAX + 1)
            .map(|_| TcpListener::bind("127.0.0.1:0").expect("a listener"))
            .collect();
        let listeners: Vec<Option<SocketAddr>> = sockets
            .iter()
            .map(|socket| Some(socket.local_addr().expect("its address")))
            .collect();
        let clients: Vec<TcpStream> = listeners
            .iter()
            .flatten()
            .map(|address| TcpStream::connect(address).expect("a connection"))
            .collect();
        for count in [1, listeners.len()] {
            let states = SocketStates::read(&listeners[..count]).expect("an answer");
            assert_eq!(states.states.len(), count);
            for (index, client) in clients[..count].iter().enumerate() {
                let peer = client.local_addr().expect("its address");
                assert!(states.of(index, peer).is_some());
            }
        }
    }

    #[test]
    fn what_the_kernel_does_not_give_is_told_once() {
        let (reader, told) = (SocketReader::default(), Told::default());
        for _ in 0..3 {
            let refused = Err(io::ErrorKind::PermissionDenied.into());
            assert!(reader.or_tell(refused, &told).states.is_empty());
        }
        let told = told.0.into_inner().expect("no panic");
        assert_eq!(told.len(), 1);
        assert!(told[0].contains("permission denied"), "{told:?}");
    }

    #[derive(Default)]
    struct Told(Mutex<Vec<String>>);

    impl Report for Told {
        fn report(&self, _: Severity, text: String) {
            self.0.lock().expect("no panic").push(text);
        }
    }
}
