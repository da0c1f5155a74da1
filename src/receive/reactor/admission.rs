//! From an accept to a served connection.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use super::{ACCEPT, Reactor};
use crate::base::descriptor::PeerAddress;
use crate::base::{Clock, kernel};
use crate::message::{Severity, Source};
use crate::receive::connection::{Connection, ReceiveState};
use crate::receive::framing::ConnectionFramer;
use crate::receive::tellings::Telling;
use crate::receive::wrapping::Wrapping;
use crate::receive::{CloseReason, ConnectionAccount, Handover, Peer};
use crate::ring::{Ring, Size, Token};

/// How long a failed accept is not tried again: most fail for want of
/// descriptors, and would fail at once for ever.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Stands for a peer whose address is not known any more.
const NOBODY: PeerAddress = PeerAddress::Ip(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0));

/// How long after the accept the options of a socket are read: what ends before
/// is spared it.
const VERIFIED_AFTER: Duration = Duration::from_secs(1);

impl<R: Ring, C: Clock> Reactor<R, C> {
    pub(super) fn accepted(&mut self, listener: usize, result: io::Result<i32>, is_last: bool) {
        let admitted = result.map(|socket| (socket, self.judge(listener, socket)));
        match admitted {
            Ok((socket, Err(reason))) => {
                // Without a byte read, and before anything is set up for it.
                self.ring.close(socket);
                self.refuse(listener, reason);
                if is_last {
                    self.start_accept(listener);
                }
            }
            Ok((socket, Ok(peer))) => {
                self.shared.listeners[listener].counters.sessions.add(1);
                self.shared.admission.sessions.add(1);
                let handover = Handover {
                    socket,
                    listener,
                    peer,
                };
                // The reactor with the fewest connections: also a handful of
                // connections is spread over all reactors.
                let inboxes = &self.shared.inboxes;
                let least = (0..inboxes.len())
                    .min_by_key(|&index| inboxes[index].load())
                    .unwrap_or(self.options.index);
                if least == self.options.index {
                    inboxes[least].taken();
                    self.admit(handover);
                } else {
                    inboxes[least].push(handover);
                }
                if is_last {
                    self.start_accept(listener);
                }
            }
            Err(_) if self.is_ending => {}
            Err(error) => {
                let counters = &self.shared.listeners[listener].counters;
                counters.accept_failed.add(1);
                self.tell_exhaustion(listener, &error);
                if is_last {
                    self.resting.push((self.now + ACCEPT_PAUSE, listener));
                }
            }
        }
    }

    /// Why an accepted socket is not served, if so; else its peer, if that had
    /// to be asked for.
    fn judge(&self, listener: usize, socket: RawFd) -> Result<Option<PeerAddress>, Telling> {
        let shared = &self.shared.listeners[listener];
        let access = &shared.options.access;
        let mut known = None;
        if !access.is_open() {
            // Where it was reset already nobody knows any more who it was.
            let peer = self.ring.peer(socket).map_err(|_| Telling::Denied)?;
            let is_permitted = match peer {
                PeerAddress::Ip(peer) => access.permits(peer.ip()),
                PeerAddress::Unix(_) => true,
            };
            if !is_permitted {
                return Err(Telling::Denied);
            }
            known = Some(peer);
        }
        let max = shared.options.max_sessions;
        if max.is_some_and(|max| shared.counters.sessions.get() >= max.into()) {
            return Err(Telling::Sessions);
        }
        if self.shared.admission.is_full() {
            return Err(Telling::SessionsTotal);
        }
        Ok(known)
    }

    /// Counts a connection that is not served, and tells it at most once a
    /// minute.
    fn refuse(&mut self, listener: usize, reason: Telling) {
        let shared = &self.shared.listeners[listener];
        let counters = &shared.counters;
        let counter = match reason {
            Telling::Denied => &counters.denied,
            Telling::SessionsTotal => &counters.refused_total,
            _ => &counters.refused,
        };
        counter.add(1);
        if !shared.tellings.is_due(reason, self.now) {
            return;
        }
        let (name, so_far) = (&shared.options.name, counter.get());
        let text = match reason {
            Telling::Denied => format!(
                "listener {name}: connections of senders that are not allowed are refused, \
                 {so_far} so far"
            ),
            Telling::SessionsTotal => format!(
                "there are maxSessionsTotal, {} connections: new ones are refused, {so_far} so \
                 far on listener {name}",
                self.shared.admission.sessions.get()
            ),
            _ => format!(
                "listener {name} has its maxSessions, {} connections: new ones are refused, \
                 {so_far} so far",
                counters.sessions.get()
            ),
        };
        self.shared.report.report(Severity::WARNING, text);
    }

