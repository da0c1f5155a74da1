//! The state of one connection between its frames.

use std::ops::Range;

use memchr::memchr;

use super::{Delimiters, OversizeMode};
use crate::base::scan::find_control;
use crate::limits::{
    LINE_START_BYTES_MAX, MESSAGE_BYTES_DEFAULT, MESSAGE_BYTES_MAX, OCTET_COUNT_DIGITS_MAX,
};

/// What a framer accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FramerOptions {
    /// `supportOctetCountedFraming`.
    pub octet_counted: bool,
    /// `$MaxMessageSize`, in bytes: longer messages are dealt with as
    /// `oversize` says.
    pub message_bytes_max: usize,
    /// `maxFrameSize`, in bytes: a larger octet count is taken as text.
    pub frame_bytes_max: usize,
    pub delimiters: Delimiters,
    pub oversize: OversizeMode,
    /// Whether a message that is too long is wanted as a whole beside what
    /// becomes of it (`oversizemsg.errorfile`).
    pub keeps_oversize: bool,
}

impl Default for FramerOptions {
    fn default() -> Self {
        FramerOptions {
            octet_counted: true,
            message_bytes_max: MESSAGE_BYTES_DEFAULT,
            frame_bytes_max: 200_000,
            delimiters: Delimiters::default(),
            oversize: OversizeMode::Truncate,
            keeps_oversize: false,
        }
    }
}

impl FramerOptions {
    /// Whether a [`Framer`] does: frames end with line feeds and octet counts,
    /// and of a message that is too long nothing but its begin is wanted.
    pub fn is_plain(&self) -> bool {
        self.delimiters == Delimiters::default()
            && self.oversize == OversizeMode::Truncate
            && !self.keeps_oversize
    }

    /// Most bytes of a frame that are kept: of a longer one the rest is taken
    /// by itself, or skipped.
    pub fn whole_bytes_max(&self) -> usize {
        let message = self.message_bytes_max;
        let frame = self.frame_bytes_max.min(MESSAGE_BYTES_MAX).max(message);
        match self.oversize {
            OversizeMode::Accept => frame,
            // Pieces are cut at the same places whether it is kept or not.
            OversizeMode::Split if self.keeps_oversize => frame - frame % message,
            OversizeMode::Truncate if self.keeps_oversize => frame,
            OversizeMode::Split | OversizeMode::Truncate => message,
        }
    }

    /// Bytes of the longest message that is delivered.
    pub fn text_bytes_max(&self) -> usize {
        match self.oversize {
            OversizeMode::Accept => self.whole_bytes_max(),
            OversizeMode::Truncate | OversizeMode::Split => self.message_bytes_max,
        }
    }

    /// Most bytes that a frame without its end occupies: an octet count, its
    /// space, and the most that is kept; or that much, a delimiter, and what is
    /// needed of the next line to know whether it is the next message.
    pub fn carry_bytes_max(&self) -> usize {
        let judged = match self.delimiters.line_start {
            Some(_) => LINE_START_BYTES_MAX,
            None => 0,
        };
        OCTET_COUNT_DIGITS_MAX + 1 + self.whole_bytes_max() + judged
    }
}

/// How a frame was delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Framing {
    /// By a line feed.
    LineFeed = 1,
    /// By an octet count.
    OctetCounted = 2,
}

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Where the message lies in the bytes that were given; without octet count
    /// and delimiter.
    pub range: Range<usize>,
    pub framing: Framing,
    /// Whether it holds control characters.
    pub has_control: bool,
    /// Whether it was longer than the limit; the rest is skipped.
    pub is_truncated: bool,
}

/// What was wrong with the frames of a stream. Each kind counts frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FramingFaults {
    /// Longer than `message_bytes_max`: the rest is lost.
    pub truncated: u64,
    /// Longer than `message_bytes_max`: the rest is further messages.
    pub split: u64,
    /// Longer than `message_bytes_max`, and taken as it is: no fault.
    pub accepted: u64,
    /// A leading digit that starts no octet count (RFC 6587 section 3.4.1:
    /// no leading zero, followed by one space). The frame is taken by line feed.
    pub no_count: u64,
    /// An octet count above `frame_bytes_max`. Taken by line feed.
    pub count_too_large: u64,
    /// The stream ended inside an octet-counted frame, or was broken off inside
    /// a line. What came is delivered.
    pub cut: u64,
}

