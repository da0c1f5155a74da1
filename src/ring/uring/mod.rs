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
use super::{Completion, Datagram, Kind, Outcome, Received, Ring, Size, Token, Unread};
use crate::base::descriptor::{self, EventFd, PeerAddress};
use crate::base::{Chunk, Liveness, datagram, liveness};
use crate::limits::DESCRIPTORS_KEPT;

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

/// Kinds of operations that nobody waits for.
const KIND_WAKE: u8 = 5;
const KIND_SILENT: u8 = 6;

/// Abilities that can be switched off so that tests run the other path.
#[derive(Clone, Copy, Debug)]
pub struct UringOptions {
    /// Whole chunks that can be provided at once: a power of two.
    pub chunks: u16,
    /// Short chunks that can be provided at once: a power of two.
    pub short_chunks: u16,
    /// Chunks for datagrams that can be provided at once: a power of two, or 0
    /// where none are received.
    pub datagram_chunks: u16,
    /// Receive into several chunks at once where the kernel can (6.10).
    pub bundles: bool,
}

/// A ring of io_uring. Used by the thread that made it, and by no other.
pub struct Uring {
    ring: IoUring,
    buffers: Buffers,
    short_buffers: Buffers,
    /// Receives of datagrams, if there are any.
    messages: Option<Messages>,
    bundles: bool,
    wake: Arc<EventFd>,
    /// Completions that are spread over several chunks wait here.
    ready: VecDeque<Completion>,
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
        let buffers = Buffers::register(&ring.submitter(), 0, options.chunks)?;
        let short_buffers = Buffers::register(&ring.submitter(), 1, options.short_chunks)?;
        let messages = match options.datagram_chunks {
            0 => None,
            count => Some(Messages::register(&ring.submitter(), 2, count)?),
        };
        let bundles = options.bundles && ring.params().is_feature_recvsend_bundle();
        let mut uring = Uring {
            ring,
            buffers,
            short_buffers,
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
            match (user_data >> TOKEN_BITS) as u8 {
                kind if kind == Kind::Accept as u8 => self.ready.push_back(Completion {
                    token,
                    outcome: Outcome::Accepted(accept::outcome(&entry)),
                    is_last,
                }),
                kind if kind == Kind::Receive as u8 || kind == Kind::ReceiveShort as u8 => {
                    let buffers = match kind == Kind::Receive as u8 {
                        true => &mut self.buffers,
                        false => &mut self.short_buffers,
                    };
                    receive::outcomes(&entry, buffers, |received, is_last| {
                        self.ready.push_back(Completion {
                            token,
                            outcome: Outcome::Received(received),
                            is_last,
                        });
                    });
                }
                kind if kind == Kind::ReceiveMessage as u8 => {
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
                kind if kind == Kind::Watch as u8 => self.ready.push_back(Completion {
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
        self.submit(accept::entry(listener), Kind::Accept as u8, token);
        // The kernel notes the limit of descriptors when it gets the entry. What
        // it cannot take now it gets with the next wait, and the whole limit.
        let submitter = self.ring.submitter();
        let _ = descriptor::with_reserve(DESCRIPTORS_KEPT, || submitter.submit());
    }

    fn receive(&mut self, socket: RawFd, size: Size, token: Token) {
        let entry = match size {
            Size::Whole => receive::entry(socket, &self.buffers, self.bundles),
            // A message in pieces of several short chunks is no gain.
            Size::Short => receive::entry(socket, &self.short_buffers, false),
        };
        self.submit(entry, size.kind() as u8, token);
    }

    fn receive_messages(&mut self, socket: RawFd, token: Token) {
        if let Some(messages) = &self.messages {
            let entry = messages.entry(socket);
            self.submit(entry, Kind::ReceiveMessage as u8, token);
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
        self.submit(watch::entry(socket), Kind::Watch as u8, token);
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
        let target = u64::from(kind as u8) << TOKEN_BITS | token;
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

    fn provide(&mut self, size: Size, chunk: Chunk) {
        match size {
            Size::Short => self.short_buffers.provide(chunk),
            Size::Whole => self.buffers.provide(chunk),
        }
    }

    fn provided(&self, size: Size) -> usize {
        match size {
            Size::Short => self.short_buffers.provided(),
            Size::Whole => self.buffers.provided(),
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
