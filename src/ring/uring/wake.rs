//! Multishot poll of the reactor's event descriptor
//! (io_uring_prep_poll_multishot(3)).

use std::os::fd::RawFd;

use io_uring::{opcode, squeue, types};

pub fn entry(event: RawFd) -> squeue::Entry {
    opcode::PollAdd::new(types::Fd(event), libc::POLLIN as u32)
        .multi(true)
        .build()
}
