//! The messages: built once, their fixed-width digits advanced in place.

use std::ops::Range;

use anyhow::ensure;
use clap::ValueEnum;

/// Digits of `conn=` and of the host name.
pub const CONNECTION_DIGITS: usize = 4;

/// Digits of `seq=`.
pub const SEQUENCE_DIGITS: usize = 10;

/// Messages that one connection can number.
pub const SEQUENCE_LIMIT: u64 = 10_u64.pow(SEQUENCE_DIGITS as u32);

/// Digits of `t=`: nanoseconds since 1970, nineteen until the year 2286.
pub const TIME_DIGITS: usize = 19;

/// Bytes of a block at most, unless one message is longer: more falls out of
/// the second-level cache.
const BLOCK_BYTES_MAX: usize = 256 * 1024;

/// Header format of the messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// RFC 3164 section 4.1.
    Rfc3164,
    /// RFC 5424 section 6.
    Rfc5424,
}

/// How a message is delimited on the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Framing {
    /// A line feed after each message (RFC 6587 section 3.4.2).
    Lf,
    /// The length in decimal and a space before it (RFC 6587 section 3.4.1).
    OctetCounted,
}

/// What one message looks like.
#[derive(Clone, Debug)]
pub struct Text {
    /// Header format.
    pub format: Format,
    /// Framing.
    pub framing: Framing,
    /// Bytes of the message without framing.
    pub message_bytes: usize,
    /// Timestamp of the header, as it stands there.
    pub timestamp: String,
    /// Whether `t=` is in the text.
    pub timed: bool,
}

/// Where the digits stand in a frame, in bytes from its start.
#[derive(Clone, Debug)]
struct Digits {
    host: Range<usize>,
    connection: Range<usize>,
    sequence: Range<usize>,
    time: Range<usize>,
}

/// A row of frames of one connection with successive numbers, ready to be
/// written. The capacity is a power of ten, so that going one block further
/// changes only the leading digits, which all its messages have in common.
pub struct Block {
    bytes: Vec<u8>,
    frame_bytes: usize,
    digits: Digits,
    capacity: usize,
    /// What the digits in `bytes` say.
    connection: u32,
    first: u64,
    sent_at_ns: u64,
}

impl Block {
    /// A block of at most `messages_max` messages. Error: `message_bytes` leaves
    /// no room for the header and the numbers, or the timestamp would break
    /// the frame.
    pub fn new(text: &Text, messages_max: usize) -> anyhow::Result<Block> {
        let (frame, digits) = frame(text)?;
        let mut capacity = 1000;
        while capacity > 1 && (capacity > messages_max || capacity * frame.len() > BLOCK_BYTES_MAX)
        {
            capacity /= 10;
        }
        let mut block = Block {
            bytes: frame.repeat(capacity),
            frame_bytes: frame.len(),
            digits,
            capacity,
            connection: 0,
            first: 0,
            sent_at_ns: 0,
        };
        block.write_sequences(0);
        Ok(block)
    }

    /// Bytes of one message with its framing.
    pub fn frame_bytes(&self) -> usize {
        self.frame_bytes
    }

    /// Messages of a block.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Whether the messages carry the time of sending.
    pub fn timed(&self) -> bool {
        !self.digits.time.is_empty()
    }

