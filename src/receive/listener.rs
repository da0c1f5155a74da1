//! Listening sockets.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io, thread};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use thiserror::Error;

use super::socket_file::SocketFile;
use super::tellings::Tellings;
use super::udp::UdpSockets;
use super::{Endpoint, Inherited, InputCounters, ListenerOptions, RateLimit};
use crate::base::{Liveness, datagram, kernel};

/// How often, and how long between, it is looked whether an address is free.
const FREE_LOOKS: u32 = 10;
const FREE_LOOK: Duration = Duration::from_millis(50);

/// Why a listener could not be opened; each at start.
#[derive(Debug, Error)]
pub enum ListenError {
    /// The socket could not be made, bound or listened on.
    #[error("cannot listen on {endpoint}")]
    Socket {
        endpoint: Endpoint,
        source: io::Error,
    },
    /// The kernel refuses the keepalive parameters.
    #[error("the kernel refuses the keepalive parameters of the listener at {place}")]
    KeepAlive { place: String, source: io::Error },
    /// `listenPortFileName` could not be written.
    #[error("cannot write the port to {path}")]
    PortFile { path: String, source: io::Error },
}

/// A listener and its account.
pub struct Listener {
    /// Removes the file of a unix socket; dropped before the socket is.
    _file: Option<SocketFile>,
    socket: Socket,
    /// What it has beside the first socket if it receives datagrams.
    udp: Option<UdpSockets>,
    endpoint: Endpoint,
    /// What the kernel does about silent peers, as read back; of TCP only.
    liveness: Option<Liveness>,
    pub(super) tellings: Tellings,
    /// `ratelimit.…`, if set.
    pub(super) rate_limit: Option<RateLimit>,
    pub options: ListenerOptions,
    pub counters: Arc<InputCounters>,
}

impl Listener {
    /// Binds and listens, or takes the socket of its address that was
    /// inherited.
    ///
    /// # Errors
    /// Those of [`ListenError`]: an address in use, a port that needs
    /// privilege, a port file that cannot be written.
    pub fn open(
        options: ListenerOptions,
        inherited: &mut Inherited,
    ) -> Result<Listener, ListenError> {
        if options.udp.is_some() {
            return Listener::open_udp(options, inherited);
        }
        let Some(path) = &options.unix.path else {
            return Listener::open_tcp(options, inherited);
        };
        let opened = once_free(|| SocketFile::open(path, &options.unix, options.backlog));
        let (socket, file) = opened.map_err(|source| ListenError::Socket {
            endpoint: Endpoint::Unix(path.as_path().into()),
            source,
        })?;
        let endpoint = Endpoint::Unix(Arc::clone(file.path()));
        Ok(Listener::new(socket, endpoint, None, Some(file), options))
    }

    fn open_tcp(
        options: ListenerOptions,
        inherited: &mut Inherited,
    ) -> Result<Listener, ListenError> {
        let address = SocketAddr::new(options.address, options.port);
        let socket = on_all_addresses(address, |address| {
            Listener::socket(&options, address, inherited)
        });
        let socket = socket.map_err(|source| ListenError::Socket {
            endpoint: Endpoint::Tcp(address),
            source,
        })?;
        // Accepted sockets inherit it.
        let liveness = options.keep_alive.apply(&socket).map_err(|source| {
            let place = options.place.clone();
            ListenError::KeepAlive { place, source }
        })?;
        let address = bound_address(&socket, address);
        if let Some(path) = &options.port_file {
            // rsyslog writes the bare number.
            fs::write(path, address.port().to_string()).map_err(|source| {
                ListenError::PortFile {
                    path: path.display().to_string(),
                    source,
                }
            })?;
        }
        let endpoint = Endpoint::Tcp(address);
        Ok(Listener::new(
            socket,
            endpoint,
            Some(liveness),
            None,
            options,
        ))
    }

    fn open_udp(
        options: ListenerOptions,
        inherited: &mut Inherited,
    ) -> Result<Listener, ListenError> {
        let address = SocketAddr::new(options.address, options.port);
        let udp = options.udp.clone().unwrap_or_default();
        let opened = on_all_addresses(address, |address| {
            UdpSockets::open(&options, &udp, address, inherited)
        });
        let (socket, sockets) = opened.map_err(|source| ListenError::Socket {
            endpoint: Endpoint::Udp(address),
            source,
        })?;
        let endpoint = Endpoint::Udp(bound_address(&socket, address));
        let mut listener = Listener::new(socket, endpoint, None, None, options);
        listener.udp = Some(sockets);
        Ok(listener)
    }

