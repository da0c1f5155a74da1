//! Asynchronous socket operations of a reactor: the interface, its home on
//! io_uring, and a simulated twin that tests drive from one thread.

use std::io;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::time::Duration;

use crate::base::descriptor::PeerAddress;
use crate::base::{Chunk, Liveness};

pub mod simulated;
pub mod uring;

pub use uring::{Uring, UringOptions};

/// Names an operation in its completions; chosen by who starts it. Below 2^56.
pub type Token = u64;

/// A group of provided chunks: a receive takes of its own group only. Below
/// [`RECEIVE_GROUPS_MAX`](crate::limits::RECEIVE_GROUPS_MAX).
pub type Group = u8;

/// What a reactor asks of its ring. Operations complete through
/// [`complete`](Ring::complete); nothing blocks but [`wait`](Ring::wait).
pub trait Ring {
    /// Accepts connections of a listening socket, one completion each, until a
    /// completion says that it is the last.
    fn accept(&mut self, listener: RawFd, token: Token);

    /// Receives from a socket into provided chunks of this group and size, one
    /// completion for each chunk, until a completion says that it is the last.
    fn receive(&mut self, socket: RawFd, group: Group, size: Size, token: Token);

    /// Receives the datagrams of a socket into chunks of their own
    /// ([`provide_datagram`](Ring::provide_datagram)), one completion for each,
    /// until a completion says that it is the last.
    fn receive_messages(&mut self, socket: RawFd, token: Token);

    /// What lies in a chunk that [`Outcome::Message`] came with: `len` bytes.
    /// `None` where it has no sender.
    fn datagram<'a>(&self, chunk: &'a Chunk, len: usize) -> Option<Datagram<'a>>;

    /// Gives a chunk to receive a datagram into.
    fn provide_datagram(&mut self, chunk: Chunk);

    /// Datagrams that the kernel has dropped at a socket so far, because its
    /// receive buffer was full; wraps around.
    ///
    /// # Errors
    /// Those of getsockopt(2).
    fn dropped(&self, socket: RawFd) -> io::Result<u32>;

    /// Waits until the peer of a socket on which nothing is received closes its
    /// side, or the connection fails: one completion.
    fn watch(&mut self, socket: RawFd, token: Token);

    /// What a receive on the socket would find now.
    fn unread(&self, socket: RawFd) -> Unread;

    /// Receives at once what is there, on a socket without a receive under way.
    ///
    /// # Errors
    /// `WouldBlock` where there is nothing; those of recv(2).
    fn read(&mut self, socket: RawFd, buffer: &mut [u8]) -> io::Result<usize>;

    /// Ends an operation early. Its last completion still comes.
    fn cancel(&mut self, kind: Kind, token: Token);

    /// The peer of an accepted socket: getpeername(2); of a unix socket,
    /// SO_PEERCRED.
    ///
    /// # Errors
    /// ENOTCONN where the peer is gone already.
    fn peer(&self, socket: RawFd) -> io::Result<PeerAddress>;

    /// What the kernel does about a silent peer of an accepted socket, as
    /// getsockopt(2) returns it.
    ///
    /// # Errors
    /// Those of getsockopt(2).
    fn liveness(&self, socket: RawFd) -> io::Result<Liveness>;

    /// Closes a socket. No operation may be under way on it.
    fn close(&mut self, socket: RawFd);

    /// Gives the receives of a group a chunk.
    fn provide(&mut self, group: Group, size: Size, chunk: Chunk);

    /// Chunks of this size that were provided to the group and not used.
    fn provided(&self, group: Group, size: Size) -> usize;

    /// Submits what was asked for, and returns the number of completions that
    /// are there; does not wait for one.
    ///
    /// # Errors
    /// Those of io_uring_enter(2).
    fn poll(&mut self) -> io::Result<usize>;

    /// Sleeps for `time` whatever completes meanwhile.
    fn rest(&mut self, time: Duration);

    /// Submits what was asked for and waits for a completion, at most for
    /// `timeout`.
    ///
    /// # Errors
    /// Those of io_uring_enter(2); being interrupted and running into the
    /// timeout are none.
    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()>;

    /// The next completion, if there is one.
    fn complete(&mut self) -> Option<Completion>;
}

/// The kinds of operations that stay under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Accept,
    /// Into whole chunks.
    Receive(Group),
    Watch,
    /// Into short ones.
    ReceiveShort(Group),
    /// Datagrams.
    ReceiveMessage,
}

/// The sizes of chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// [`SHORT_CHUNK_BYTES`](crate::limits::SHORT_CHUNK_BYTES), without
    /// headroom.
    Short,
    /// [`CHUNK_BYTES`](crate::limits::CHUNK_BYTES).
    Whole,
}

impl Size {
    /// The kind of a receive into a group's chunks of this size.
    pub fn kind(self, group: Group) -> Kind {
        match self {
            Size::Short => Kind::ReceiveShort(group),
            Size::Whole => Kind::Receive(group),
        }
    }
}

/// One completion.
pub struct Completion {
    pub token: Token,
    pub outcome: Outcome,
    /// Whether it is the operation's last: it has to be started anew.
    pub is_last: bool,
}

/// What happened.
pub enum Outcome {
    /// A connection was accepted. Errors: those of accept(2).
    Accepted(io::Result<RawFd>),
    /// Bytes were received, or the reception ended.
    Received(Received),
    /// A datagram was received, or its reception ended; never
    /// [`Received::End`].
    Message(Received),
    /// A watch is over: its connection may have ended.
    HungUp,
    /// The reactor's event descriptor was signalled.
    Woken,
}

/// A datagram in its chunk.
#[derive(Debug)]
pub struct Datagram<'a> {
    /// Where it came from.
    pub sender: SocketAddr,
    pub text: &'a [u8],
    /// Whether it was longer than its chunk: the rest is gone.
    pub is_cut: bool,
    /// Datagrams that the kernel had dropped at the socket when this one came, as
    /// [`Ring::dropped`]; `None`: none.
    pub dropped: Option<u32>,
}

/// What a receive would find.
#[derive(Debug)]
pub enum Unread {
    /// Bytes.
    Bytes,
    /// Nothing yet.
    Nothing,
    /// The end of the stream: the peer closed its side (FIN).
    End,
    /// A failed connection: recv(2).
    Failed(io::Error),
}

/// The outcomes of a receive.
pub enum Received {
    /// `len` bytes, at least one, in the receive space of the chunk.
    Bytes { chunk: Chunk, len: usize },
    /// The peer closed its side (FIN).
    End,
    /// No chunk was provided.
    NoChunk,
    /// The receive was cancelled.
    Cancelled,
    /// The connection failed: recv(2).
    Failed(io::Error),
}
