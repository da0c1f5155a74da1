//! One connection's place in its own sequence of messages.

use super::text::Block;
use crate::harness::latency::wall_ns;

/// How far a connection has come. Its stream is the concatenation of all its
/// frames, so that a number of bytes says everything.
pub struct Progress {
    number: u32,
    frame_bytes: u64,
    sent_bytes: u64,
    sent_at_ns: u64,
}

impl Progress {
    /// Connection `number`, at its first message.
    pub fn new(number: u32, frame_bytes: usize) -> Progress {
        Progress {
            number,
            frame_bytes: frame_bytes as u64,
            sent_bytes: 0,
            sent_at_ns: 0,
        }
    }

    /// Messages that were taken by the kernel as a whole.
    pub fn messages(&self) -> u64 {
        self.sent_bytes / self.frame_bytes
    }

    /// Messages of which the kernel took at least a part.
    pub fn messages_begun(&self) -> u64 {
        self.sent_bytes.div_ceil(self.frame_bytes)
    }

    /// Bytes that were taken by the kernel.
    pub fn bytes(&self) -> u64 {
        self.sent_bytes
    }

    /// What to write next: at most `messages_max` messages, none numbered
    /// `limit` or above. `aligned` blocks start at multiples of the capacity,
    /// which is cheaper where whole blocks are written.
    pub fn next<'a>(
        &mut self,
        block: &'a mut Block,
        messages_max: u64,
        limit: u64,
        aligned: bool,
    ) -> &'a [u8] {
        let message = self.messages();
        let rest_of_frame = self.sent_bytes % self.frame_bytes;
        let capacity = block.capacity() as u64;
        let first = if aligned {
            message - message % capacity
        } else {
            message
        };
        let mut end = limit
            .min(message.saturating_add(messages_max))
            .min(first + capacity);
        if block.timed() {
            if rest_of_frame == 0 {
                self.sent_at_ns = wall_ns();
            } else {
                // A new time in the second half of a message whose first half is
                // under way would put digits of two times together.
                end = message + 1;
            }
        }
        let start_byte = self.sent_bytes - first * self.frame_bytes;
        let end_byte = end.saturating_sub(first) * self.frame_bytes;
        let bytes = block.load(self.number, first, self.sent_at_ns);
        &bytes[start_byte as usize..end_byte.max(start_byte) as usize]
    }

    /// The kernel took this many bytes of what [`Progress::next`] gave.
    pub fn advance(&mut self, bytes: usize) {
        self.sent_bytes += bytes as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::flood::text::{Format, Framing, Text};

    fn block(timed: bool) -> Block {
        let text = Text {
            format: Format::Rfc3164,
            framing: Framing::Lf,
            message_bytes: 100,
            timestamp: "Oct 11 22:14:15".into(),
            timed,
        };
        Block::new(&text, 10).unwrap()
    }

    /// Writes of odd sizes give the same stream as one write.
    fn stream(timed: bool, aligned: bool, messages_max: u64) -> String {
        let mut block = block(timed);
        let mut progress = Progress::new(5, block.frame_bytes());
        let mut stream = Vec::new();
        for taken in (1..400).step_by(37).cycle() {
            let bytes = progress.next(&mut block, messages_max, 57, aligned);
            if bytes.is_empty() {
                break;
            }
            let taken = taken.min(bytes.len());
            stream.extend_from_slice(&bytes[..taken]);
            progress.advance(taken);
        }
        assert_eq!(progress.messages(), 57);
        assert_eq!(progress.bytes(), 57 * 101);
        String::from_utf8(stream).unwrap()
    }

    #[test]
    fn partial_writes_lose_nothing() {
        for (timed, aligned, messages_max) in [
            (false, true, 10),
            (false, false, 10),
            (false, true, 3),
            (true, true, 10),
            (true, false, 1),
        ] {
            let stream = stream(timed, aligned, messages_max);
            assert_eq!(stream.lines().count(), 57);
            for (index, line) in stream.lines().enumerate() {
                assert!(line.contains(&format!("conn=0005 seq={index:010}")));
                assert_eq!(line.len(), 100);
            }
        }
    }

    #[test]
    fn half_a_message_keeps_its_time() {
        let mut block = block(true);
        let mut progress = Progress::new(0, block.frame_bytes());
        let whole = progress.next(&mut block, 10, 100, true)[..101].to_vec();
        progress.advance(80);
        assert_eq!(progress.messages(), 0);
        assert_eq!(progress.messages_begun(), 1);
        assert_eq!(progress.next(&mut block, 10, 100, true), &whole[80..]);
    }
}
