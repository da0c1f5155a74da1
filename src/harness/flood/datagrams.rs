//! Messages over UDP: each is a datagram, and nobody says whether it came.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use super::text::{Block, CONNECTION_DIGITS, Framing, SEQUENCE_LIMIT};
use super::{FloodArgs, Report, paced, report, resolve, text_of};
use crate::harness::latency::wall_ns;
use crate::harness::stop::Stop;

/// Between two looks at what is due: short enough that what is sent at once fits
/// any receive buffer at the usual rates.
const TICK: Duration = Duration::from_micros(200);

/// A socket, which is what a connection is over TCP, and what was sent from it.
struct Sender {
    number: u32,
    socket: UdpSocket,
    sent: u64,
}

/// Sends until the count, the duration or a signal. Errors: arguments that
/// contradict each other.
pub fn send(args: &FloodArgs, stop: &Stop) -> anyhow::Result<ExitCode> {
    let last = u64::from(args.first_connection) + u64::from(args.connections) - 1;
    ensure!(
        last < 10_u64.pow(CONNECTION_DIGITS as u32),
        "connection numbers have {CONNECTION_DIGITS} digits: {last} is too high"
    );
    let mut text = text_of(args);
    // A line feed is what a block's messages are apart by; it is not sent.
    text.framing = Framing::Lf;
    let block_messages = args
        .rate
        .map_or(100, |rate| paced::block_messages(rate as f64));
    let mut block = Block::new(&text, block_messages)?;
    let target = resolve(args)?;
    let mut senders = Vec::new();
    for index in 0..args.connections {
        senders.push(Sender {
            number: args.first_connection + index,
            socket: connect(target).with_context(|| format!("cannot send to {}", args.target))?,
            sent: 0,
        });
    }
    let (started, started_unix_ns) = (Instant::now(), wall_ns());
    let end = args.count.unwrap_or(SEQUENCE_LIMIT).min(SEQUENCE_LIMIT);
    let is_over = || {
        let mut duration = args.duration.iter();
        duration.any(|duration| started.elapsed() >= *duration) || stop.requested()
    };
    let (mut sent, mut turn, mut errors) = (0, 0, Vec::new());
    while sent < end && errors.is_empty() && !is_over() {
        let due = match args.rate {
            Some(rate) => (started.elapsed().as_secs_f64() * rate as f64) as u64,
            None => sent + block.capacity() as u64,
        };
        while sent < due.min(end) && errors.is_empty() {
            let count = (due.min(end) - sent).min(args.batch);
            let sender = &mut senders[turn % args.connections as usize];
            turn += 1;
            match sender.send(&mut block, count) {
                Ok(count) => sent += count,
                Err(error) => errors.push(format!("connection {}: {error}", sender.number)),
            }
        }
        if args.rate.is_some() {
            thread::sleep(TICK);
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    report(
        args,
        &Report {
            messages: sent,
            bytes: sent * args.size as u64,
            connections: args.connections,
            connections_opened: args.connections.into(),
            frame_bytes: args.size,
            seconds,
            messages_per_second: sent as f64 / seconds.max(1e-9),
            started_unix_ns,
            send_latency_ns: None,
            errors,
        },
    )
}

impl Sender {
    /// Sends its next messages, at most a block of them. Returns their number.
    fn send(&mut self, block: &mut Block, count: u64) -> io::Result<u64> {
        let (frame_bytes, capacity) = (block.frame_bytes(), block.capacity() as u64);
        let count = count.min(capacity);
        let time = if block.timed() { wall_ns() } else { 0 };
        let bytes = block.load(self.number, self.sent, time);
        for frame in bytes.chunks_exact(frame_bytes).take(count as usize) {
            self.socket.send(&frame[..frame_bytes - 1])?;
        }
        self.sent += count;
        Ok(count)
    }
}

/// A socket that sends to the target, and is told if nobody receives there.
fn connect(target: SocketAddr) -> io::Result<UdpSocket> {
    let socket = match target {
        SocketAddr::V4(_) => UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?,
        SocketAddr::V6(_) => UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))?,
    };
    socket.connect(target)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        flood: FloodArgs,
    }

    #[test]
    fn each_message_is_a_datagram() {
        let receiver = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let target = receiver.local_addr().unwrap().to_string();
        let words = [
            "flood",
            "--udp",
            "--quiet",
            "--connections",
            "3",
            "--count",
            "61",
        ];
        let words = words.into_iter().chain(["--rate", "100000", &target]);
        let code = super::super::run(Cli::parse_from(words).flood).unwrap();
        assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::SUCCESS));
        let mut next = [0; 3];
        let mut buffer = [0; 1000];
        for _ in 0..61 {
            let len = receiver.recv(&mut buffer).unwrap();
            let text = String::from_utf8(buffer[..len].to_vec()).unwrap();
            assert_eq!(len, 150);
            let number = text.find("conn=").map(|at| &text[at + 5..][..4]);
            let number: usize = number.unwrap().parse().unwrap();
            let numbered = format!(" conn={number:04} seq={:010} ", next[number]);
            assert!(text.contains(&numbered), "{numbered}: {text}");
            next[number] += 1;
        }
        assert_eq!(next.iter().sum::<u64>(), 61);
    }
}
