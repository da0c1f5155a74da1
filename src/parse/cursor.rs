//! Reading of numbers and separators from the front of a text.

/// A number is read no further once it has reached this: what follows would
/// not fit into rsyslog's `int`.
const NUMBER_LIMIT: u32 = i32::MAX as u32 / 10 - 1;

/// A place in a text.
///
/// Like the C string that rsyslog reads, a text is followed by NULs; `left`
/// bounds what may be read of it.
#[derive(Clone, Copy)]
pub struct Cursor<'a> {
    text: &'a [u8],
    /// Offset of the next byte.
    pub at: usize,
    /// Bytes that may still be read: what is left of the text, or one more
    /// after a leading year (see [`Cursor::skip_uncounted`]).
    pub left: usize,
}

impl<'a> Cursor<'a> {
    /// A cursor at `at`, which is at most the text's length.
    pub fn new(text: &'a [u8], at: usize) -> Cursor<'a> {
        Cursor {
            text,
            at,
            left: text.len() - at,
        }
    }

    /// The next byte; NUL behind the end.
    pub fn peek(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(0)
    }

    /// Moves over the next byte.
    pub fn skip(&mut self) {
        self.at += 1;
        self.left = self.left.saturating_sub(1);
    }

    /// Moves over the next byte, as rsyslog does behind a leading year: without
    /// counting it. From there on rsyslog takes the message for one byte longer
    /// than it is, which shows where a header is cut short.
    pub fn skip_uncounted(&mut self) {
        self.at += 1;
    }

    /// Whether the next byte may be read and is `byte`.
    pub fn sees(&self, byte: u8) -> bool {
        self.left > 0 && self.peek() == byte
    }

    /// Moves over `byte`, which must come next.
    pub fn expect(&mut self, byte: u8) -> Option<()> {
        if !self.sees(byte) {
            return None;
        }
        self.skip();
        Some(())
    }

    /// Moves over `byte` if it comes next.
    pub fn accept(&mut self, byte: u8) -> bool {
        self.expect(byte).is_some()
    }

    /// The number of the digits that come next; 0 if there are none.
    pub fn number(&mut self) -> u32 {
        let mut value = 0;
        while self.left > 0 && self.peek().is_ascii_digit() && value < NUMBER_LIMIT {
            value = value * 10 + u32::from(self.peek() - b'0');
            self.skip();
        }
        value
    }

    /// The number that comes next, if it is between `least` and `most`.
    pub fn number_in(&mut self, least: u32, most: u8) -> Option<u8> {
        let value = self.number();
        if value < least || value > u32::from(most) {
            return None;
        }
        u8::try_from(value).ok()
    }
}
