//! Datagram sockets of the simulated network: bounded buffers that drop what does
//! not fit, and receives of whole datagrams.

use std::collections::{BTreeMap, VecDeque};
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::fd::RawFd;

use super::{Network, SimulatedNetwork};
use crate::base::Chunk;
use crate::limits::DATAGRAM_HEAD_BYTES;
use crate::ring::{Datagram, Kind, Outcome, Received, Token, Unread};

/// Datagrams that a socket's buffer holds.
const BUFFERED_MAX: usize = 64;

/// The daemon's socket.
#[derive(Default)]
pub(super) struct DatagramSocket {
    waiting: VecDeque<Sent>,
    dropped: u32,
    /// Whether receives fail.
    fails: bool,
}

struct Sent {
    sender: SocketAddr,
    text: Vec<u8>,
    /// What was dropped before it came.
    dropped: u32,
}

/// Receives of datagrams of one ring.
#[derive(Default)]
pub(super) struct Messages {
    provided: VecDeque<Chunk>,
    receives: BTreeMap<Token, MessageReceive>,
}

struct MessageReceive {
    socket: RawFd,
    is_cancelled: bool,
}

impl Messages {
    pub fn start(&mut self, socket: RawFd, token: Token) {
        let mut others = self.receives.values();
        assert!(
            !others.any(|other| other.socket == socket),
            "a receive was started twice"
        );
        let receive = MessageReceive {
            socket,
            is_cancelled: false,
        };
        let before = self.receives.insert(token, receive);
        assert!(before.is_none(), "two receives have the same token");
    }

    pub fn cancel(&mut self, token: Token) {
        if let Some(receive) = self.receives.get_mut(&token) {
            receive.is_cancelled = true;
        }
    }

    pub fn provide(&mut self, chunk: Chunk) {
        let is_provided = |other: &Chunk| other.index() == chunk.index();
        assert!(!self.provided.iter().any(is_provided), "provided twice");
        self.provided.push_back(chunk);
    }

    pub fn clear(&mut self) {
        self.provided.clear();
    }
}

impl DatagramSocket {
    pub fn unread(&self) -> Unread {
        match self.waiting.is_empty() {
            true => Unread::Nothing,
            false => Unread::Bytes,
        }
    }
}

impl SimulatedNetwork {
    /// Has every receive from a socket fail, or no more.
    pub fn fail_datagrams(&self, socket: RawFd, fails: bool) {
        let mut network = self.0.borrow_mut();
        network.datagrams.entry(socket).or_default().fails = fails;
    }

    /// Sends a datagram to a socket. Returns whether there was room for it.
    pub fn send_datagram(&self, socket: RawFd, sender: SocketAddr, text: &[u8]) -> bool {
        let mut network = self.0.borrow_mut();
        let socket = network.datagrams.entry(socket).or_default();
        if socket.waiting.len() >= BUFFERED_MAX {
            socket.dropped = socket.dropped.wrapping_add(1);
            return false;
        }
        socket.waiting.push_back(Sent {
            sender,
            text: text.to_vec(),
            dropped: socket.dropped,
        });
        true
    }
}

impl Network {
    pub(super) fn dropped(&mut self, socket: RawFd) -> u32 {
        self.datagrams.entry(socket).or_default().dropped
    }

    pub(super) fn completable_messages(&self, ring: usize) -> Vec<(Kind, Token)> {
        let receives = self.rings[ring].messages.receives.iter();
        let completable = receives.filter(|(_, receive)| {
            let socket = self.datagrams.get(&receive.socket);
            receive.is_cancelled
                || socket.is_some_and(|socket| socket.fails || !socket.waiting.is_empty())
        });
        completable
            .map(|(&token, _)| (Kind::ReceiveMessage, token))
            .collect()
    }

    /// Receives datagrams until there is none, or no chunk.
    pub(super) fn run_messages(&mut self, ring: usize, token: Token) {
        loop {
            let messages = &mut self.rings[ring].messages;
            let receive = &messages.receives[&token];
            let socket = self.datagrams.entry(receive.socket).or_default();
            let ending = if receive.is_cancelled {
                Received::Cancelled
            } else if socket.fails {
                Received::Failed(ErrorKind::PermissionDenied.into())
            } else if socket.waiting.is_empty() {
                return;
            } else if let Some(mut chunk) = messages.provided.pop_front() {
                let Some(sent) = socket.waiting.pop_front() else {
                    return;
                };
                let len = write(&mut chunk, &sent);
                let is_last = self.random.chance(self.faults.ended_early);
                if is_last {
                    self.rings[ring].messages.receives.remove(&token);
                }
                let received = Received::Bytes { chunk, len };
                if self.complete(ring, token, Outcome::Message(received), is_last) {
                    return;
                }
                continue;
            } else {
                Received::NoChunk
            };
            self.rings[ring].messages.receives.remove(&token);
            self.complete(ring, token, Outcome::Message(ending), true);
            return;
        }
    }
}

/// Writes a datagram as far as it fits, behind a head with its sender, what was
/// dropped, and its length. Returns the length of all.
fn write(chunk: &mut Chunk, sent: &Sent) -> usize {
    let (headroom, size) = (chunk.headroom(), chunk.size());
    let bytes = &mut chunk.bytes_mut()[headroom..][..size];
    let address = match sent.sender.ip() {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    bytes[..16].copy_from_slice(&address.octets());
    bytes[16..18].copy_from_slice(&sent.sender.port().to_ne_bytes());
    bytes[18..22].copy_from_slice(&sent.dropped.to_ne_bytes());
    let len = sent.text.len().min(size - DATAGRAM_HEAD_BYTES);
    bytes[22] = (len < sent.text.len()).into();
    bytes[DATAGRAM_HEAD_BYTES..][..len].copy_from_slice(&sent.text[..len]);
    DATAGRAM_HEAD_BYTES + len
}

/// The datagram that [`write`] has written.
pub(super) fn read(chunk: &Chunk, len: usize) -> Option<Datagram<'_>> {
    let filled = chunk.bytes().get(chunk.headroom()..)?.get(..len)?;
    let address: [u8; 16] = *filled.first_chunk()?;
    let port = u16::from_ne_bytes(*filled.get(16..)?.first_chunk()?);
    let dropped = u32::from_ne_bytes(*filled.get(18..)?.first_chunk()?);
    Some(Datagram {
        sender: SocketAddr::new(Ipv6Addr::from(address).into(), port),
        text: filled.get(DATAGRAM_HEAD_BYTES..)?,
        is_cut: filled.get(22) == Some(&1),
        dropped: (dropped > 0).then_some(dropped),
    })
}
