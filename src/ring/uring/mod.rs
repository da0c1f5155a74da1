//! The ring of a reactor on io_uring(7).

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use io_uring::types::{SubmitArgs, Timespec};
use io_uring::{IoUring, cqueue, squeue};

use self::buffers::Buffers;
use self::receive_message::Messages;
use super::{Completion, Datagram, Group, Kind, Outcome, Received, Ring, Size, Token, Unread};
use crate::base::descriptor::{self, EventFd, PeerAddress};
use crate::base::{Chunk, Liveness, datagram, liveness};
use crate::limits::{DESCRIPTORS_KEPT, RECEIVE_GROUPS_MAX};

mod accept;
mod buffers;
mod cancel;
mod close;
mod receive;
mod receive_message;
mod wake;
mod watch;

/// Entries of the submission queue; the kernel doubles it for completions.
const ENTRIES: u32 = 1024;

/// Entries of the completion queue: a burst beyond it is kept by the kernel
/// (IORING_FEAT_NODROP), only slower.
const COMPLETIONS: u32 = 4096;

/// Bits of `user_data` that hold the token; the kind is above them.
const TOKEN_BITS: u32 = 56;

/// Bits of a kind; the group of a receive is above them.
const KIND_BITS: u32 = 4;

/// The kinds of [`Kind`].
const KIND_ACCEPT: u8 = 1;
const KIND_RECEIVE: u8 = 2;
const KIND_WATCH: u8 = 3;
const KIND_RECEIVE_SHORT: u8 = 4;
const KIND_RECEIVE_MESSAGE: u8 = 7;

/// Kinds of operations that nobody waits for.
const KIND_WAKE: u8 = 5;
const KIND_SILENT: u8 = 6;

/// Number of the buffers for datagrams; those of the first group are 0 and 1, and
/// those of the others above 255.
const DATAGRAM_BUFFERS: u16 = 2;

const _: () = assert!(RECEIVE_GROUPS_MAX <= 1 << (u8::BITS - KIND_BITS));

/// Abilities that can be switched off so that tests run the other path.
#[derive(Clone, Copy, Debug)]
pub struct UringOptions {
    /// Whole chunks that a group can have at once: a power of two.
    pub chunks: u16,
    /// Short chunks that a group can have at once: a power of two.
    pub short_chunks: u16,
    /// Groups of chunks.
    pub groups: usize,
    /// Chunks for datagrams that can be provided at once: a power of two, or 0
    /// where none are received.
    pub datagram_chunks: u16,
    /// Receive into several chunks at once where the kernel can (6.10).
    pub bundles: bool,
}

/// A ring of io_uring. Used by the thread that made it, and by no other.
pub struct Uring {
    ring: IoUring,
    /// Of each group.
    buffers: Vec<GroupBuffers>,
    /// Receives of datagrams, if there are any.
    messages: Option<Messages>,
    bundles: bool,
    wake: Arc<EventFd>,
    /// Completions that are spread over several chunks wait here.
    ready: VecDeque<Completion>,
}

/// The chunks that one group's receives can take.
struct GroupBuffers {
    whole: Buffers,
    short: Buffers,
}

impl GroupBuffers {
    fn of(&mut self, size: Size) -> &mut Buffers {
        match size {
            Size::Short => &mut self.short,
            Size::Whole => &mut self.whole,
        }
    }
}

/// The kind of an operation as its completion tells it.
fn code(kind: Kind) -> u8 {
    match kind {
        Kind::Accept => KIND_ACCEPT,
        Kind::Receive(group) => group << KIND_BITS | KIND_RECEIVE,
        Kind::Watch => KIND_WATCH,
        Kind::ReceiveShort(group) => group << KIND_BITS | KIND_RECEIVE_SHORT,
        Kind::ReceiveMessage => KIND_RECEIVE_MESSAGE,
    }
}