    /// The block's frames for `connection`, numbered from `first`. `sent_at_ns`
    /// is left out where the messages are not timed.
    ///
    /// # Panics
    /// Where a number exceeds its digits: the arguments are checked at start.
    pub fn load(&mut self, connection: u32, first: u64, sent_at_ns: u64) -> &[u8] {
        if self.connection != connection {
            let mut text = [0; CONNECTION_DIGITS];
            write_decimal(&mut text, u64::from(connection));
            let (host, digits) = (self.digits.host.clone(), self.digits.connection.clone());
            for frame in self.bytes.chunks_exact_mut(self.frame_bytes) {
                frame[host.clone()].copy_from_slice(&text);
                frame[digits.clone()].copy_from_slice(&text);
            }
            self.connection = connection;
        }
        if self.first != first {
            let capacity = self.capacity as u64;
            if first.is_multiple_of(capacity) && self.first.is_multiple_of(capacity) {
                self.write_leading_digits(first / capacity);
            } else {
                self.write_sequences(first);
            }
            self.first = first;
        }
        if self.timed() && self.sent_at_ns != sent_at_ns {
            let mut text = [0; TIME_DIGITS];
            write_decimal(&mut text, sent_at_ns);
            let time = self.digits.time.clone();
            for frame in self.bytes.chunks_exact_mut(self.frame_bytes) {
                frame[time.clone()].copy_from_slice(&text);
            }
            self.sent_at_ns = sent_at_ns;
        }
        &self.bytes
    }

    /// The digits before those that count within a block.
    fn write_leading_digits(&mut self, block: u64) {
        let leading = SEQUENCE_DIGITS - self.capacity.ilog10() as usize;
        let mut text = [0; SEQUENCE_DIGITS];
        write_decimal(&mut text[..leading], block);
        let start = self.digits.sequence.start;
        for frame in self.bytes.chunks_exact_mut(self.frame_bytes) {
            frame[start..start + leading].copy_from_slice(&text[..leading]);
        }
    }

    /// All digits of all messages.
    fn write_sequences(&mut self, first: u64) {
        let mut text = [0; SEQUENCE_DIGITS];
        write_decimal(&mut text, first);
        let sequence = self.digits.sequence.clone();
        for frame in self.bytes.chunks_exact_mut(self.frame_bytes) {
            frame[sequence.clone()].copy_from_slice(&text);
            increment_decimal(&mut text);
        }
    }
}

/// One frame with all numbers zero.
fn frame(text: &Text) -> anyhow::Result<(Vec<u8>, Digits)> {
    ensure!(
        text.timestamp.bytes().all(|byte| byte >= b' ')
            && (text.format == Format::Rfc3164 || !text.timestamp.contains(' ')),
        "the timestamp {:?} would end its header field early",
        text.timestamp
    );
    let mut frame = match text.framing {
        Framing::Lf => Vec::new(),
        Framing::OctetCounted => format!("{} ", text.message_bytes).into_bytes(),
    };
    let prefix_bytes = frame.len();
    let number = |frame: &mut Vec<u8>, digits: usize| {
        let start = frame.len();
        frame.resize(start + digits, b'0');
        start..start + digits
    };
    match text.format {
        Format::Rfc3164 => frame.extend(format!("<13>{} flood", text.timestamp).bytes()),
        Format::Rfc5424 => frame.extend(format!("<13>1 {} flood", text.timestamp).bytes()),
    }
    let host = number(&mut frame, CONNECTION_DIGITS);
    frame.extend(match text.format {
        Format::Rfc3164 => b" flood[4711]: conn=".as_slice(),
        Format::Rfc5424 => b" flood 4711 - - conn=".as_slice(),
    });
    let connection = number(&mut frame, CONNECTION_DIGITS);
    frame.extend(b" seq=");
    let sequence = number(&mut frame, SEQUENCE_DIGITS);
    let time = if text.timed {
        frame.extend(b" t=");
        number(&mut frame, TIME_DIGITS)
    } else {
        0..0
    };
    // The last byte is never a space: receivers may strip those.
    frame.extend(b" x");
    let message_bytes_min = frame.len() - prefix_bytes;
    ensure!(
        text.message_bytes >= message_bytes_min,
        "a message of {} bytes has no room for its numbers: the shortest is {message_bytes_min}",
        text.message_bytes
    );
    frame.resize(prefix_bytes + text.message_bytes, b'x');
    if text.framing == Framing::Lf {
        frame.push(b'\n');
    }
    let digits = Digits {
        host,
        connection,
        sequence,
        time,
    };
    Ok((frame, digits))
}

