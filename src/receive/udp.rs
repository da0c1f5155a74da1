//! Sockets that datagrams are received from, and their parameters (imudp).

use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicU32, Ordering};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::{Inherited, ListenerOptions};
use crate::base::{datagram, kernel};
use crate::limits::DATAGRAM_BUFFER_BYTES;

/// Parameters of an `input(type="imudp" …)` beside those of every listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UdpOptions {
    /// `port`: each makes a listener of its own.
    pub ports: Vec<u16>,
    /// `threads`: sockets of one address, among which the kernel shares the
    /// senders (SO_REUSEPORT); each is received from by another reactor.
    pub sockets: usize,
    /// `rcvbufSize`, in bytes; [`DATAGRAM_BUFFER_BYTES`] if not set, as far as the
    /// kernel grants them.
    pub receive_buffer_bytes: Option<u32>,
    /// `device`: the interface that is received from (SO_BINDTODEVICE).
    pub device: Option<String>,
    /// `ipFreeBind`.
    pub free_bind: FreeBind,
    /// `name.appendPort`: whether the port is part of `inputname`.
    pub appends_port: bool,
}

/// `ipFreeBind`: what is done about an address that the host does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FreeBind {
    /// 0: the start fails.
    Off,
    /// 1: it is bound to all the same (IP_FREEBIND, ip(7)).
    Silent,
    /// 2: the same, and that is told.
    Told,
}

impl Default for UdpOptions {
    fn default() -> Self {
        UdpOptions {
            ports: Vec::new(),
            sockets: 1,
            receive_buffer_bytes: None,
            device: None,
            free_bind: FreeBind::Told,
            appends_port: false,
        }
    }
}

/// What a listener for datagrams has beside its first socket.
#[derive(Default)]
pub(super) struct UdpSockets {
    /// The others of the same address.
    others: Vec<Socket>,
    /// Datagrams that the kernel has dropped at each, the first one included, as
    /// far as is counted; they wrap around.
    dropped: Vec<AtomicU32>,
    /// What is to be told at start.
    pub remarks: Vec<String>,
}

impl UdpSockets {
    /// Opens and binds the sockets of a listener, or takes the one that was
    /// inherited. The first one comes beside the others.
    ///
    /// # Errors
    /// Those of socket(2), setsockopt(2) and bind(2).
    pub fn open(
        options: &ListenerOptions,
        udp: &UdpOptions,
        address: SocketAddr,
        inherited: &mut Inherited,
    ) -> io::Result<(Socket, UdpSockets)> {
        let mut sockets = UdpSockets::default();
        let taken = inherited.take(&SockAddr::from(address), Type::DGRAM);
        if let Some(first) = taken {
            if address.ip() == Ipv6Addr::UNSPECIFIED && first.only_v6()? {
                // `::` would silently not be all addresses.
                let text = "the socket that is handed over takes no IPv4: BindIPv6Only=both";
                return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
            }
            sockets.prepare(&first, udp)?;
            if udp.sockets > 1 {
                let text = "one socket is handed over, and `threads` has no effect on it";
                sockets.remarks.push(text.to_owned());
            }
            return Ok((first, sockets));
        }
        // Without SO_REUSEPORT as long as it is the only one: it takes no port that
        // another daemon has with several sockets, whose senders they would share.
        let first = sockets.bind(options, udp, address, false)?;
        first.set_reuse_port(udp.sockets > 1)?;
        let bound = first.local_addr()?.as_socket().unwrap_or(address);
        for _ in 1..udp.sockets {
            let other = sockets.bind(options, udp, bound, true)?;
            sockets.others.push(other);
        }
        Ok((first, sockets))
    }

    /// All sockets of a listener whose first one is this.
    pub fn all<'a>(&'a self, first: &'a Socket) -> impl Iterator<Item = RawFd> + 'a {
        std::iter::once(first)
            .chain(&self.others)
            .map(AsRawFd::as_raw_fd)
    }