impl Uring {
    /// A ring whose [`Outcome::Woken`] is caused by `wake`.
    ///
    /// # Errors
    /// Those of io_uring_setup(2): EPERM where `kernel.io_uring_disabled` is
    /// not 0, EINVAL on kernels before 6.1, ENOMEM.
    pub fn new(options: UringOptions, wake: Arc<EventFd>) -> io::Result<Uring> {
        let ring = IoUring::builder()
            .setup_cqsize(COMPLETIONS)
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_taskrun_flag()
            .build(ENTRIES)?;
        let mut buffers = Vec::new();
        for group in 0..options.groups as u16 {
            let register = |size: Size, count| {
                let number = group << u8::BITS | (size == Size::Short) as u16;
                Buffers::register(&ring.submitter(), number, count)
            };
            buffers.push(GroupBuffers {
                whole: register(Size::Whole, options.chunks)?,
                short: register(Size::Short, options.short_chunks)?,
            });
        }
        let messages = match options.datagram_chunks {
            0 => None,
            count => {
                let number = DATAGRAM_BUFFERS;
                Some(Messages::register(&ring.submitter(), number, count)?)
            }
        };
        let bundles = options.bundles && ring.params().is_feature_recvsend_bundle();
        let mut uring = Uring {
            ring,
            buffers,
            messages,
            bundles,
            wake,
            ready: VecDeque::new(),
        };
        uring.watch_wake();
        Ok(uring)
    }

    fn watch_wake(&mut self) {
        let entry = wake::entry(self.wake.as_raw_fd());
        self.submit(entry, KIND_WAKE, 0);
    }

    fn submit(&mut self, entry: squeue::Entry, kind: u8, token: Token) {
        debug_assert!(token < 1 << TOKEN_BITS);
        let entry = entry.user_data(u64::from(kind) << TOKEN_BITS | token);
        // SAFETY: the entries of this module point at no memory of ours but the
        // buffer rings and the form of a datagram's header, which live as long as
        // the ring.
        while unsafe { self.ring.submission().push(&entry) }.is_err() {
            // The queue is full. A submission that fails (EBUSY: completions
            // wait to be reaped) is tried again after making room for them.
            if self.ring.submit().is_err() {
                self.reap();
            }
        }
    }

    /// Moves the kernel's completions to `ready`.
    fn reap(&mut self) {
        let mut wake_ended = false;
        for entry in self.ring.completion() {
            let user_data = entry.user_data();
            let token = user_data & ((1 << TOKEN_BITS) - 1);
            let is_last = !cqueue::more(entry.flags());
            let code = (user_data >> TOKEN_BITS) as u8;
            let (group, kind) = (code >> KIND_BITS, code & ((1 << KIND_BITS) - 1));
            match kind {
                KIND_ACCEPT => self.ready.push_back(Completion {
                    token,
                    outcome: Outcome::Accepted(accept::outcome(&entry)),
                    is_last,
                }),
                KIND_RECEIVE | KIND_RECEIVE_SHORT => {
                    let size = match kind {
                        KIND_RECEIVE => Size::Whole,
                        _ => Size::Short,
                    };
                    let buffers = self.buffers[usize::from(group)].of(size);
                    receive::outcomes(&entry, buffers, |received, is_last| {
                        self.ready.push_back(Completion {
                            token,
                            outcome: Outcome::Received(received),
                            is_last,
                        });
                    });
                }
                KIND_RECEIVE_MESSAGE => {
                    let received = match &mut self.messages {
                        Some(messages) => messages.outcome(&entry),
                        // Nothing was started without them.
                        None => Received::Cancelled,
                    };
                    self.ready.push_back(Completion {
                        token,
                        outcome: Outcome::Message(received),
                        is_last,
                    });
                }
                KIND_WATCH => self.ready.push_back(Completion {
                    token,
                    outcome: Outcome::HungUp,
                    is_last,
                }),
                KIND_WAKE => {
                    self.wake.clear();
                    wake_ended |= is_last;
                    self.ready.push_back(Completion {
                        token,
                        outcome: Outcome::Woken,
                        is_last: false,
                    });
                }
                _ => {}
            }
        }
        if wake_ended {
            self.watch_wake();
        }
    }
}

/// What is no error of io_uring_enter(2): to be out of time, interrupted by a
/// signal, or busy because completions wait.
fn unless_busy(result: io::Result<usize>) -> io::Result<()> {
    match result {
        Ok(_) => Ok(()),
        Err(error) => match error.raw_os_error() {
            Some(libc::ETIME | libc::EINTR | libc::EBUSY | libc::EAGAIN) => Ok(()),
            _ => Err(error),
        },
    }
}

