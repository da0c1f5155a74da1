//! Closing a socket (io_uring_prep_close(3)).

use std::os::fd::RawFd;

use io_uring::{opcode, squeue, types};

pub fn entry(socket: RawFd) -> squeue::Entry {
    opcode::Close::new(types::Fd(socket)).build()
}