    /// Tells, at most once a minute, that the daemon or the host has no
    /// descriptors or memory for another connection.
    fn tell_exhaustion(&mut self, listener: usize, error: &io::Error) {
        let is_exhaustion = matches!(
            error.raw_os_error(),
            Some(kernel::EMFILE | kernel::ENFILE | kernel::ENOMEM | kernel::ENOBUFS)
        );
        let shared = &self.shared.listeners[listener];
        if is_exhaustion && shared.tellings.is_due(Telling::Exhaustion, self.now) {
            let text = format!(
                "listener {} cannot accept: {error}; its {} connections are served, new ones \
                 wait until that is over",
                shared.options.name,
                shared.counters.sessions.get()
            );
            self.shared.report.report(Severity::WARNING, text);
        }
    }

    pub(super) fn start_accept(&mut self, listener: usize) {
        if !self.is_ending && self.shared.listeners[listener].options.udp.is_none() {
            let socket = self.shared.listeners[listener].as_raw_fd();
            self.ring.accept(socket, ACCEPT + listener as Token);
        }
    }

    /// Begins to serve an accepted connection.
    pub(super) fn admit(&mut self, handover: Handover) {
        let Handover {
            socket,
            listener,
            peer,
        } = handover;
        let asked = peer.map_or_else(|| self.ring.peer(socket), Ok);
        // The kernel forgets the address of a peer that has reset its connection;
        // what it sent before can be received all the same.
        let address = asked.unwrap_or(NOBODY);
        let (peer, source) = self.introduce(address, listener);
        let shared = &self.shared.listeners[listener];
        let named = match &peer {
            // Behind a proxy the sender is known when its header has come.
            Peer::Tcp(address) if !shared.options.proxy_protocol => {
                Some(address.ip()).filter(|address| !address.is_unspecified())
            }
            Peer::Tcp(_) | Peer::Unix { .. } => None,
        };
        shared.counters.connections_opened.add(1);
        let inherited = shared.liveness().copied();
        let account =
            ConnectionAccount::new(peer, listener, self.options.index, self.now, inherited);
        let serial = self.next_serial;
        self.next_serial += 1;
        let wrapping = Wrapping::of(&shared.options);
        let connection = Connection {
            serial,
            socket,
            listener,
            source: Arc::new(source),
            account: Arc::new(account),
            // A header is put in front of what follows it.
            size: match &wrapping {
                None => Size::Short,
                Some(_) => Size::Whole,
            },
            wrapping,
            framer: ConnectionFramer::new(
                &self.framers[listener],
                self.oversize_sinks[listener].as_ref(),
            ),
            carry: Vec::new(),
            receive: ReceiveState::Armed,
            is_growing: false,
            asked: None,
            ending: None,
        };
        if shared.options.notify_on_open {
            let (name, peer) = (&shared.options.name, &connection.account.peer);
            let text = format!("connection opened: peer {peer}, listener {name}");
            self.shared.report.report(Severity::INFO, text);
        }
        if let Some(timeout) = shared.options.idle_timeout {
            let idle_at = self.now + timeout;
            self.idle_at = Some(self.idle_at.map_or(idle_at, |at| at.min(idle_at)));
        }
        let slot = self.vacant.pop().unwrap_or_else(|| {
            self.connections.push(None);
            self.connections.len() - 1
        });
        let registry = &self.shared.inboxes[self.options.index].registry;
        registry.enter(slot, Arc::clone(&connection.account));
        let size = connection.size;
        self.connections[slot] = Some(connection);
        if inherited.is_some() {
            let at = self.now + VERIFIED_AFTER;
            self.unverified.push_back((at, slot, serial));
        }
        if self.is_ending {
            self.close(slot, CloseReason::Stop);
            return;
        }
        if !named.is_some_and(|address| self.waits_for_name(slot, address)) {
            let group = self.group_of(listener);
            self.ring.receive(socket, group, size, slot as Token);
        }
    }

    /// The peer of an accepted socket, and what is said of its messages' sender.
    fn introduce(&self, address: PeerAddress, listener: usize) -> (Peer, Source) {
        let shared = &self.shared.listeners[listener];
        let input: Box<str> = shared.options.name.as_str().into();
        match address {
            PeerAddress::Ip(peer) => {
                let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
                let address: Box<str> = peer.ip().to_string().into();
                let source = Source {
                    host: address.clone(),
                    address,
                    port: peer.port(),
                    input,
                };
                (Peer::Tcp(peer), source)
            }
            PeerAddress::Unix(credentials) => {
                let admission = &self.shared.admission;
                let peer = Peer::Unix {
                    endpoint: shared.endpoint().clone(),
                    number: admission.next_unix_peer(),
                    credentials,
                };
                // As in rsyslog: it is this host's.
                let source = Source {
                    host: admission.local_host.clone(),
                    address: "127.0.0.1".into(),
                    port: 0,
                    input,
                };
                (peer, source)
            }
        }
    }
}