impl Ring for Uring {
    fn accept(&mut self, listener: RawFd, token: Token) {
        self.submit(accept::entry(listener), KIND_ACCEPT, token);
        // The kernel notes the limit of descriptors when it gets the entry. What
        // it cannot take now it gets with the next wait, and the whole limit.
        let submitter = self.ring.submitter();
        let _ = descriptor::with_reserve(DESCRIPTORS_KEPT, || submitter.submit());
    }

    fn receive(&mut self, socket: RawFd, group: Group, size: Size, token: Token) {
        // A message in pieces of several short chunks is no gain.
        let bundles = self.bundles && size == Size::Whole;
        let buffers = self.buffers[usize::from(group)].of(size);
        let entry = receive::entry(socket, buffers, bundles);
        self.submit(entry, code(size.kind(group)), token);
    }

    fn receive_messages(&mut self, socket: RawFd, token: Token) {
        if let Some(messages) = &self.messages {
            let entry = messages.entry(socket);
            self.submit(entry, KIND_RECEIVE_MESSAGE, token);
        }
    }

    fn datagram<'a>(&self, chunk: &'a Chunk, len: usize) -> Option<Datagram<'a>> {
        self.messages.as_ref()?.datagram(chunk, len)
    }

    fn provide_datagram(&mut self, chunk: Chunk) {
        if let Some(messages) = &mut self.messages {
            messages.provide(chunk);
        }
    }

    fn dropped(&self, socket: RawFd) -> io::Result<u32> {
        datagram::dropped(socket)
    }

    fn watch(&mut self, socket: RawFd, token: Token) {
        self.submit(watch::entry(socket), KIND_WATCH, token);
    }

    fn unread(&self, socket: RawFd) -> Unread {
        match descriptor::peek(socket) {
            Ok(0) => Unread::End,
            Ok(_) => Unread::Bytes,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Unread::Nothing,
            Err(error) => Unread::Failed(error),
        }
    }

    fn read(&mut self, socket: RawFd, buffer: &mut [u8]) -> io::Result<usize> {
        descriptor::receive(socket, buffer)
    }

    fn cancel(&mut self, kind: Kind, token: Token) {
        let target = u64::from(code(kind)) << TOKEN_BITS | token;
        self.submit(cancel::entry(target), KIND_SILENT, 0);
    }

    fn peer(&self, socket: RawFd) -> io::Result<PeerAddress> {
        descriptor::peer(socket)
    }

    fn liveness(&self, socket: RawFd) -> io::Result<Liveness> {
        liveness::of_descriptor(socket)
    }

    fn close(&mut self, socket: RawFd) {
        self.submit(close::entry(socket), KIND_SILENT, 0);
    }

    fn provide(&mut self, group: Group, size: Size, chunk: Chunk) {
        self.buffers[usize::from(group)].of(size).provide(chunk);
    }

    fn provided(&self, group: Group, size: Size) -> usize {
        let buffers = &self.buffers[usize::from(group)];
        match size {
            Size::Short => buffers.short.provided(),
            Size::Whole => buffers.whole.provided(),
        }
    }

    fn poll(&mut self) -> io::Result<usize> {
        let has_work = {
            let queue = self.ring.submission();
            !queue.is_empty() || queue.taskrun()
        };
        if self.ready.is_empty() && has_work {
            let result = self
                .ring
                .submitter()
                .submit_with_args(0, &SubmitArgs::new());
            unless_busy(result)?;
        }
        if self.ready.is_empty() {
            self.reap();
        }
        Ok(self.ready.len())
    }

    fn rest(&mut self, time: Duration) {
        // Not in io_uring_enter(2): accepts and multishot receives end a wait
        // for several completions at the first one.
        std::thread::sleep(time);
    }

    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        if !self.ready.is_empty() {
            return Ok(());
        }
        let timespec = timeout.map(Timespec::from);
        let mut args = SubmitArgs::new();
        if let Some(timespec) = &timespec {
            args = args.timespec(timespec);
        }
        unless_busy(self.ring.submitter().submit_with_args(1, &args))
    }

    fn complete(&mut self) -> Option<Completion> {
        if self.ready.is_empty() {
            self.reap();
        }
        self.ready.pop_front()
    }
}
