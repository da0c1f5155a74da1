//! Socket options of datagram sockets that socket2 does not have (socket(7)).

use std::io;
use std::os::fd::RawFd;

/// Has the kernel say with each datagram how many it has dropped at this socket
/// before (SO_RXQ_OVFL).
///
/// # Errors
/// Those of setsockopt(2).
pub fn report_dropped(socket: RawFd) -> io::Result<()> {
    set(socket, libc::SO_RXQ_OVFL, 1)
}

/// Sets the size of a socket's receive buffer whatever `net.core.rmem_max` says
/// (SO_RCVBUFFORCE); the kernel doubles it for its own use.
///
/// # Errors
/// EPERM without CAP_NET_ADMIN.
pub fn force_receive_buffer(socket: RawFd, bytes: i32) -> io::Result<()> {
    set(socket, libc::SO_RCVBUFFORCE, bytes)
}

/// Datagrams that were dropped at a socket so far because its receive buffer was
/// full; wraps around (SO_MEMINFO, sock_diag(7): SK_MEMINFO_DROPS).
///
/// # Errors
/// Those of getsockopt(2).
pub fn dropped(socket: RawFd) -> io::Result<u32> {
    /// Numbers that the kernel gives, and which of them it is.
    const NUMBERS: usize = 9;
    const DROPS: usize = 8;
    let mut numbers = [0u32; NUMBERS];
    let mut len = size_of_val(&numbers) as libc::socklen_t;
    // SAFETY: the kernel writes at most `len` bytes, the size of `numbers`.
    let result = unsafe {
        libc::getsockopt(
            socket,
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            numbers.as_mut_ptr().cast(),
            &mut len,
        )
    };
    match result {
        0 => Ok(numbers[DROPS]),
        _ => Err(io::Error::last_os_error()),
    }
}

fn set(socket: RawFd, option: i32, value: i32) -> io::Result<()> {
    // SAFETY: the kernel reads the four bytes of `value`, no more.
    let result = unsafe {
        libc::setsockopt(
            socket,
            libc::SOL_SOCKET,
            option,
            (&raw const value).cast(),
            size_of_val(&value) as libc::socklen_t,
        )
    };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
