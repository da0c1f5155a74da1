//! What the kernel knows of TCP connections: sock_diag(7), the source of ss(8).
//! It needs no privilege and does not touch the sockets themselves.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use netlink_packet_core::{
    DecodeError, Emitable, ErrorBuffer, NLM_F_DUMP, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR,
    NetlinkBuffer, NetlinkHeader, NetlinkMessage, NlasIterator, Parseable,
};
use netlink_packet_sock_diag::constants::{AF_INET, AF_INET6, INET_DIAG_INFO, IPPROTO_TCP};
use netlink_packet_sock_diag::inet::nlas::TcpInfo;
use netlink_packet_sock_diag::inet::{
    ExtensionFlags, InetRequest, InetResponseHeader, SocketId, StateFlags, Timer,
};
use netlink_packet_sock_diag::{SOCK_DIAG_BY_FAMILY, SockDiagMessage};
use netlink_sys::protocols::NETLINK_SOCK_DIAG;
use netlink_sys::{Socket, SocketAddr as NetlinkAddress};
use socket2::SockRef;

/// Bytes of one answer. The kernel makes none longer than 32 KiB in a dump, and
/// as long ones only for who has room for them.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// The longest time that an answer may take. The kernel gives it at once.
const ANSWER_WAIT: Duration = Duration::from_secs(1);

/// Messages of a dump are aligned to it (NLMSG_ALIGNTO).
const ALIGNMENT: usize = 4;

/// What the kernel knows of one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpState {
    /// IPv4 addresses as such, also on a socket of IPv6.
    pub local: SocketAddr,
    pub peer: SocketAddr,
    /// Smoothed round-trip time (tcpi_rtt).
    pub rtt: Duration,
    /// Segments sent again since the begin (tcpi_total_retrans).
    pub retransmits: u32,
    /// The timer that runs, and the time until it fires.
    pub timer: Option<(TcpTimer, Duration)>,
    /// Probes, of keepalive or of a closed window, without an answer
    /// (tcpi_probes).
    pub probes: u8,
    /// Time since anything acceptable came, a byte or an acknowledgement: of a
    /// keepalive probe too (tcpi_last_data_recv, tcpi_last_ack_recv).
    pub silence: Duration,
}

/// A timer of a connection (idiag_timer).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpTimer {
    Retransmit,
    KeepAlive,
    TimeWait,
    /// Of a peer that has closed its window.
    WindowProbe,
}

impl TcpTimer {
    /// Its name for programs and people.
    pub fn name(self) -> &'static str {
        match self {
            TcpTimer::Retransmit => "retransmit",
            TcpTimer::KeepAlive => "keepalive",
            TcpTimer::TimeWait => "time-wait",
            TcpTimer::WindowProbe => "window-probe",
        }
    }
}

/// The connections of this network namespace (ESTABLISHED and CLOSE_WAIT) with
/// this local port (`None`: any), on sockets of IPv6 or of IPv4. A socket that
/// listens on `::` has connections of IPv6 only, IPv4 peers mapped into it.
///
/// Blocks for as long as the kernel walks its table: about a microsecond for
/// each connection.
///
/// # Errors
/// Those of socket(2), EAFNOSUPPORT, EPERM or EACCES in a sandbox; ENOENT where
/// the kernel is built without it; EAGAIN for no answer within a second;
/// InvalidData for one of another form.
pub fn connections(is_ipv6: bool, port: Option<u16>) -> io::Result<Vec<TcpState>> {
    let mut socket = Socket::new(NETLINK_SOCK_DIAG)?;
    socket.bind_auto()?;
    socket.connect(&NetlinkAddress::new(0, 0))?;
    // An answer that does not come must not keep the caller for ever.
    SockRef::from(&socket).set_read_timeout(Some(ANSWER_WAIT))?;
    socket.send(&request(is_ipv6, port), 0)?;
    let mut states = Vec::new();
    let mut answer = Vec::with_capacity(ANSWER_BYTES_MAX);
    loop {
        answer.clear();
        match socket.recv(&mut answer, 0) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        if read(&answer, &mut states)? {
            return Ok(states);
        }
    }
}

