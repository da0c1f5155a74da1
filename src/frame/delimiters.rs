//! What ends a frame beside a line feed, and what is done with a frame that is
//! too long.

use memchr::{memchr, memchr2};
use regex::bytes::{Regex, RegexBuilder};

use crate::limits::LINE_START_PROGRAM_BYTES_MAX;

/// What ends a frame that has no octet count. The default is a line feed alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delimiters {
    /// `addtlFrameDelimiter`: a byte that ends a frame as a line feed does.
    pub additional: Option<u8>,
    /// `disableLFDelimiter`: a line feed ends no frame, only `additional` does.
    pub line_feed_is_text: bool,
    /// `multiLine`: a delimiter ends a frame only where `<` follows it.
    pub is_multi_line: bool,
    /// `framing.delimiter.regex`: a frame ends before a line that this matches.
    /// Then there are no octet counts and no other delimiters.
    pub line_start: Option<LineStart>,
    /// `framingfix.cisco.asa`: spaces in front of a frame are none of it.
    pub skips_spaces: bool,
}

impl Delimiters {
    /// The parameter, if any, that has no meaning beside a `line_start`: rsyslog
    /// ignores it there.
    pub fn without_meaning(&self) -> Option<&'static str> {
        self.line_start.as_ref()?;
        if self.is_multi_line {
            Some("multiLine")
        } else if self.additional.is_some() {
            Some("addtlFrameDelimiter")
        } else if self.line_feed_is_text {
            Some("disableLFDelimiter")
        } else if self.skips_spaces {
            Some("framingfix.cisco.asa")
        } else {
            None
        }
    }

    /// Whether nothing but an octet count or the end of the stream ends a frame.
    pub fn has_none(&self) -> bool {
        self.line_feed_is_text && self.additional.is_none() && self.line_start.is_none()
    }

    /// Where the first delimiter of `bytes` stands.
    pub(super) fn find(&self, bytes: &[u8]) -> Option<usize> {
        match (self.additional, self.line_feed_is_text) {
            (Some(additional), false) => memchr2(b'\n', additional, bytes),
            (Some(additional), true) => memchr(additional, bytes),
            (None, false) => memchr(b'\n', bytes),
            (None, true) => None,
        }
    }
}

/// The expression of `framing.delimiter.regex`. A clone has scratch memory of
/// its own, so that threads with a clone each share nothing.
#[derive(Clone, Debug)]
pub struct LineStart {
    regex: Regex,
}

impl LineStart {
    /// Compiles an expression; it is matched without backtracking.
    ///
    /// # Errors
    /// What is wrong with it, in words of several lines; one that needs too
    /// much memory.
    pub fn new(pattern: &str) -> Result<LineStart, String> {
        let regex = RegexBuilder::new(pattern)
            .unicode(false)
            .size_limit(LINE_START_PROGRAM_BYTES_MAX)
            .dfa_size_limit(LINE_START_PROGRAM_BYTES_MAX)
            .build();
        match regex {
            Ok(regex) => Ok(LineStart { regex }),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Whether a message begins with this line, given without its line feed. An
    /// empty line begins none, as in rsyslog.
    pub(super) fn begins(&self, line: &[u8]) -> bool {
        !line.is_empty() && self.regex.is_match(line)
    }
}

impl PartialEq for LineStart {
    fn eq(&self, other: &LineStart) -> bool {
        self.regex.as_str() == other.regex.as_str()
    }
}

impl Eq for LineStart {}

/// `oversizemsg.input.mode`: what is done with a message that is longer than
/// `maxMessageSize`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OversizeMode {
    /// The rest is skipped.
    #[default]
    Truncate,
    /// The rest is further messages.
    Split,
    /// It is taken as it is, up to [`FramerOptions::whole_bytes_max`]; what is
    /// longer is truncated there.
    ///
    /// [`FramerOptions::whole_bytes_max`]: super::FramerOptions::whole_bytes_max
    Accept,
}
