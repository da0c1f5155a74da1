//! The source port of a connection that is bound to an address before.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// Leaves the choice of the port to connect(2) (IP_BIND_ADDRESS_NO_PORT of
/// ip(7)): a port that bind(2) chose would be taken for all destinations, and
/// while its last connection is in TIME_WAIT.
///
/// # Errors
/// Those of setsockopt(2).
pub fn choose_at_connect(socket: &impl AsFd) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: `on` is readable for the length that is given; the socket is
    // borrowed, so open.
    let result = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            libc::IPPROTO_IP,
            libc::IP_BIND_ADDRESS_NO_PORT,
            (&raw const on).cast(),
            size_of_val(&on) as libc::socklen_t,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
