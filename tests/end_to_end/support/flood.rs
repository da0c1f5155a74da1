//! `splashdam flood` as the load, and what has to become of it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::command::SPLASHDAM;
use super::{splashdam, wait_for};

/// The timestamp of all messages.
const TIMESTAMP: &str = "Oct 11 22:14:15";

/// How messages are delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    Lf,
    OctetCounted,
}

/// A load of numbered messages.
#[derive(Clone, Copy, Debug)]
pub struct Flood {
    pub messages: u64,
    pub connections: u32,
    /// Bytes of a message without its framing.
    pub message_bytes: usize,
    pub framing: Framing,
    /// Number of the first connection.
    pub first_connection: u32,
    /// Messages per second over all connections; 0: as fast as possible.
    pub rate: u32,
}

impl Flood {
    /// Messages of 150 bytes over one connection.
    pub fn new(messages: u64) -> Flood {
        Flood {
            messages,
            connections: 1,
            message_bytes: 150,
            framing: Framing::Lf,
            first_connection: 0,
            rate: 0,
        }
    }

    /// Begins to send.
    pub fn start(&self, port: u16) -> Sending {
        let framing = match self.framing {
            Framing::Lf => "lf",
            Framing::OctetCounted => "octet-counted",
        };
        let rate = self.rate.to_string();
        let rate = (self.rate > 0).then_some(["--rate", &rate]);
        let child = Command::new(SPLASHDAM)
            .args([
                "flood",
                "--quiet",
                "--timestamp",
                TIMESTAMP,
                "--framing",
                framing,
            ])
            .args(["--count", &self.messages.to_string()])
            .args(["--connections", &self.connections.to_string()])
            .args(["--first-connection", &self.first_connection.to_string()])
            .args(["--size", &self.message_bytes.to_string()])
            .args(rate.into_iter().flatten())
            .arg(format!("127.0.0.1:{port}"))
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Sending(child)
    }

    /// Sends all of it.
    #[track_caller]
    pub fn run(&self, port: u16) {
        self.start(port).finish();
    }

    /// Bytes of a line in a file by RSYSLOG_TraditionalFileFormat: the message
    /// without its PRI, and the line feed.
    pub fn line_bytes(&self) -> u64 {
        (self.message_bytes - b"<13>".len() + 1) as u64
    }

    /// Bytes of the whole file.
    pub fn file_bytes(&self) -> u64 {
        self.messages * self.line_bytes()
    }

    /// Bytes sent, framing included.
    pub fn sent_bytes(&self) -> u64 {
        let framing = match self.framing {
            Framing::Lf => 1,
            Framing::OctetCounted => self.message_bytes.to_string().len() + 1,
        };
        self.messages * (self.message_bytes + framing) as u64
    }

    /// What one connection's messages look like in the file.
    pub fn stream(&self, connection: u32) -> Stream {
        Stream::new(self, connection)
    }

    /// Messages of a connection: as evenly spread as possible.
    fn messages_of(&self, connection: u32) -> u64 {
        let connections = u64::from(self.connections);
        let index = u64::from(connection - self.first_connection);
        self.messages / connections + u64::from(index < self.messages % connections)
    }

    /// Compares a whole file by RSYSLOG_TraditionalFileFormat with what was
    /// sent: each connection's messages exactly once, in order, byte for byte,
    /// and nothing else. `splashdam sink` has to come to the same result.
    #[track_caller]
    pub fn check_file(&self, path: &Path) {
        let numbers = self.first_connection..self.first_connection + self.connections;
        let mut streams: Vec<(Stream, u64)> = numbers
            .map(|connection| (self.stream(connection), 0))
            .collect();
        let mut lines = BufReader::with_capacity(1 << 20, File::open(path).unwrap());
        let mut line = Vec::new();
        let mut number = 0_u64;
        while lines.read_until(b'\n', &mut line).unwrap() > 0 {
            number += 1;
            let stream = connection_of(&line)
                .and_then(|connection| connection.checked_sub(self.first_connection))
                .and_then(|index| streams.get_mut(index as usize));
            let Some((stream, next)) = stream else {
                panic!(
                    "line {number} of {} was not sent: {}",
                    path.display(),
                    show(&line)
                );
            };
            let expected = stream.line(*next);
            assert!(
                line == expected,
                "line {number} of {} is\n{}\nand should be\n{}",
                path.display(),
                show(&line),
                show(expected)
            );
            *next += 1;
            line.clear();
        }
        for (index, (_, next)) in streams.iter().enumerate() {
            let connection = self.first_connection + index as u32;
            let sent = self.messages_of(connection);
            assert_eq!(
                *next,
                sent,
                "messages of connection {connection} in {}",
                path.display()
            );
        }
        if self.first_connection == 0 {
            self.check_by_sink(path);
        }
    }

