//! Multishot receive into provided buffers (io_uring_prep_recv_multishot(3)),
//! in bundles where the kernel has them.

use std::io;
use std::os::fd::RawFd;

use io_uring::{cqueue, opcode, squeue, types};

use super::buffers::Buffers;
use crate::ring::Received;

pub fn entry(socket: RawFd, buffers: &Buffers, bundles: bool) -> squeue::Entry {
    let group = buffers.group();
    if bundles {
        opcode::RecvMultiBundle::new(types::Fd(socket), group).build()
    } else {
        opcode::RecvMulti::new(types::Fd(socket), group).build()
    }
}

/// Calls `each` for every chunk of a completion, in order of the stream, with
/// whether it is the operation's last outcome.
pub fn outcomes(
    entry: &cqueue::Entry,
    buffers: &mut Buffers,
    mut each: impl FnMut(Received, bool),
) {
    let is_last = !cqueue::more(entry.flags());
    let len = match entry.result() {
        0 => {
            // A buffer may have been picked before the end of the stream was
            // seen; the kernel says so by naming it.
            if let Some(first) = cqueue::buffer_select(entry.flags()) {
                drop(buffers.used(first));
            }
            return each(Received::End, is_last);
        }
        result if result < 0 => {
            let received = match -result {
                libc::ENOBUFS => Received::NoChunk,
                libc::ECANCELED => Received::Cancelled,
                errno => Received::Failed(io::Error::from_raw_os_error(errno)),
            };
            return each(received, is_last);
        }
        result => result as usize,
    };
    let Some(first) = cqueue::buffer_select(entry.flags()) else {
        let error = io::Error::other("a receive completed without a buffer");
        return each(Received::Failed(error), is_last);
    };
    // A bundle's completion names its first buffer only: the others follow it
    // in the order in which they were provided.
    let mut left = len;
    let mut place = buffers.place_of(first);
    while left > 0 {
        let Some(chunk) = buffers.take(place) else {
            let error = io::Error::other("a receive completed into an unknown buffer");
            return each(Received::Failed(error), is_last);
        };
        let len = left.min(chunk.size());
        left -= len;
        place = buffers.next_place(place);
        each(Received::Bytes { chunk, len }, is_last && left == 0);
    }
}
