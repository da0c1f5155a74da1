//! The ring of a reactor on io_uring(7).

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use io_uring::types::{SubmitArgs, Timespec};
use io_uring::{IoUring, cqueue, squeue};

use self::buffers::Buffers;
use super::{Completion, Kind, Outcome, Ring, Token, Unread};
use crate::base::descriptor::{self, EventFd, PeerAddress};
use crate::base::{Chunk, Liveness, liveness};

mod accept;
mod buffers;
mod cancel;
mod close;
mod receive;
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
const KIND_WAKE: u8 = 4;
const KIND_SILENT: u8 = 5;

/// Abilities that can be switched off so that tests run the other path.
#[derive(Clone, Copy, Debug)]
pub struct UringOptions {
    /// Chunks that can be provided at once: a power of two.
    pub chunks: u16,
    /// Receive into several chunks at once where the kernel can (6.10).
    pub bundles: bool,
}

/// A ring of io_uring. Used by the thread that made it, and by no other.
pub struct Uring {
    ring: IoUring,
    buffers: Buffers,
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
            .build(ENTRIES)?;
        let buffers = Buffers::register(&ring.submitter(), options.chunks)?;
        let bundles = options.bundles && ring.params().is_feature_recvsend_bundle();
        let mut uring = Uring {
            ring,
            buffers,
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
        // buffer ring, which lives as long as the ring.
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
                kind if kind == Kind::Receive as u8 => {
                    receive::outcomes(&entry, &mut self.buffers, |received, is_last| {
                        self.ready.push_back(Completion {
                            token,
                            outcome: Outcome::Received(received),
                            is_last,
                        });
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

impl Ring for Uring {
    fn accept(&mut self, listener: RawFd, token: Token) {
        self.submit(accept::entry(listener), Kind::Accept as u8, token);
    }

    fn receive(&mut self, socket: RawFd, token: Token) {
        let entry = receive::entry(socket, self.bundles);
        self.submit(entry, Kind::Receive as u8, token);
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

    fn provide(&mut self, chunk: Chunk) {
        self.buffers.provide(chunk);
    }

    fn provided(&self) -> usize {
        self.buffers.provided()
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
        match self.ring.submitter().submit_with_args(1, &args) {
            Ok(_) => Ok(()),
            Err(error) => match error.raw_os_error() {
                // Out of time; interrupted by a signal; completions wait.
                Some(libc::ETIME | libc::EINTR | libc::EBUSY | libc::EAGAIN) => Ok(()),
                _ => Err(error),
            },
        }
    }

    fn complete(&mut self) -> Option<Completion> {
        if self.ready.is_empty() {
            self.reap();
        }
        self.ready.pop_front()
    }
}
