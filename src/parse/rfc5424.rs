//! RFC 5424.
//!
//! Like rsyslog, nothing but the timestamp is checked: fields may be empty, too
//! long, or missing at the end.

use super::block;
use super::cursor::Cursor;
use super::{span, timestamp};
use crate::message::{Format, Header, Priority, Span, TimeKind};

/// Parses `text` from `start` on, where `<PRI>1 ` ends. `is_cut` says that the
/// message goes on behind `text`, so that a field which ends with it does not
/// end there.
///
/// Where the timestamp is not one, all from it on is MSG.
#[inline(never)]
pub fn parse(text: &[u8], start: usize, priority: Priority, is_cut: bool) -> Header {
    let mut header = Header {
        priority,
        format: Format::Rfc5424,
        msg: start as u16,
        ..Header::default()
    };
    let Some((kind, end, next)) = timestamp(text, start) else {
        return header;
    };
    header.time = kind;
    header.timestamp = span(start, end);
    header.msg = next as u16;
    let mut fields = Fields { text, is_cut };
    if fields.read_all(next, &mut header).is_none() {
        // A field that began before the cut: MSG begins with it.
        return header;
    }
    header
}

/// The kind of the timestamp at `start`, its end, and the start of the next
/// field.
#[inline]
fn timestamp(text: &[u8], start: usize) -> Option<(TimeKind, usize, usize)> {
    let rest = &text[start..];
    if let Some(len) = timestamp::canonical_rfc3339(rest) {
        let end = start + len;
        return Some((TimeKind::Rfc3339, end, end + 1));
    }
    if rest.starts_with(b"- ") {
        return Some((TimeKind::Received, start + 1, start + 2));
    }
    other_timestamp(text, start)
}

#[cold]
#[inline(never)]
fn other_timestamp(text: &[u8], start: usize) -> Option<(TimeKind, usize, usize)> {
    let mut cursor = Cursor::new(text, start);
    timestamp::read_rfc3339(&mut cursor)?;
    let end = cursor.at;
    if cursor.left > 0 {
        cursor.expect(b' ')?;
    }
    Some((TimeKind::Rfc3339, end, cursor.at))
}

/// The fields behind the timestamp.
struct Fields<'a> {
    text: &'a [u8],
    is_cut: bool,
}

impl Fields<'_> {
    /// Reads HOSTNAME to STRUCTURED-DATA from `at` on. `None` if the cut fell
    /// into one of them; the header then ends before it.
    #[inline(always)]
    fn read_all(&mut self, at: usize, header: &mut Header) -> Option<()> {
        let at = self.field(at, &mut header.hostname, &mut header.msg)?;
        let at = self.field(at, &mut header.tag, &mut header.msg)?;
        let at = self.field(at, &mut header.procid, &mut header.msg)?;
        let at = self.field(at, &mut header.msgid, &mut header.msg)?;
        let (span, next) = self.structured_data(at, header.msgid)?;
        header.structured_data = span;
        header.msg = next as u16;
        Some(())
    }

    /// Reads a field that ends with a space or with the message; `next` becomes
    /// the start of what follows.
    #[inline(always)]
    fn field(&mut self, at: usize, field: &mut Span, next: &mut u16) -> Option<usize> {
        let end = find_space(self.text, at);
        if end == self.text.len() && self.is_cut {
            return None;
        }
        *field = span(at, end);
        let behind = self.text.len().min(end + 1);
        *next = behind as u16;
        Some(behind)
    }

    /// STRUCTURED-DATA and the start of MSG.
    ///
    /// It ends with the first `]` that has a space or the end of the message
    /// behind it and no backslash before it. Where there is none, rsyslog gives
    /// the MSGID instead.
    #[inline(always)]
    fn structured_data(&mut self, at: usize, msgid: Span) -> Option<(Span, usize)> {
        let text = self.text;
        let end = match text.get(at) {
            Some(b'-') => at + 1,
            Some(b'[') => self.elements_end(at)?,
            _ => return Some((msgid, at)),
        };
        let separator = usize::from(text.get(end) == Some(&b' '));
        Some((span(at, end), end + separator))
    }

    /// Where STRUCTURED-DATA that begins with the `[` at `at` ends.
    fn elements_end(&self, at: usize) -> Option<usize> {
        let text = self.text;
        for bracket in memchr::memchr_iter(b']', &text[at..]) {
            let end = at + bracket + 1;
            let is_escaped = text[end - 2] == b'\\';
            let is_followed_well = match text.get(end) {
                Some(&next) => next == b' ',
                None => !self.is_cut,
            };
            if is_followed_well && !is_escaped {
                return Some(end);
            }
        }
        if self.is_cut {
            return None;
        }
        // Unclosed: rsyslog stops one byte before the end.
        Some(text.len() - usize::from(!text.ends_with(b"\\]")))
    }
}

/// Offset of the first space from `at` on, or the text's length.
#[inline(always)]
fn find_space(text: &[u8], at: usize) -> usize {
    block::find(text, at, text.len(), |block| block.equal(b' '))
}