    fn check_by_sink(&self, path: &Path) {
        let mut sink = splashdam(path.parent().unwrap());
        sink.args(["sink", "--count", &self.messages.to_string(), "--file"])
            .arg(path);
        sink.assert().success();
    }
}

/// The connection that a line says it came over.
fn connection_of(line: &[u8]) -> Option<u32> {
    let start = line.windows(6).position(|window| window == b" conn=")? + 6;
    let digits = line.get(start..start + 4)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// A line, short enough to be read.
fn show(line: &[u8]) -> String {
    String::from_utf8_lossy(line).chars().take(200).collect()
}

/// A flood under way.
pub struct Sending(Child);

impl Sending {
    /// Whether all is sent.
    pub fn is_over(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    /// Waits until all is sent.
    #[track_caller]
    pub fn finish(mut self) {
        let status = wait_for("the end of a flood", || self.0.try_wait().unwrap());
        let mut errors = String::new();
        if let Some(stderr) = &mut self.0.stderr {
            stderr.read_to_string(&mut errors).unwrap();
        }
        assert!(status.success(), "flood: {errors}");
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The endless row of lines that the messages of one connection make in a file.
pub struct Stream {
    line: Vec<u8>,
    digits: std::ops::Range<usize>,
}

impl Stream {
    fn new(flood: &Flood, connection: u32) -> Stream {
        let head =
            format!("{TIMESTAMP} flood{connection:04} flood[4711]: conn={connection:04} seq=");
        let digits = head.len()..head.len() + 10;
        let mut line = format!("{head}0000000000 ").into_bytes();
        let len = flood.line_bytes() as usize;
        assert!(len > line.len() + 1, "the messages are too short");
        line.resize(len - 1, b'x');
        line.push(b'\n');
        Stream { line, digits }
    }

    /// The line with this number.
    fn line(&mut self, number: u64) -> &[u8] {
        let digits = format!("{number:010}");
        self.line[self.digits.clone()].copy_from_slice(digits.as_bytes());
        &self.line
    }

    /// Compares bytes with the stream from byte `at` on.
    ///
    /// # Errors
    /// Where they differ, and what stands there.
    pub fn compare(&mut self, mut at: u64, mut bytes: &[u8]) -> Result<(), String> {
        let len = self.line.len() as u64;
        while !bytes.is_empty() {
            let within = (at % len) as usize;
            let expected = &self.line(at / len)[within..];
            let compared = expected.len().min(bytes.len());
            if expected[..compared] != bytes[..compared] {
                let pairs = expected.iter().zip(bytes);
                let equal = pairs.take_while(|(left, right)| left == right);
                let different = equal.count();
                return Err(format!(
                    "byte {} is not as sent: {:?} where {:?} was sent",
                    at + different as u64,
                    show(&bytes[different..compared]),
                    show(&expected[different..compared])
                ));
            }
            at += compared as u64;
            bytes = &bytes[compared..];
        }
        Ok(())
    }

    /// Finds where in the stream a piece of it begins, from the first whole
    /// line in it; `None` where there is none.
    pub fn locate(&self, piece: &[u8]) -> Option<u64> {
        let first = match piece.starts_with(&self.line[..self.digits.start]) {
            true => 0,
            false => piece.iter().position(|byte| *byte == b'\n')? + 1,
        };
        let digits = piece.get(first + self.digits.start..first + self.digits.end)?;
        let number: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
        (number * self.line.len() as u64).checked_sub(first as u64)
    }
}

#[test]
fn a_piece_of_a_stream_is_found_and_compared() {
    let flood = Flood::new(10);
    let mut stream = flood.stream(0);
    let whole: Vec<u8> = (0..10)
        .flat_map(|number| stream.line(number).to_vec())
        .collect();
    assert_eq!(whole.len() as u64, flood.file_bytes());
    for (start, end) in [
        (0, whole.len()),
        (1, 700),
        (400, 1470),
        (146, 441),
        (147, 441),
    ] {
        let piece = &whole[start..end];
        assert_eq!(stream.locate(piece), Some(start as u64));
        assert_eq!(stream.compare(start as u64, piece), Ok(()));
        assert!(stream.compare(start as u64 + 1, piece).is_err());
    }
}
