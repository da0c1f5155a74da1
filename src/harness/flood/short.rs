//! Connections that end after some messages, one after the other: connect, send,
//! close, as short-lived programs log.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::connection::Progress;
use super::{CONNECT_TIMEOUT, Outcome, Plan};
use crate::base::source_port;

/// How long the receiver may take until it has closed its side.
const END_TIMEOUT: Duration = Duration::from_secs(30);

/// Addresses to connect from over loopback. The side that closes first keeps
/// the port for a minute (TIME_WAIT), and one address has 28,232 of them
/// (`net.ipv4.ip_local_port_range`).
const SOURCE_ADDRESSES: u32 = 64;

/// Connections at most whose end is awaited, to know how far the receiver has
/// come. The others are closed at once, as short-lived programs do it; it takes
/// them in the order of the handshakes.
const AWAITED_MAX: usize = 16;

/// What one thread sends: one numbered stream in many connections.
pub struct Stream {
    /// `conn=` of all its messages.
    pub number: u32,
    /// Messages in all.
    pub limit: u64,
    /// Messages of one connection.
    pub per_connection: u64,
    /// Connections that the receiver has not yet closed, about at most. More
    /// than its backlog would measure how SYNs are sent again.
    pub open_max: usize,
    pub target: SocketAddr,
}

/// Sends the stream. Each connection is closed after its messages, most at once;
/// the end of one in `open_max / AWAITED_MAX` is awaited: if it was not read to
/// its end, that is seen as a reset.
pub fn send(mut plan: Plan, stream: &Stream) -> Outcome {
    let mut outcome = Outcome::new();
    let mut progress = Progress::new(stream.number, plan.block.frame_bytes());
    let error = stream
        .send(&mut plan, &mut progress, &mut outcome)
        .err()
        .map(|error| format!("connection {}: {error:#}", outcome.connections_opened));
    outcome.add_connection(&progress, error);
    outcome.finished = Instant::now();
    outcome
}

impl Stream {
    fn send(
        &self,
        plan: &mut Plan,
        progress: &mut Progress,
        outcome: &mut Outcome,
    ) -> anyhow::Result<()> {
        let step = (self.open_max / AWAITED_MAX).max(1);
        let awaited_max = self.open_max / step;
        let mut awaited = VecDeque::with_capacity(awaited_max);
        while progress.messages() < self.limit && !plan.is_over() {
            if awaited.len() >= awaited_max {
                await_ends(&mut awaited, awaited_max.div_ceil(2))?;
            }
            let began = Instant::now();
            let mut socket = self.connect(outcome.connections_opened)?;
            outcome.connections_opened += 1;
            let end = (progress.messages() + self.per_connection).min(self.limit);
            while progress.messages() < end {
                let bytes = progress.next(&mut plan.block, plan.messages_per_write, end, false);
                match socket.write(bytes) {
                    Ok(bytes) => {
                        progress.advance(bytes);
                        plan.sent.fetch_add(bytes as u64, Ordering::Relaxed);
                    }
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => return Err(error).context("cannot send"),
                }
            }
            if outcome.connections_opened.is_multiple_of(step as u64) {
                socket.set_read_timeout(Some(END_TIMEOUT))?;
                socket.shutdown(Shutdown::Write)?;
                awaited.push_back(socket);
            } else {
                drop(socket);
            }
            outcome.latency.record(began.elapsed(), 1);
        }
        let rest = awaited.len();
        await_ends(&mut awaited, rest)
    }

    fn connect(&self, turn: u64) -> anyhow::Result<TcpStream> {
        let domain = Domain::for_address(self.target);
        let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_write_timeout(Some(CONNECT_TIMEOUT))?;
        if let Some(source) = source(self.target, turn) {
            source_port::choose_at_connect(&socket)?;
            socket.bind(&SockAddr::from(source))?;
        }
        socket
            .connect(&SockAddr::from(self.target))
            .with_context(|| format!("cannot connect to {}", self.target))?;
        Ok(socket.into())
    }
}

/// The address to connect from, where it has to be chosen: 127.0.1.1 and so on.
fn source(target: SocketAddr, turn: u64) -> Option<SocketAddr> {
    let is_loopback = target.is_ipv4() && target.ip().is_loopback();
    let number = (turn % u64::from(SOURCE_ADDRESSES)) as u8 + 1;
    is_loopback.then(|| SocketAddr::from((Ipv4Addr::new(127, 0, number, 1), 0)))
}

/// Waits until the receiver has closed the oldest `count` connections; for the
/// youngest of them first, as the others have ended by then, and the thread
/// sleeps once and not `count` times.
fn await_ends(awaited: &mut VecDeque<TcpStream>, count: usize) -> anyhow::Result<()> {
    if let Some(socket) = count.checked_sub(1).and_then(|last| awaited.get(last)) {
        await_end(socket)?;
    }
    for socket in awaited.drain(..count) {
        await_end(&socket)?;
    }
    Ok(())
}

fn await_end(mut socket: &TcpStream) -> anyhow::Result<()> {
    loop {
        match socket.read(&mut [0]) {
            Ok(0) => return Ok(()),
            Ok(_) => bail!("the receiver has sent something"),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                bail!("not closed within {} s", END_TIMEOUT.as_secs())
            }
            Err(error) => return Err(error).context("not read to its end"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_left_from_many_addresses() {
        let target = "127.0.0.1:514".parse().unwrap();
        let source = |turn| source(target, turn).map(|address| address.to_string());
        assert_eq!(source(0).as_deref(), Some("127.0.1.1:0"));
        assert_eq!(source(63).as_deref(), Some("127.0.64.1:0"));
        assert_eq!(source(64), source(0));
    }

    #[test]
    fn other_sources_are_the_kernels_choice() {
        for target in ["192.0.2.1:514", "[::1]:514"] {
            assert_eq!(source(target.parse().unwrap(), 0), None);
        }
    }
}
