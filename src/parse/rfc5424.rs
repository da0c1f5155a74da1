//! RFC 5424.
//!
//! Like rsyslog, nothing but the timestamp is checked: fields may be empty, too
//! long, or missing at the end.

use super::block::Places;
use super::cursor::Cursor;
use super::{span, timestamp};
use crate::message::{Format, Header, Priority, Span, TimeKind};

/// Parses `text` from `start` on, where `<PRI>1 ` ends. `is_cut` says that the
/// message goes on behind `text`, so that a field which reaches its end does not
/// end there.
///
/// Where the timestamp is not one, all from it on is MSG.
#[inline(never)]
pub fn parse(text: &[u8], start: usize, priority: Priority, is_cut: bool, header: &mut Header) {
    let Some((time, timestamp_end, hostname)) = timestamp(text, start) else {
        *header = Header {
            priority,
            format: Format::Rfc5424,
            msg: start as u16,
            ..Header::default()
        };
        return;
    };
    let mut spaces = Places::new(text, hostname, b' ');
    let (hostname_end, app_name) = field(text, &mut spaces);
    let (app_name_end, procid) = field(text, &mut spaces);
    let (procid_end, msgid) = field(text, &mut spaces);
    let (msgid_end, structured_data) = field(text, &mut spaces);
    let (data, msg) = match text.get(structured_data) {
        Some(b'-') => behind_data(text, structured_data, structured_data + 1),
        Some(b'[') => behind_data(text, structured_data, elements_end(text, structured_data)),
        // rsyslog gives the MSGID instead.
        _ => (span(msgid, msgid_end), structured_data),
    };
    *header = Header {
        priority,
        format: Format::Rfc5424,
        time,
        timestamp: span(start, timestamp_end),
        hostname: span(hostname, hostname_end),
        tag: span(app_name, app_name_end),
        procid: span(procid, procid_end),
        msgid: span(msgid, msgid_end),
        structured_data: data,
        msg: msg as u16,
    };
    // An unclosed STRUCTURED-DATA ends one byte before the text does.
    if is_cut && msg + 1 >= text.len() {
        without_cut_fields(header, text.len(), structured_data);
    }
}

/// The header without the fields that the cut fell into, or might have: MSG
/// begins with the first of them.
#[cold]
fn without_cut_fields(header: &mut Header, text_len: usize, structured_data: usize) {
    header.msg = structured_data as u16;
    header.structured_data = Span::ABSENT;
    let fields = [
        &mut header.msgid,
        &mut header.procid,
        &mut header.tag,
        &mut header.hostname,
    ];
    for field in fields {
        if field.end() == text_len {
            header.msg = field.start;
            *field = Span::ABSENT;
        }
    }
}

/// The kind of the timestamp at `start`, its end, and the start of the next
/// field.
#[inline(always)]
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

/// The end of a field, which is the next space or the end of the message, and
/// the start of what follows.
#[inline(always)]
fn field(text: &[u8], spaces: &mut Places) -> (usize, usize) {
    let end = spaces.next();
    (end, text.len().min(end + 1))
}

/// STRUCTURED-DATA from `start` to before `end`, and the start of MSG.
#[inline(always)]
fn behind_data(text: &[u8], start: usize, end: usize) -> (Span, usize) {
    let separator = usize::from(text.get(end) == Some(&b' '));
    (span(start, end), end + separator)
}

/// Where STRUCTURED-DATA that begins with the `[` at `start` ends: with the
/// first `]` that has a space or the end of the message behind it and no
/// backslash before it. Where there is none, rsyslog stops one byte before the
/// end of the message.
fn elements_end(text: &[u8], start: usize) -> usize {
    for bracket in memchr::memchr_iter(b']', &text[start..]) {
        let end = start + bracket + 1;
        let is_escaped = text[end - 2] == b'\\';
        if !is_escaped && text.get(end).is_none_or(|&next| next == b' ') {
            return end;
        }
    }
    text.len() - usize::from(!text.ends_with(b"\\]"))
}
