//! File descriptors that the state machines hold: event counters, limits.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// An eventfd(2): a descriptor that becomes readable when signalled.
pub struct EventFd(OwnedFd);

impl EventFd {
    /// A new counter at 0.
    ///
    /// # Errors
    /// Those of eventfd(2), EMFILE first of all.
    pub fn new() -> io::Result<EventFd> {
        // SAFETY: eventfd takes no pointers; the result is checked.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is new and owned by nobody else.
        Ok(EventFd(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Makes it readable.
    pub fn signal(&self) {
        let one = 1u64.to_ne_bytes();
        // SAFETY: the buffer is eight readable bytes. The only possible error
        // is EAGAIN at 2^64-1, when it is readable anyway.
        unsafe { libc::write(self.0.as_raw_fd(), one.as_ptr().cast(), one.len()) };
    }

    /// Makes it unreadable until the next signal. Returns whether it was
    /// readable.
    pub fn clear(&self) -> bool {
        let mut count = [0u8; 8];
        // SAFETY: the buffer is eight writable bytes; EAGAIN means 0 already.
        unsafe { libc::read(self.0.as_raw_fd(), count.as_mut_ptr().cast(), count.len()) > 0 }
    }
}

impl AsRawFd for EventFd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// The address of the peer of a connected socket (getpeername(2)).
///
/// # Errors
/// ENOTCONN where the peer is gone; EINVAL where it has no IP address.
pub fn peer(socket: RawFd) -> io::Result<SocketAddr> {
    // SAFETY: the caller's socket is open; the borrow ends with this call.
    let socket = unsafe { BorrowedFd::borrow_raw(socket) };
    let address = socket2::SockRef::from(&socket).peer_addr()?;
    address
        .as_socket()
        .ok_or_else(|| io::Error::from_raw_os_error(libc::EINVAL))
}

/// Allocates `len` bytes of a file from `offset` on; it grows to hold them
/// (fallocate(2)).
///
/// # Errors
/// ENOSPC, EOPNOTSUPP; EOVERFLOW beyond 2^63 bytes.
pub fn allocate(file: &File, offset: u64, len: u64) -> io::Result<()> {
    let overflow = |_| io::Error::from_raw_os_error(libc::EOVERFLOW);
    let offset = libc::off_t::try_from(offset).map_err(overflow)?;
    let len = libc::off_t::try_from(len).map_err(overflow)?;
    // SAFETY: fallocate takes no memory of ours; the descriptor is open as long
    // as the file is borrowed.
    if unsafe { libc::fallocate(file.as_raw_fd(), 0, offset, len) } == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Sets the process's file mode creation mask (umask(2)).
pub fn set_umask(mask: u32) {
    // SAFETY: umask(2) cannot fail and takes no pointers.
    unsafe { libc::umask(mask as libc::mode_t) };
}
