//! Where the parts of a message lie in its text.

use super::Priority;

/// A part of a message's text: `start` and `len` in bytes from the text's
/// first byte. An absent part has length 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub start: u16,
    pub len: u16,
}

impl Span {
    /// A part that the message does not have.
    pub const ABSENT: Span = Span { start: 0, len: 0 };

    /// Offset of the first byte behind the part.
    #[inline]
    pub fn end(self) -> usize {
        self.start as usize + self.len as usize
    }

    /// Whether the message does not have this part.
    #[inline]
    pub fn is_absent(self) -> bool {
        self.len == 0
    }
}

/// The format by which a message was parsed; its number is `protocol-version`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Format {
    /// RFC 3164 and everything that is not RFC 5424.
    #[default]
    Rfc3164 = 0,
    /// RFC 5424.
    Rfc5424 = 1,
}

/// How the message states its time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum TimeKind {
    /// Not at all: the time of reception counts.
    #[default]
    Received,
    /// Exactly as RFC 3164 section 4.1.2 writes it (`Oct  1 22:14:15`,
    /// 15 bytes, canonical case, day padded with a space): may be copied.
    Rfc3164,
    /// A variant of it: another case, a year, a missing pad.
    Rfc3164Variant,
    /// RFC 3339, as in RFC 5424 section 6.2.3.
    Rfc3339,
}

/// Where the parts of a message lie.
///
/// For RFC 3164 `tag` is the TAG as rsyslog's `syslogtag` gives it, colon
/// included, and `procid`, `msgid` and `structured_data` are absent. For
/// RFC 5424 `tag` is APP-NAME; a NILVALUE is a span that covers the `-`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    pub priority: Priority,
    pub format: Format,
    pub time: TimeKind,
    pub timestamp: Span,
    /// Absent: the sender's address takes its place.
    pub hostname: Span,
    pub tag: Span,
    pub procid: Span,
    pub msgid: Span,
    pub structured_data: Span,
    /// Offset of the first byte of MSG; the text's length where it is empty.
    pub msg: u16,
}
