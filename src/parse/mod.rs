//! From the bytes of one frame to the offsets of its header.
//!
//! The rules are those of rsyslog 8.2302 with default options: control
//! characters are escaped ([`sanitize()`]), then the parser chain
//! `rsyslog.rfc5424`, `rsyslog.rfc3164` is applied ([`parse()`]). Neither ever
//! refuses a message: what cannot be parsed is MSG. What a message means,
//! beyond where its parts lie, is worked out when it is rendered
//! ([`timestamp::resolve`], [`tag`]).
//!
//! Nothing here allocates per message, does I/O, or keeps state.

mod block;
mod cursor;
mod priority;
mod rfc3164;
mod rfc5424;
mod sanitize;
pub mod tag;
pub mod timestamp;

#[cfg(test)]
#[path = "../../tests/corpus/corpus.rs"]
mod corpus;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

pub use sanitize::{needs_sanitizing, sanitize};

use crate::limits::HEADER_BYTES_MAX;
use crate::message::{Format, Header, Span, TimeKind};

/// Longest prefix that is worth comparing, in bytes; shorter than the bounds on
/// HOSTNAME and TAG.
const DECIDING_BYTES_MAX: usize = 160;

/// Finds the header of one sanitized frame.
///
/// Any bytes give a header whose spans lie inside `text`, with `msg` at most
/// its length. Offsets are 16 bits wide: RFC 5424 fields that reach beyond
/// [`HEADER_BYTES_MAX`] are left to MSG, with those behind them; RFC 3164
/// fields are looked for before it only (rsyslog bounds HOSTNAME and TAG at
/// some 510 bytes each, so that takes a timestamp of 64,000 zeros).
pub fn parse(text: &[u8]) -> Header {
    let mut header = Header::default();
    parse_into(text, &mut header);
    header
}

/// As [`parse`], into a place that exists: a header that is returned is written
/// twice, and read in larger pieces than it was written in, which stalls the
/// processor for longer than all of the parsing takes.
#[inline(always)]
pub fn parse_into(text: &[u8], header: &mut Header) {
    let head = &text[..text.len().min(HEADER_BYTES_MAX)];
    let Some((priority, start)) = priority::parse(head) else {
        *header = Header::default();
        return;
    };
    if head[start..].starts_with(b"1 ") {
        let is_cut = head.len() < text.len();
        rfc5424::parse(head, start + 2, priority, is_cut, header);
    } else {
        rfc3164::parse(head, start, priority, header);
    }
}

/// The front of `text` that decides `header`, which was parsed from it: every
/// message that begins with the same bytes has the same header. `None` where
/// something behind it, or the end of the text, took part in the decision.
///
/// Senders repeat themselves: within a second the messages of one program
/// differ behind their TAG only, and comparing is cheaper than parsing.
#[inline]
pub fn deciding_prefix<'a>(text: &'a [u8], header: &Header) -> Option<&'a [u8]> {
    let msg = usize::from(header.msg);
    // With the usual timestamp and a HOSTNAME everything is decided from left to
    // right; TAG ends with the byte in front of MSG or with MSG's first one. Its
    // bounds on length look further ahead.
    let is_decided = header.time == TimeKind::Rfc3164
        && header.format == Format::Rfc3164
        && !header.hostname.is_absent()
        && msg <= DECIDING_BYTES_MAX;
    if is_decided {
        text.get(..msg + 1)
    } else {
        None
    }
}

/// The part from `start` to before `end`.
///
/// Both are offsets into the text's first [`HEADER_BYTES_MAX`] bytes, so they
/// fit.
#[inline]
fn span(start: usize, end: usize) -> Span {
    debug_assert!(start <= end && end <= HEADER_BYTES_MAX);
    Span {
        start: start as u16,
        len: (end - start) as u16,
    }
}
