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

/// Number of bytes, 0 or 1, that a receive on a connected socket would find
/// (recv(2) with MSG_PEEK); 0 at the end of the stream.
///
/// # Errors
/// `WouldBlock` where there is nothing yet; those of recv(2).
pub fn peek(socket: RawFd) -> io::Result<usize> {
    let mut byte = 0u8;
    let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT;
    // SAFETY: the buffer is one writable byte.
    let len = unsafe { libc::recv(socket, (&raw mut byte).cast(), 1, flags) };
    usize::try_from(len).map_err(|_| io::Error::last_os_error())
}

/// Receives what is there, without waiting; 0 bytes at the end of the stream.
///
/// # Errors
/// `WouldBlock` where there is nothing yet; those of recv(2).
pub fn receive(socket: RawFd, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the buffer is writable and as long as said.
    let len = unsafe {
        libc::recv(
            socket,
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            libc::MSG_DONTWAIT,
        )
    };
    usize::try_from(len).map_err(|_| io::Error::last_os_error())
}

/// Who is at the other end of a connected socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerAddress {
    /// Of a TCP connection.
    Ip(SocketAddr),
    /// Of a unix socket: the process that connected.
    Unix(Credentials),
}

/// A process and its owner, as they were when it connected (SO_PEERCRED,
/// unix(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credentials {
    pub pid: i32,
    pub uid: u32,
}

/// The peer of a connected socket (getpeername(2)).
///
/// # Errors
/// ENOTCONN where the peer is gone; EINVAL where it is neither an IP nor a unix
/// socket.
pub fn peer(socket: RawFd) -> io::Result<PeerAddress> {
    // SAFETY: the caller's socket is open; the borrow ends with this call.
    let borrowed = unsafe { BorrowedFd::borrow_raw(socket) };
    let address = socket2::SockRef::from(&borrowed).peer_addr()?;
    if address.is_unix() {
        return credentials(socket).map(PeerAddress::Unix);
    }
    match address.as_socket() {
        Some(address) => Ok(PeerAddress::Ip(address)),
        None => Err(io::Error::from_raw_os_error(libc::EINVAL)),
    }
}

/// SO_PEERCRED of a connected unix socket.
fn credentials(socket: RawFd) -> io::Result<Credentials> {
    let mut found = libc::ucred {
        pid: 0,
        uid: 0,
        gid: 0,
    };
    let mut len = size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `len` bytes, the size of `found`.
    let result = unsafe {
        libc::getsockopt(
            socket,
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut found).cast(),
            &mut len,
        )
    };
    if result == 0 {
        Ok(Credentials {
            pid: found.pid,
            uid: found.uid,
        })
    } else {
        Err(io::Error::last_os_error())
    }
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

/// Raises the number of descriptors that the process may have to what it may
/// raise it to, the hard limit (setrlimit(2), RLIMIT_NOFILE). Returns it.
///
/// # Errors
/// Those of setrlimit(2): EPERM where the hard limit is above the kernel's
/// `fs.nr_open`.
pub fn raise_open_files_limit() -> io::Result<u64> {
    let mut limit = open_files_limit()?;
    limit.rlim_cur = limit.rlim_max;
    set_open_files_limit(&limit)?;
    Ok(limit.rlim_cur)
}

/// Does something while the process may have `reserve` descriptors fewer, at most
/// a quarter of what it may have: what the kernel takes the limit of now, it
/// keeps to later. Where the limit cannot be changed it stays as it is.
pub fn with_reserve<T>(reserve: u64, act: impl FnOnce() -> T) -> T {
    let Ok(limit) = open_files_limit() else {
        return act();
    };
    let lowered = libc::rlimit {
        rlim_cur: limit.rlim_cur - reserve.min(limit.rlim_cur / 4),
        ..limit
    };
    // As said: where it fails, the limit is what it was.
    let _ = set_open_files_limit(&lowered);
    let result = act();
    let _ = set_open_files_limit(&limit);
    result
}

fn open_files_limit() -> io::Result<libc::rlimit> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` is writable for the length of the call.
    match unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) } {
        0 => Ok(limit),
        _ => Err(io::Error::last_os_error()),
    }
}

fn set_open_files_limit(limit: &libc::rlimit) -> io::Result<()> {
    // SAFETY: `limit` is readable for the length of the call.
    match unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, limit) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Makes reads and writes of an open file wait (fcntl(2), O_NONBLOCK off).
///
/// # Errors
/// Those of fcntl(2).
pub fn set_blocking(file: &File) -> io::Result<()> {
    // SAFETY: fcntl takes no memory of ours with these commands; the descriptor
    // is open as long as the file is borrowed.
    let result = unsafe {
        let flags = libc::fcntl(file.as_raw_fd(), libc::F_GETFL);
        libc::fcntl(file.as_raw_fd(), libc::F_SETFL, flags & !libc::O_NONBLOCK)
    };
    if result == 0 {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unix_peer_is_the_process_that_connected() {
        let (one, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        let found = peer(one.as_raw_fd()).unwrap();
        let pid = std::process::id() as i32;
        // SAFETY: getuid(2) takes nothing and cannot fail.
        let uid = unsafe { libc::getuid() };
        assert_eq!(found, PeerAddress::Unix(Credentials { pid, uid }));
    }

    #[test]
    fn the_limit_of_open_files_is_raised_to_the_hard_one() {
        let limit = raise_open_files_limit().unwrap();
        let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
        let mut lines = limits.lines();
        let values = lines.find_map(|line| line.strip_prefix("Max open files"));
        let values: Vec<&str> = values.unwrap().split_whitespace().collect();
        let limit = limit.to_string();
        assert_eq!(values[..2], [&limit, &limit]);
    }
}