/// `value` in all the bytes of `text`, with leading zeros.
///
/// # Panics
/// Where it does not fit.
fn write_decimal(text: &mut [u8], mut value: u64) {
    for digit in text.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
    assert!(value == 0, "a number exceeds its digits");
}

/// The next number; nines become zeros.
fn increment_decimal(text: &mut [u8]) {
    for digit in text.iter_mut().rev() {
        if *digit < b'9' {
            *digit += 1;
            return;
        }
        *digit = b'0';
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(format: Format, framing: Framing) -> Text {
        Text {
            format,
            framing,
            message_bytes: 100,
            timestamp: "Oct 11 22:14:15".into(),
            timed: false,
        }
    }

    fn lines(bytes: &[u8]) -> Vec<&str> {
        std::str::from_utf8(bytes).unwrap().lines().collect()
    }

    #[test]
    fn rfc3164_line() {
        let mut block = Block::new(&text(Format::Rfc3164, Framing::Lf), 1000).unwrap();
        assert_eq!(block.capacity(), 1000);
        assert_eq!(block.frame_bytes(), 101);
        let bytes = block.load(3, 42_000, 0).to_vec();
        let lines = lines(&bytes);
        assert_eq!(lines.len(), 1000);
        assert_eq!(
            lines[17],
            format!(
                "{:x<100}",
                "<13>Oct 11 22:14:15 flood0003 flood[4711]: conn=0003 seq=0000042017 "
            )
        );
    }

    #[test]
    fn rfc5424_octet_counted() {
        let mut text = text(Format::Rfc5424, Framing::OctetCounted);
        text.timestamp = "2026-10-11T22:14:15.003Z".into();
        let mut block = Block::new(&text, 1).unwrap();
        assert_eq!(block.frame_bytes(), 104);
        let message = "<13>1 2026-10-11T22:14:15.003Z flood0012 flood 4711 - - conn=0012 \
                       seq=0000000007 ";
        assert_eq!(
            block.load(12, 7, 0),
            format!("100 {message:x<100}").as_bytes()
        );
    }

    #[test]
    fn numbers_follow_each_other_from_anywhere() {
        let mut block = Block::new(&text(Format::Rfc3164, Framing::Lf), 100).unwrap();
        assert_eq!(block.capacity(), 100);
        for first in [0, 100, 99_900, 7, 950, 1000, 9_999_999_800] {
            let bytes = block.load(0, first, 0).to_vec();
            for (index, line) in lines(&bytes).into_iter().enumerate() {
                let number = format!(" seq={:010} ", first + index as u64);
                assert!(line.contains(&number), "{line} {number}");
            }
        }
    }

    #[test]
    fn timed_message() {
        let mut text = text(Format::Rfc3164, Framing::Lf);
        text.timed = true;
        let mut block = Block::new(&text, 10).unwrap();
        let bytes = block.load(0, 0, 1_760_220_855_000_000_001).to_vec();
        assert!(
            lines(&bytes)
                .iter()
                .all(|line| line.contains(" t=1760220855000000001 x"))
        );
    }

    #[test]
    fn long_messages_make_short_blocks() {
        let mut text = text(Format::Rfc3164, Framing::Lf);
        text.message_bytes = 1000;
        assert_eq!(Block::new(&text, 1000).unwrap().capacity(), 100);
        text.message_bytes = 300_000;
        assert_eq!(Block::new(&text, 1000).unwrap().capacity(), 1);
    }

    #[test]
    fn too_short_is_refused() {
        let mut text = text(Format::Rfc3164, Framing::Lf);
        text.message_bytes = 40;
        let error = Block::new(&text, 1).err().unwrap().to_string();
        assert!(error.ends_with("the shortest is 69"), "{error}");
    }

    #[test]
    fn timestamp_that_breaks_the_frame_is_refused() {
        let mut text = text(Format::Rfc3164, Framing::Lf);
        text.timestamp = "Oct\n11".into();
        assert!(Block::new(&text, 1).is_err());
    }
}
