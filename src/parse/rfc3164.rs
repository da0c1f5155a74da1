//! RFC 3164, and everything that is not RFC 5424.

use std::ops::Range;

use super::block;
use super::cursor::Cursor;
use super::{span, timestamp};
use crate::base::scan;
use crate::message::{Format, Header, Priority, Span, TimeKind};

/// Longest HOSTNAME: the size of rsyslog's buffer (`CONF_HOSTNAME_MAXSIZE`),
/// less the NUL.
const HOSTNAME_BYTES_MAX: usize = 511;

/// Longest TAG, its colon not counted: rsyslog's buffer (`CONF_TAG_MAXSIZE`),
/// less colon and NUL.
const TAG_BYTES_MAX: usize = 510;

/// Parses `text` from `start` on, where PRI ends.
#[inline(never)]
pub fn parse(text: &[u8], start: usize, priority: Priority, header: &mut Header) {
    if !timestamp::is_canonical_rfc3164(&text[start..]) {
        return parse_rfc3339(text, start, priority, header);
    }
    let end = start + timestamp::RFC3164_BYTES;
    let behind = Cursor::new(text, end + 1);
    hostname_and_tag(
        text,
        behind,
        priority,
        TimeKind::Rfc3164,
        span(start, end),
        header,
    );
}

/// Parses a message with a timestamp as rsyslog's own forward format has it.
#[inline(never)]
fn parse_rfc3339(text: &[u8], start: usize, priority: Priority, header: &mut Header) {
    let Some(len) = timestamp::canonical_rfc3339(&text[start..]) else {
        return parse_variant(text, start, priority, header);
    };
    let end = start + len;
    let behind = Cursor::new(text, end + 1);
    hostname_and_tag(
        text,
        behind,
        priority,
        TimeKind::Rfc3339,
        span(start, end),
        header,
    );
}

/// Parses a message without a timestamp of the usual form.
#[cold]
#[inline(never)]
fn parse_variant(text: &[u8], start: usize, priority: Priority, header: &mut Header) {
    if is_headerless(&text[start..]) {
        *header = Header {
            priority,
            msg: start as u16,
            ..Header::default()
        };
        return;
    }
    let here = Cursor::new(text, start);
    let (behind, time, timestamp) = if let Some(end) = rfc3339(here) {
        let timestamp = end.span_from(start);
        (end.behind, TimeKind::Rfc3339, timestamp)
    } else if let Some((start, end)) = rfc3164_variant(here) {
        let timestamp = end.span_from(start);
        (end.behind, TimeKind::Rfc3164Variant, timestamp)
    } else {
        (here, TimeKind::Received, Span::ABSENT)
    };
    hostname_and_tag(text, behind, priority, time, timestamp, header);
}

/// Parses what follows the timestamp.
#[inline(always)]
fn hostname_and_tag(
    text: &[u8],
    behind: Cursor,
    priority: Priority,
    time: TimeKind,
    timestamp: Span,
    header: &mut Header,
) {
    let (hostname, start) = hostname(text, behind);
    let end = tag_end(text, start);
    *header = Header {
        priority,
        format: Format::Rfc3164,
        time,
        timestamp,
        hostname: span(hostname.start, hostname.end),
        tag: span(start, end),
        procid: Span::ABSENT,
        msgid: Span::ABSENT,
        structured_data: Span::ABSENT,
        msg: end as u16,
    };
}

/// Whether all is MSG: JSON, or something in brackets, perhaps indented.
fn is_headerless(text: &[u8]) -> bool {
    let first = text.iter().find(|&&byte| byte != b' ' && byte != b'\t');
    matches!(first, Some(b'{' | b'['))
}

/// Where a timestamp ends.
struct End<'a> {
    timestamp_end: usize,
    /// The place behind the separator.
    behind: Cursor<'a>,
}

impl End<'_> {
    /// The timestamp that begins at `start`.
    fn span_from(&self, start: usize) -> Span {
        span(start, self.timestamp_end)
    }
}

fn rfc3339(mut cursor: Cursor) -> Option<End> {
    timestamp::read_rfc3339(&mut cursor)?;
    let timestamp_end = cursor.at;
    behind_separator(cursor, timestamp_end)
}

/// Start and end of an RFC 3164 timestamp. Some HP switches put a space in
/// front.
fn rfc3164_variant(here: Cursor) -> Option<(usize, End)> {
    let mut indented = here;
    match rfc3164(here) {
        Some(end) => Some((here.at, end)),
        None if indented.accept(b' ') => Some((indented.at, rfc3164(indented)?)),
        None => None,
    }
}

fn rfc3164(mut cursor: Cursor) -> Option<End> {
    timestamp::read_rfc3164(&mut cursor)?;
    let timestamp_end = cursor.at;
    // Cisco devices put a colon behind it.
    cursor.accept(b':');
    behind_separator(cursor, timestamp_end)
}

/// A timestamp is one only if a space or the end of the message follows.
fn behind_separator(mut cursor: Cursor, timestamp_end: usize) -> Option<End> {
    if cursor.left > 0 {
        cursor.expect(b' ')?;
    }
    Some(End {
        timestamp_end,
        behind: cursor,
    })
}

/// HOSTNAME, 0 to 0 if what comes next cannot be one, and the offset at which
/// TAG begins. (A range of words: a [`Span`] on the stack, written in halves and
/// read as a whole, stalls the processor.)
///
/// A word is a hostname if it holds letters, digits, `.`, `-`, `_` only, ends in
/// a letter or digit, and a space follows; or if the message ends with it.
#[inline(always)]
fn hostname(text: &[u8], cursor: Cursor) -> (Range<usize>, usize) {
    let start = cursor.at.min(text.len());
    let end = hostname_end(text, start);
    let ends_well = end > start && text[end - 1].is_ascii_alphanumeric();
    if ends_well && text.get(end) == Some(&b' ') {
        (start..end, end + 1)
    } else if end > start && end - start == cursor.left {
        (start..end, end)
    } else {
        (0..0, start)
    }
}

/// Offset of the first byte from `start` on that cannot be part of a hostname.
#[inline(always)]
fn hostname_end(text: &[u8], start: usize) -> usize {
    let most = text.len().min(start + HOSTNAME_BYTES_MAX);
    most.min(start + scan::hostname_len(&text[start..]))
}

/// Offset of the first byte behind TAG: a colon is part of it, a space is not.
#[inline(always)]
fn tag_end(text: &[u8], start: usize) -> usize {
    let most = text.len().min(start + TAG_BYTES_MAX);
    let end = block::find_either(text, start, most, b':', b' ');
    end + usize::from(text.get(end) == Some(&b':'))
}