impl FramingFaults {
    /// Frames with a fault.
    pub fn count(&self) -> u64 {
        self.truncated + self.split + self.no_count + self.count_too_large + self.cut
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// At the start of a frame.
    #[default]
    Start,
    /// In a frame that ends with a line feed; the digit it starts with, if any,
    /// has been judged. The first `clean` bytes hold no control character.
    Line { clean: usize },
    /// In the rest of a truncated frame that ends with a line feed.
    SkipLine,
    /// In the rest of a truncated octet-counted frame.
    Skip { bytes: usize },
}

/// Splits a stream into frames. The bytes of an unfinished frame stay with the
/// caller, who gives them again with what follows them.
#[derive(Clone, Debug, Default)]
pub struct Framer {
    state: State,
    faults: FramingFaults,
}

/// What the digits at the start of a frame mean.
pub(super) enum Count {
    /// An octet count: bytes of its text with the space, and its value.
    Valid {
        header: usize,
        value: usize,
    },
    TooLarge,
    None,
    /// All digits so far.
    Unfinished,
}

impl Framer {
    /// The next frame of `bytes` from `at` on; `at` moves behind it. `None`
    /// where no frame ends: then what lies behind `at`, at most
    /// [`FramerOptions::carry_bytes_max`], has to be given again in front of
    /// the bytes that follow.
    #[inline]
    pub fn next(&mut self, options: &FramerOptions, bytes: &[u8], at: &mut usize) -> Option<Frame> {
        loop {
            let rest = &bytes[*at..];
            match self.state {
                State::Skip { bytes: skip } => {
                    let step = skip.min(rest.len());
                    *at += step;
                    if step < skip {
                        self.state = State::Skip { bytes: skip - step };
                        return None;
                    }
                    self.state = State::Start;
                }
                State::SkipLine => {
                    let Some(end) = memchr(b'\n', rest) else {
                        *at = bytes.len();
                        return None;
                    };
                    *at += end + 1;
                    self.state = State::Start;
                }
                State::Line { clean } => return self.line(options, rest, at, clean),
                State::Start => {
                    let first = *rest.first()?;
                    if !(options.octet_counted && first.is_ascii_digit()) {
                        return self.line(options, rest, at, 0);
                    }
                    match octet_count(rest, options.frame_bytes_max) {
                        Count::Unfinished => return None,
                        Count::Valid { header, value } => {
                            return self.counted(options, rest, at, header, value);
                        }
                        Count::TooLarge => self.faults.count_too_large += 1,
                        Count::None => self.faults.no_count += 1,
                    }
                    self.state = State::Line { clean: 0 };
                }
            }
        }
    }

    /// The last frame of a stream that ended: `rest` is what was left. A line
    /// that the peer ended by closing (`is_closed`) is whole; one that was ended
    /// by an error or by a stop is cut.
    pub fn finish(
        &mut self,
        options: &FramerOptions,
        rest: &[u8],
        is_closed: bool,
    ) -> Option<Frame> {
        let state = std::mem::take(&mut self.state);
        if rest.is_empty() {
            return None;
        }
        let counted = match state {
            State::SkipLine | State::Skip { .. } => return None,
            State::Start if options.octet_counted => {
                match octet_count(rest, options.frame_bytes_max) {
                    Count::Valid { header, .. } => Some(header),
                    _ => None,
                }
            }
            State::Start | State::Line { .. } => None,
        };
        let (start, framing) = match counted {
            Some(header) => (header, Framing::OctetCounted),
            None => (0, Framing::LineFeed),
        };
        let is_cut = counted.is_some() || !is_closed;
        self.faults.cut += u64::from(is_cut);
        Some(Frame {
            range: start..rest.len(),
            framing,
            has_control: find_control(&rest[start..]).is_some(),
            is_truncated: is_cut,
        })
    }

    /// Faults since the last call.
    pub fn take_faults(&mut self) -> FramingFaults {
        std::mem::take(&mut self.faults)
    }

    #[inline(always)]
    fn line(
        &mut self,
        options: &FramerOptions,
        rest: &[u8],
        at: &mut usize,
        clean: usize,
    ) -> Option<Frame> {
        let start = *at;
        let control = find_control(&rest[clean..]).map(|found| clean + found);
        let end = match control {
            Some(found) if rest[found] == b'\n' => Some(found),
            Some(found) => memchr(b'\n', &rest[found..]).map(|end| found + end),
            None => None,
        };
        let len = end.unwrap_or(rest.len());
        let message_len = len.min(options.message_bytes_max);
        let is_truncated = len > options.message_bytes_max;
        match end {
            Some(end) => {
                self.state = State::Start;
                *at += end + 1;
            }
            None if is_truncated => {
                self.state = State::SkipLine;
                *at += message_len;
            }
            None => {
                let clean = control.unwrap_or(rest.len());
                // An empty rest tells nothing about the frame that follows.
                if !rest.is_empty() {
                    self.state = State::Line { clean };
                }
                return None;
            }
        }
        if is_truncated {
            self.faults.truncated += 1;
        }
        Some(Frame {
            range: start..start + message_len,
            framing: Framing::LineFeed,
            has_control: control.is_some_and(|found| found < message_len),
            is_truncated,
        })
    }

    fn counted(
        &mut self,
        options: &FramerOptions,
        rest: &[u8],
        at: &mut usize,
        header: usize,
        value: usize,
    ) -> Option<Frame> {
        let len = value.min(options.message_bytes_max);
        let message = rest.get(header..header + len)?;
        let start = *at + header;
        *at = start + len;
        let is_truncated = value > len;
        if is_truncated {
            self.faults.truncated += 1;
            self.state = State::Skip { bytes: value - len };
        }
        Some(Frame {
            range: start..start + len,
            framing: Framing::OctetCounted,
            has_control: find_control(message).is_some(),
            is_truncated,
        })
    }
}

/// Reads the octet count at the start of `rest`, which begins with a digit.
pub(super) fn octet_count(rest: &[u8], value_max: usize) -> Count {
    if rest[0] == b'0' {
        return Count::None;
    }
    let mut value: u64 = 0;
    for (index, &byte) in rest.iter().enumerate() {
        match byte {
            b'0'..=b'9' if index >= OCTET_COUNT_DIGITS_MAX => return Count::TooLarge,
            // Ten digits fit in 64 bits: no overflow.
            b'0'..=b'9' => value = value * 10 + u64::from(byte - b'0'),
            b' ' if value > value_max as u64 => return Count::TooLarge,
            b' ' => {
                return Count::Valid {
                    header: index + 1,
                    value: value as usize,
                };
            }
            _ => return Count::None,
        }
    }
    Count::Unfinished
}

#[cfg(test)]
#[path = "framer_tests.rs"]
mod tests;
