//! What the kernel does about a peer that is silent: the socket options of
//! tcp(7) and SO_KEEPALIVE of socket(7).

use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::time::Duration;

use socket2::{SockRef, Socket};

/// The options of one TCP socket, as getsockopt(2) returns them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Liveness {
    /// SO_KEEPALIVE: whether a silent peer is probed.
    pub keep_alive: bool,
    /// TCP_KEEPIDLE: silence before the first probe, whole seconds.
    pub time: Duration,
    /// TCP_KEEPINTVL: time between probes, whole seconds.
    pub interval: Duration,
    /// TCP_KEEPCNT: probes without an answer after which the peer is dead.
    pub probes: u32,
    /// TCP_USER_TIMEOUT: time after which what is not acknowledged, probes
    /// included, ends the connection, in milliseconds. `None`: the kernel's
    /// retransmission limits hold.
    pub user_timeout: Option<Duration>,
}

/// Reads the options of an open TCP socket.
///
/// # Errors
/// Those of getsockopt(2).
pub fn of_descriptor(socket: RawFd) -> io::Result<Liveness> {
    with_descriptor(socket, of)
}

/// Does something with an open TCP socket.
pub fn with_descriptor<T>(socket: RawFd, act: impl FnOnce(&Socket) -> T) -> T {
    // SAFETY: the caller's socket is open; the borrow ends with this call.
    let socket = unsafe { BorrowedFd::borrow_raw(socket) };
    act(&SockRef::from(&socket))
}

/// Reads the options of a TCP socket.
///
/// # Errors
/// Those of getsockopt(2).
pub fn of(socket: &socket2::Socket) -> io::Result<Liveness> {
    Ok(Liveness {
        keep_alive: socket.keepalive()?,
        time: socket.tcp_keepalive_time()?,
        interval: socket.tcp_keepalive_interval()?,
        probes: socket.tcp_keepalive_retries()?,
        user_timeout: socket.tcp_user_timeout()?,
    })
}
