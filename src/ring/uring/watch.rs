//! One-shot poll for the end of a connection (io_uring_prep_poll_add(3)):
//! POLLRDHUP, and POLLHUP and POLLERR as always.

use std::os::fd::RawFd;

use io_uring::{opcode, squeue, types};

pub fn entry(socket: RawFd) -> squeue::Entry {
    opcode::PollAdd::new(types::Fd(socket), libc::POLLRDHUP as u32).build()
}
