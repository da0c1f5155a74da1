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
use crate::message::{Header, Span};

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
