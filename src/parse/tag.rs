//! What rsyslog's properties `syslogtag`, `programname`, `app-name`, `procid`,
//! `msgid`, `structured-data` and `hostname` give, for both formats.
//!
//! RFC 3164 has a TAG only, of which the program's name and its process are
//! parts; RFC 5424 has APP-NAME and PROCID, from which a TAG is put together.

use crate::message::{Format, Message, Span};

/// What stands for a part that a message does not have.
const NIL: &[u8] = b"-";

/// Appends `syslogtag`: for RFC 3164 the TAG with its colon; for RFC 5424
/// `APP-NAME[PROCID]`, or APP-NAME alone where PROCID is `-`.
pub fn syslog_tag(message: &Message, out: &mut Vec<u8>) {
    if message.header.format == Format::Rfc3164 {
        out.extend_from_slice(message.part(message.header.tag));
        return;
    }
    out.extend_from_slice(app_name(message));
    let proc_id = proc_id(message);
    if proc_id != NIL {
        out.push(b'[');
        out.extend_from_slice(proc_id);
        out.push(b']');
    }
}

/// `programname`: TAG, or APP-NAME, up to the first `:`, `[`, `/` or byte that
/// is not printable ASCII (`permitSlashesInProgramName` is off).
pub fn program_name<'a>(message: &Message<'a>) -> &'a [u8] {
    let tag = match message.header.format {
        Format::Rfc3164 => message.part(message.header.tag),
        Format::Rfc5424 => app_name(message),
    };
    let ends = |&byte: &u8| !(b' '..=b'~').contains(&byte) || matches!(byte, b':' | b'[' | b'/');
    let end = tag.iter().position(ends).unwrap_or(tag.len());
    &tag[..end]
}

/// `app-name`: for RFC 5424 the field, for RFC 3164 the program's name; `-`
/// where that is empty. Empty only if an RFC 5424 header ends before it.
pub fn app_name<'a>(message: &Message<'a>) -> &'a [u8] {
    let name = match (message.header.format, message.header.tag) {
        (Format::Rfc3164, _) => program_name(message),
        (Format::Rfc5424, Span::ABSENT) => return b"",
        (Format::Rfc5424, span) => message.part(span),
    };
    if name.is_empty() { NIL } else { name }
}

/// `procid`: for RFC 5424 the field, for RFC 3164 what TAG has in its first
/// pair of brackets; `-` where there is none.
pub fn proc_id<'a>(message: &Message<'a>) -> &'a [u8] {
    match message.header.format {
        Format::Rfc5424 => field(message, message.header.procid),
        Format::Rfc3164 => bracketed(message.part(message.header.tag)).unwrap_or(NIL),
    }
}

/// `msgid`: the field of RFC 5424; otherwise `-`.
pub fn msg_id<'a>(message: &Message<'a>) -> &'a [u8] {
    field(message, message.header.msgid)
}

/// `structured-data`: the field of RFC 5424 with its brackets; otherwise `-`.
pub fn structured_data<'a>(message: &Message<'a>) -> &'a [u8] {
    field(message, message.header.structured_data)
}

/// `hostname`: the field, which may be empty in RFC 5424; where the message has
/// none, the sender.
pub fn hostname<'a>(message: &Message<'a>) -> &'a [u8] {
    match message.header.hostname {
        Span::ABSENT => message.source.host.as_bytes(),
        span => message.part(span),
    }
}

/// A field, which may be empty; `-` if the message does not get as far.
fn field<'a>(message: &Message<'a>, span: Span) -> &'a [u8] {
    match span {
        Span::ABSENT => NIL,
        span => message.part(span),
    }
}

/// What stands between the first `[` and the next `]`.
fn bracketed(tag: &[u8]) -> Option<&[u8]> {
    let open = tag.iter().position(|&byte| byte == b'[')?;
    let inside = &tag[open + 1..];
    let close = inside.iter().position(|&byte| byte == b']')?;
    Some(&inside[..close])
}