    fn new(
        socket: Socket,
        endpoint: Endpoint,
        liveness: Option<Liveness>,
        file: Option<SocketFile>,
        options: ListenerOptions,
    ) -> Listener {
        Listener {
            _file: file,
            socket,
            udp: None,
            endpoint,
            liveness,
            tellings: Tellings::default(),
            rate_limit: RateLimit::new(&options.rate_limit),
            options,
            counters: Arc::default(),
        }
    }

    /// What is listened on, with the port that the kernel chose.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Its sockets if it receives datagrams; none otherwise.
    pub(super) fn datagram_sockets(&self) -> Vec<RawFd> {
        let udp = self.udp.iter();
        udp.flat_map(|udp| udp.all(&self.socket)).collect()
    }

    /// Counts what the kernel says it has dropped at one of its sockets so far.
    /// Returns how many of them are new.
    pub(super) fn count_dropped(&self, socket: usize, total: u32) -> u64 {
        let udp = self.udp.as_ref();
        let new = udp.map_or(0, |udp| udp.note_dropped(socket, total));
        self.counters.dropped_by_kernel.add(new);
        new
    }

    /// Counts what the kernel has dropped until now: it tells the reactors with the
    /// next datagram only.
    pub fn read_dropped(&self) {
        for (index, socket) in self.datagram_sockets().into_iter().enumerate() {
            // An open socket always has the numbers.
            if let Ok(total) = datagram::dropped(socket) {
                self.count_dropped(index, total);
            }
        }
    }

    /// What is to be told of it at start.
    pub fn remarks(&self) -> &[String] {
        self.udp.as_ref().map_or(&[], |udp| &udp.remarks)
    }

    /// What the kernel does about silent peers of its connections; `None` for a
    /// unix socket, whose peers cannot vanish without a word.
    pub fn liveness(&self) -> Option<&Liveness> {
        self.liveness.as_ref()
    }

    fn socket(
        options: &ListenerOptions,
        address: SocketAddr,
        inherited: &mut Inherited,
    ) -> io::Result<Socket> {
        if let Some(socket) = inherited.take(&SockAddr::from(address), Type::STREAM) {
            if address.ip() == Ipv6Addr::UNSPECIFIED && socket.only_v6()? {
                // `::` would silently not be all addresses.
                let text = "the socket that is handed over takes no IPv4: BindIPv6Only=both";
                return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
            }
            socket.listen(options.backlog)?;
            return Ok(socket);
        }
        let socket = Socket::new(
            Domain::for_address(address),
            Type::STREAM.cloexec(),
            Some(Protocol::TCP),
        )?;
        socket.set_reuse_address(true)?;
        if address.is_ipv6() {
            // Whatever net.ipv6.bindv6only says: `::` is all addresses.
            socket.set_only_v6(options.address != Ipv6Addr::UNSPECIFIED)?;
        }
        socket.bind(&SockAddr::from(address))?;
        socket.listen(options.backlog)?;
        Ok(socket)
    }
}

/// Tries again for a moment where the address is in use: the kernel takes the
/// io_uring of a daemon that was killed apart behind its end, and it keeps the
/// sockets that long.
fn once_free<T>(mut open: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for _ in 0..FREE_LOOKS {
        match open() {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => thread::sleep(FREE_LOOK),
            result => return result,
        }
    }
    open()
}

/// Opens a socket for an address; on a host without IPv6 all its addresses are
/// those of IPv4.
fn on_all_addresses<T>(
    address: SocketAddr,
    mut open: impl FnMut(SocketAddr) -> io::Result<T>,
) -> io::Result<T> {
    match once_free(|| open(address)) {
        Err(error) if has_no_ipv6(&error) && address.ip() == Ipv6Addr::UNSPECIFIED => {
            open(SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port())))
        }
        result => result,
    }
}

/// The address of a socket, with the port that the kernel chose.
fn bound_address(socket: &Socket, asked: SocketAddr) -> SocketAddr {
    let bound = socket.local_addr().ok().and_then(|bound| bound.as_socket());
    bound.unwrap_or(asked)
}

/// Whether the error says that the host has no IPv6.
fn has_no_ipv6(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(kernel::EAFNOSUPPORT | kernel::EADDRNOTAVAIL)
    )
}

impl AsRawFd for Listener {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}
