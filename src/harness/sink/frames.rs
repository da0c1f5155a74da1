//! A stream of bytes cut into messages.

use memchr::memchr;

/// First size of the buffer, in bytes; it grows to the longest message.
const BUFFER_BYTES: usize = 256 * 1024;

/// Bytes of a message at most.
pub const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Digits of an octet count at most.
const COUNT_DIGITS_MAX: usize = 10;

/// The stream cannot be cut: a message is longer than [`MESSAGE_BYTES_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a message is longer than {MESSAGE_BYTES_MAX} bytes")]
pub struct TooLong;

/// Cuts what is read into its buffer. A frame that begins with digits and a
/// space is octet-counted (RFC 6587 section 3.4.1); any other ends with a line
/// feed (section 3.4.2).
pub struct Frames {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    octet_counting: bool,
}

/// Where a frame and its message lie, in bytes from the start of the frame.
struct Frame {
    message_start: usize,
    message_end: usize,
    end: usize,
}

impl Frames {
    /// `octet_counting`: whether frames may be octet-counted. They are not in a
    /// file, where a line may begin with a number.
    pub fn new(octet_counting: bool) -> Frames {
        Frames {
            buffer: vec![0; BUFFER_BYTES],
            start: 0,
            end: 0,
            octet_counting,
        }
    }

    /// Where to read to; never empty. Error: it would have to grow too far.
    pub fn space(&mut self) -> Result<&mut [u8], TooLong> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            // Room for the count and the space as well.
            if self.buffer.len() > MESSAGE_BYTES_MAX + COUNT_DIGITS_MAX {
                return Err(TooLong);
            }
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        Ok(&mut self.buffer[self.end..])
    }

    /// So many bytes were read to [`Frames::space`]; gives them back.
    pub fn filled(&mut self, bytes: usize) -> &[u8] {
        let start = self.end;
        self.end += bytes;
        &self.buffer[start..self.end]
    }

    /// The next whole message. Error: its count is beyond the limit.
    pub fn next(&mut self) -> Result<Option<&[u8]>, TooLong> {
        let waiting = &self.buffer[self.start..self.end];
        let frame = match self.octet_counting.then(|| counted(waiting)).flatten() {
            Some(count) => count?,
            None => memchr(b'\n', waiting).map(|line_feed| Frame {
                message_start: 0,
                message_end: line_feed,
                end: line_feed + 1,
            }),
        };
        let Some(frame) = frame.filter(|frame| frame.end <= waiting.len()) else {
            return Ok(None);
        };
        let start = self.start;
        self.start += frame.end;
        Ok(Some(
            &self.buffer[start + frame.message_start..start + frame.message_end],
        ))
    }

    /// Bytes of a message that has not ended.
    pub fn rest(&self) -> usize {
        self.end - self.start
    }
}

/// The octet-counted frame at the start of `waiting`; the inner `None` where its
/// count has not come as a whole, the outer one where it is no such frame.
fn counted(waiting: &[u8]) -> Option<Result<Option<Frame>, TooLong>> {
    let digits = waiting
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if digits == 0 || digits > COUNT_DIGITS_MAX || waiting[0] == b'0' {
        return None;
    }
    match waiting.get(digits) {
        None => Some(Ok(None)),
        Some(b' ') => {
            let count = waiting[..digits]
                .iter()
                .fold(0, |value, digit| value * 10 + usize::from(digit - b'0'));
            if count > MESSAGE_BYTES_MAX {
                return Some(Err(TooLong));
            }
            let message_start = digits + 1;
            Some(Ok(Some(Frame {
                message_start,
                message_end: message_start + count,
                end: message_start + count,
            })))
        }
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads the stream in pieces of `piece` bytes.
    fn cut(stream: &[u8], piece: usize, octet_counting: bool) -> (Vec<String>, usize) {
        let mut frames = Frames::new(octet_counting);
        let mut messages = Vec::new();
        for bytes in stream.chunks(piece) {
            frames.space().unwrap()[..bytes.len()].copy_from_slice(bytes);
            assert_eq!(frames.filled(bytes.len()), bytes);
            while let Some(message) = frames.next().unwrap() {
                messages.push(String::from_utf8(message.to_vec()).unwrap());
            }
        }
        (messages, frames.rest())
    }

    #[test]
    fn both_framings_in_one_stream_in_pieces_of_any_size() {
        let stream = b"<13>a\n6 <13>b\n5 <13>c<13>d\n2026-11-21 x\n\n12 <13>";
        for piece in 1..stream.len() + 1 {
            assert_eq!(
                cut(stream, piece, true),
                (
                    ["<13>a", "<13>b\n", "<13>c", "<13>d", "2026-11-21 x", ""]
                        .map(String::from)
                        .to_vec(),
                    7
                ),
                "{piece}"
            );
        }
    }

    #[test]
    fn lines_of_a_file_may_begin_with_a_number() {
        assert_eq!(
            cut(b"12 apples\n3 pears\nx", 5, false),
            (vec!["12 apples".into(), "3 pears".into()], 1)
        );
    }

    #[test]
    fn long_message_grows_the_buffer() {
        let stream = [vec![b'x'; 3 * BUFFER_BYTES], vec![b'\n']].concat();
        let (messages, rest) = cut(&stream, BUFFER_BYTES / 2, true);
        assert_eq!((messages[0].len(), rest), (3 * BUFFER_BYTES, 0));
    }

    #[test]
    fn endless_message_is_refused() {
        let mut frames = Frames::new(true);
        let count = (MESSAGE_BYTES_MAX + 1).to_string() + " ";
        frames.space().unwrap()[..count.len()].copy_from_slice(count.as_bytes());
        frames.filled(count.len());
        assert_eq!(frames.next(), Err(TooLong));

        let mut frames = Frames::new(false);
        let error = loop {
            match frames.space() {
                Ok(space) => {
                    let bytes = space.len();
                    space.fill(b'x');
                    frames.filled(bytes);
                }
                Err(error) => break error,
            }
        };
        assert_eq!(error, TooLong);
    }
}