fn request(is_ipv6: bool, port: Option<u16>) -> Vec<u8> {
    let (family, any) = match is_ipv6 {
        true => (AF_INET6, IpAddr::from(Ipv6Addr::UNSPECIFIED)),
        false => (AF_INET, IpAddr::from(Ipv4Addr::UNSPECIFIED)),
    };
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    let request = InetRequest {
        family,
        protocol: IPPROTO_TCP,
        extensions: ExtensionFlags::INFO,
        states: StateFlags::ESTABLISHED | StateFlags::CLOSE_WAIT,
        socket_id: SocketId {
            source_port: port.unwrap_or(0),
            destination_port: 0,
            source_address: any,
            destination_address: any,
            interface_id: 0,
            cookie: [0; 8],
        },
    };
    let payload = SockDiagMessage::InetRequest(request).into();
    let mut message = NetlinkMessage::new(header, payload);
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

/// Reads the messages of one answer. Returns whether the dump is over.
///
/// It reads what is needed where it lies: the crates' own way to whole messages
/// takes as long again as the kernel.
fn read(answer: &[u8], states: &mut Vec<TcpState>) -> io::Result<bool> {
    let mut rest = answer;
    while !rest.is_empty() {
        let message = NetlinkBuffer::new_checked(rest).map_err(odd)?;
        match message.message_type() {
            NLMSG_DONE => return Ok(true),
            NLMSG_ERROR => {
                let error = ErrorBuffer::new_checked(message.payload()).map_err(odd)?;
                let number = error.code().map_or(0, |code| code.get().saturating_neg());
                return Err(io::Error::from_raw_os_error(number));
            }
            SOCK_DIAG_BY_FAMILY => states.extend(state(message.payload()).map_err(odd)?),
            // Nothing else was asked for.
            _ => {}
        }
        let length = (message.length() as usize).next_multiple_of(ALIGNMENT);
        rest = rest.get(length..).unwrap_or_default();
    }
    Ok(false)
}

fn odd(error: DecodeError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}

/// Nothing of a socket that is gone by now: it has no information.
fn state(response: &[u8]) -> Result<Option<TcpState>, DecodeError> {
    let header = InetResponseHeader::parse(response)?;
    let attributes = response.get(header.buffer_len()..).unwrap_or_default();
    for attribute in NlasIterator::new(attributes) {
        let attribute = attribute?;
        if attribute.kind() == INET_DIAG_INFO {
            let info = TcpInfo::parse(attribute.value())?;
            return Ok(Some(made_of(&header, &info)));
        }
    }
    Ok(None)
}

fn made_of(header: &InetResponseHeader, info: &TcpInfo) -> TcpState {
    let id = &header.socket_id;
    let address = |address: IpAddr, port| SocketAddr::new(address.to_canonical(), port);
    let timer = header.timer.as_ref().map(|timer| match timer {
        Timer::Retransmit(left, _) => (TcpTimer::Retransmit, *left),
        Timer::KeepAlive(left) => (TcpTimer::KeepAlive, *left),
        Timer::TimeWait => (TcpTimer::TimeWait, Duration::ZERO),
        Timer::Probe(left) => (TcpTimer::WindowProbe, *left),
    });
    TcpState {
        local: address(id.source_address, id.source_port),
        peer: address(id.destination_address, id.destination_port),
        rtt: Duration::from_micros(info.rtt.into()),
        retransmits: info.total_retrans,
        timer,
        probes: info.probes,
        silence: silence(info),
    }
}

fn silence(info: &TcpInfo) -> Duration {
    Duration::from_millis(info.last_data_recv.min(info.last_ack_recv).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use socket2::TcpKeepalive;
    use std::net::{TcpListener, TcpStream};

    /// A connection over loopback: the listener, the client's end, the
    /// listener's end.
    fn pair(address: &str) -> (TcpListener, TcpStream, TcpStream) {
        let listener = TcpListener::bind(address).expect("a listener");
        let mut to = listener.local_addr().expect("its address");
        if to.ip().is_unspecified() {
            to.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        let client = TcpStream::connect(to).expect("a connection");
        let (server, _) = listener.accept().expect("its other end");
        (listener, client, server)
    }

    #[test]
    fn the_connections_of_a_port_are_found_with_their_timers() {
        for (address, is_ipv6) in [("127.0.0.1:0", false), ("[::]:0", true)] {
            let (listener, client, server) = pair(address);
            let time = Duration::from_secs(100);
            let options = TcpKeepalive::new().with_time(time);
            SockRef::from(&server)
                .set_tcp_keepalive(&options)
                .expect("keepalive");
            let port = listener.local_addr().expect("its address").port();
            let found = connections(is_ipv6, Some(port)).expect("an answer");
            let [state] = &found[..] else {
                panic!("one connection: {found:?}")
            };
            assert_eq!(state.local, (Ipv4Addr::LOCALHOST, port).into());
            assert_eq!(state.peer, client.local_addr().expect("its address"));
            assert!(state.rtt > Duration::ZERO, "{state:?}");
            assert_eq!((state.retransmits, state.probes), (0, 0));
            let (timer, left) = state.timer.expect("a timer");
            assert_eq!(timer, TcpTimer::KeepAlive);
            assert!(
                left <= time && left > Duration::from_secs(50),
                "{left:?} of {time:?}"
            );
            assert!(state.silence < Duration::from_secs(50), "{state:?}");
            let all = connections(is_ipv6, None).expect("an answer");
            assert!(all.iter().any(|other| other.local == state.local));
            let others = connections(!is_ipv6, Some(port)).expect("an answer");
            let here = others.iter().filter(|other| other.local == state.local);
            assert_eq!(here.count(), 0, "of the other family");
        }
    }

    #[test]
    fn a_dump_of_many_answers_is_whole() {
        const COUNT: usize = 300;
        let (listener, ..) = pair("127.0.0.1:0");
        let address = listener.local_addr().expect("its address");
        // One after the other: the backlog is shorter.
        let (clients, servers): (Vec<TcpStream>, Vec<TcpStream>) = (0..COUNT)
            .map(|_| {
                let client = TcpStream::connect(address).expect("a connection");
                (client, listener.accept().expect("its other end").0)
            })
            .unzip();
        let found = connections(false, Some(address.port())).expect("an answer");
        let mut peers: Vec<SocketAddr> = found.iter().map(|state| state.peer).collect();
        let mut expected: Vec<SocketAddr> = clients
            .iter()
            .map(|client| client.local_addr().expect("its address"))
            .collect();
        peers.sort_unstable();
        expected.sort_unstable();
        assert_eq!(peers, expected);
        drop(servers);
    }

    #[test]
    fn errors_and_odd_answers_are_errors() {
        // nlmsghdr: length 36, type NLMSG_ERROR, then -ENOENT and the request's
        // header.
        let mut error = [0; 36];
        error[0] = 36;
        error[4] = 2;
        error[16..20].copy_from_slice(&(-2_i32).to_ne_bytes());
        let told = read(&error, &mut Vec::new()).expect_err("ENOENT");
        assert_eq!(told.raw_os_error(), Some(2));
        // Shorter than they say; and a socket's message that ends too soon.
        for (length, says) in [(1, 200), (15, 200), (17, 200), (40, 40)] {
            let mut odd = vec![0; length];
            odd[0] = says;
            if length > 4 {
                odd[4] = SOCK_DIAG_BY_FAMILY as u8;
            }
            let told = read(&odd, &mut Vec::new()).expect_err("no message");
            assert_eq!(told.kind(), io::ErrorKind::InvalidData);
        }
        // A socket without information, and the end.
        let mut bare = vec![0; 16 + 72];
        bare[0] = 16 + 72;
        bare[4] = SOCK_DIAG_BY_FAMILY as u8;
        bare[16] = AF_INET;
        bare.extend([
            16,
            0,
            0,
            0,
            NLMSG_DONE as u8,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
        ]);
        let mut states = Vec::new();
        assert!(read(&bare, &mut states).expect("an answer"));
        assert!(states.is_empty());
    }
}