    /// Notes what the kernel says it has dropped at a socket so far. Returns how
    /// many of them are new. Whoever is told of an older count finds nothing new.
    pub fn note_dropped(&self, socket: usize, total: u32) -> u64 {
        let is_new = |before: u32| (total.wrapping_sub(before) as i32 > 0).then_some(total);
        let Some(counted) = self.dropped.get(socket) else {
            return 0;
        };
        match counted.fetch_update(Ordering::Relaxed, Ordering::Relaxed, is_new) {
            Ok(before) => total.wrapping_sub(before).into(),
            Err(_) => 0,
        }
    }

    fn bind(
        &mut self,
        options: &ListenerOptions,
        udp: &UdpOptions,
        address: SocketAddr,
        reuses_port: bool,
    ) -> io::Result<Socket> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::DGRAM.cloexec(),
            Some(Protocol::UDP),
        )?;
        // No SO_REUSEADDR: a second daemon would take the datagrams of the first
        // one without a word.
        socket.set_reuse_port(reuses_port)?;
        if address.is_ipv6() {
            // Whatever net.ipv6.bindv6only says: `::` is all addresses.
            socket.set_only_v6(!options.address.is_unspecified())?;
        }
        if let Some(device) = &udp.device {
            socket.bind_device(Some(device.as_bytes()))?;
        }
        self.prepare(&socket, udp)?;
        match socket.bind(&SockAddr::from(address)) {
            Err(error) if must_free(&error, udp, address) => {
                match address.is_ipv6() {
                    true => socket.set_freebind_v6(true)?,
                    false => socket.set_freebind_v4(true)?,
                }
                socket.bind(&SockAddr::from(address))?;
                if udp.free_bind == FreeBind::Told {
                    self.remarks.push(format!(
                        "{} is no address of this host yet; nothing is received until it is \
                         (ipFreeBind)",
                        address.ip()
                    ));
                }
            }
            result => result?,
        }
        Ok(socket)
    }

    /// Sets the options that do not depend on the address.
    fn prepare(&mut self, socket: &Socket, udp: &UdpOptions) -> io::Result<()> {
        datagram::report_dropped(socket.as_raw_fd())?;
        self.dropped.push(AtomicU32::new(0));
        let wanted = udp.receive_buffer_bytes.unwrap_or(DATAGRAM_BUFFER_BYTES);
        let is_asked = udp.receive_buffer_bytes.is_some();
        if !is_asked && granted(socket)? >= wanted as usize {
            return Ok(());
        }
        socket.set_recv_buffer_size(wanted as usize)?;
        if granted(socket)? < wanted as usize {
            // Without the capability it stays what it is, as is told below.
            let _ = datagram::force_receive_buffer(socket.as_raw_fd(), wanted as i32);
        }
        let granted = granted(socket)?;
        if is_asked && granted < wanted as usize && self.dropped.len() == 1 {
            self.remarks.push(format!(
                "rcvbufSize is {wanted} bytes, and the kernel grants {granted}: raise sysctl \
                 net.core.rmem_max, or give the daemon CAP_NET_ADMIN"
            ));
        }
        Ok(())
    }
}

/// Size of a receive buffer as it was asked for: the kernel tells twice of it
/// (socket(7)).
fn granted(socket: &Socket) -> io::Result<usize> {
    Ok(socket.recv_buffer_size()? / 2)
}

/// Whether an address that the host does not have is bound to all the same.
fn must_free(error: &io::Error, udp: &UdpOptions, address: SocketAddr) -> bool {
    error.raw_os_error() == Some(kernel::EADDRNOTAVAIL)
        && udp.free_bind != FreeBind::Off
        && !address.ip().is_unspecified()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropped_datagrams_are_counted_once_also_where_the_count_wraps() {
        let sockets = UdpSockets {
            dropped: vec![AtomicU32::new(u32::MAX - 1)],
            ..UdpSockets::default()
        };
        assert_eq!(sockets.note_dropped(0, 3), 5);
        assert_eq!(sockets.note_dropped(0, 3), 0);
        assert_eq!(sockets.note_dropped(0, u32::MAX), 0, "an older count");
        assert_eq!(sockets.note_dropped(0, 4), 1);
    }
}
