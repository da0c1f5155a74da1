//! Multishot accept (io_uring_prep_multishot_accept(3)).

use std::io;
use std::os::fd::RawFd;

use io_uring::{cqueue, opcode, squeue, types};

pub fn entry(listener: RawFd) -> squeue::Entry {
    opcode::AcceptMulti::new(types::Fd(listener))
        .flags(libc::SOCK_CLOEXEC)
        .build()
}

pub fn outcome(entry: &cqueue::Entry) -> io::Result<RawFd> {
    if entry.result() < 0 {
        Err(io::Error::from_raw_os_error(-entry.result()))
    } else {
        Ok(entry.result())
    }
}
