//! Framing with other delimiters than a line feed, and with other ends of a
//! message that is too long than to be truncated. Connections without such
//! options take the shorter way of [`Framer`](super::Framer).
//!
//! Each byte is searched for delimiters once, however the stream is cut, and
//! the search never goes further ahead than the longest frame.

use std::ops::Range;

use memchr::memchr;

use super::framer::{Count, octet_count};
use super::{Frame, FramerOptions, Framing, FramingFaults, OversizeMode};
use crate::base::scan::find_control;
use crate::limits::LINE_START_BYTES_MAX;

/// A frame of a [`DelimitedFramer`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DelimitedFrame {
    pub frame: Frame,
    /// With the first frame of a message that is longer than
    /// `message_bytes_max`: the whole of it, as far as it is known.
    pub oversize: Option<Range<usize>>,
}

/// Whether the stream goes on behind the bytes that are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    GoesOn,
    /// The peer has closed it: what it leaves is whole.
    Closed,
    /// It was broken off: what it leaves is cut.
    Broken,
}

/// The state of one connection between its frames.
#[derive(Clone, Debug, Default)]
pub struct DelimitedFramer {
    state: State,
    /// What is left of a message that is split; it lies in front of what
    /// `state` is about.
    pieces: Option<Pieces>,
    faults: FramingFaults,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// At the start of a frame.
    #[default]
    Start,
    /// In a frame that ends with a delimiter.
    Text { part: Part, search: Search },
    /// In an octet-counted frame of which so many bytes are to come.
    Counted { part: Part, left: usize },
}

/// Which part of its frame comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    First,
    /// The rest of a frame that was too long to be kept, as a further message.
    Continued,
    /// The same, as nothing.
    Skipped,
}

/// How far the end of a frame was searched for; offsets from its first byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Search {
    /// Where to go on.
    at: usize,
    /// Where a line begins of which it is not known yet whether it belongs to
    /// the frame. None: the search is within a line that does.
    line: Option<usize>,
}

/// Bytes that are left of a message, and bytes of delimiter behind them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pieces {
    left: usize,
    behind: usize,
    framing: Framing,
}

/// What a search has found.
enum Reach {
    /// The frame ends after `len` bytes, with `behind` bytes of delimiter.
    End { len: usize, behind: usize },
    /// It is longer than what is kept of one.
    TooLong,
    /// It may go on; the first `known` bytes belong to it.
    Open { known: usize },
}

/// A stretch of a frame's text that is delivered.
struct Stretch {
    len: usize,
    behind: usize,
    framing: Framing,
    part: Part,
    /// Whether the frame is longer than what is kept of one.
    is_too_long: bool,
    /// Whether the stream broke off within it.
    is_cut: bool,
}

impl DelimitedFramer {
    /// The next frame of `bytes` from `at` on; `at` moves behind it. `None`
    /// where no frame ends: then what lies behind `at`, at most
    /// [`FramerOptions::carry_bytes_max`], has to be given again in front of
    /// the bytes that follow. At the end of the stream: until there is none.
    pub fn next(
        &mut self,
        options: &FramerOptions,
        bytes: &[u8],
        at: &mut usize,
        stream: Stream,
    ) -> Option<DelimitedFrame> {
        loop {
            if let Some(pieces) = self.pieces {
                return Some(self.piece(options, bytes, at, pieces));
            }
            let rest = &bytes[*at..];
            match self.state {
                State::Start => self.start(options, rest, at, stream)?,
                State::Counted { part, left } => {
                    let take = match part {
                        Part::Skipped => left,
                        _ => left.min(options.whole_bytes_max()),
                    };
                    let is_cut = rest.len() < take;
                    if part == Part::Skipped {
                        let step = take.min(rest.len());
                        *at += step;
                        self.state = State::counted(part, left - step);
                        if is_cut {
                            return None;
                        }
                        continue;
                    }
                    if is_cut && stream == Stream::GoesOn {
                        return None;
                    }
                    if part == Part::Continued && rest.is_empty() {
                        // All that came of it was delivered.
                        self.faults.cut += 1;
                        self.state = State::Start;
                        return None;
                    }
                    let len = take.min(rest.len());
                    self.state = match is_cut {
                        true => State::Start,
                        false => State::counted(Part::after_a_long_one(options), left - len),
                    };
                    let stretch = Stretch {
                        len,
                        behind: 0,
                        framing: Framing::OctetCounted,
                        part,
                        is_too_long: left > take && !is_cut,
                        is_cut,
                    };
                    return Some(self.deliver(options, bytes, at, stretch));
                }
                State::Text { part, mut search } => {
                    let is_ended = stream != Stream::GoesOn;
                    let reach = match &options.delimiters.line_start {
                        Some(_) => search.line_start(options, rest, is_ended),
                        None => search.delimiter(options, rest, is_ended),
                    };
                    let mut stretch = Stretch {
                        len: 0,
                        behind: 0,
                        framing: Framing::LineFeed,
                        part,
                        is_too_long: false,
                        is_cut: false,
                    };
                    match reach {
                        Reach::End { len, behind } => {
                            (stretch.len, stretch.behind) = (len, behind);
                            self.state = State::Start;
                        }
                        Reach::TooLong => {
                            stretch.len = options.whole_bytes_max();
                            stretch.is_too_long = true;
                            let part = match part {
                                Part::Skipped => Part::Skipped,
                                _ => Part::after_a_long_one(options),
                            };
                            self.state = State::text(part);
                        }
                        Reach::Open { .. } if is_ended => {
                            stretch.len = rest.len();
                            stretch.is_cut = stream == Stream::Broken && part != Part::Skipped;
                            self.state = State::Start;
                            if rest.is_empty() {
                                return None;
                            }
                        }
                        Reach::Open { known } => {
                            if part == Part::Skipped {
                                *at += known;
                                search.forget(known);
                            }
                            self.state = State::Text { part, search };
                            return None;
                        }
                    }
                    // A message whose last piece was full has no empty one behind.
                    let is_over = part == Part::Continued && stretch.len == 0;
                    if part == Part::Skipped || is_over {
                        *at += stretch.len + stretch.behind;
                        continue;
                    }
                    return Some(self.deliver(options, bytes, at, stretch));
                }
            }
        }
    }

    /// Faults since the last call.
    pub fn take_faults(&mut self) -> FramingFaults {
        std::mem::take(&mut self.faults)
    }

    /// Judges the first bytes of a frame. `None` where more are needed.
    fn start(
        &mut self,
        options: &FramerOptions,
        rest: &[u8],
        at: &mut usize,
        stream: Stream,
    ) -> Option<()> {
        let first = *rest.first()?;
        let has_counts = options.octet_counted && options.delimiters.line_start.is_none();
        if options.delimiters.skips_spaces && first == b' ' {
            let text = rest.iter().position(|byte| *byte != b' ');
            *at += text.unwrap_or(rest.len());
            return Some(());
        }
        self.state = State::text(Part::First);
        if !(has_counts && first.is_ascii_digit()) {
            return Some(());
        }
        match octet_count(rest, options.frame_bytes_max) {
            Count::Unfinished if stream == Stream::GoesOn => {
                self.state = State::Start;
                return None;
            }
            Count::Unfinished => {}
            Count::Valid { header, value } => {
                *at += header;
                self.state = State::counted(Part::First, value);
            }
            Count::TooLarge => self.faults.count_too_large += 1,
            Count::None => self.faults.no_count += 1,
        }
        Some(())
    }

    fn deliver(
        &mut self,
        options: &FramerOptions,
        bytes: &[u8],
        at: &mut usize,
        stretch: Stretch,
    ) -> DelimitedFrame {
        let Stretch { len, behind, .. } = stretch;
        let start = *at;
        let is_oversize = stretch.is_too_long || len > options.message_bytes_max;
        let mut is_truncated = stretch.is_cut;
        self.faults.cut += u64::from(stretch.is_cut);
        let is_counted = is_oversize && stretch.part == Part::First;
        let mut shown = len.min(options.message_bytes_max);
        *at += len + behind;
        match options.oversize {
            OversizeMode::Truncate => {
                is_truncated |= is_oversize;
                self.faults.truncated += u64::from(is_counted);
            }
            OversizeMode::Split => {
                self.faults.split += u64::from(is_counted);
                if shown < len {
                    *at = start + shown;
                    self.pieces = Some(Pieces {
                        left: len - shown,
                        behind,
                        framing: stretch.framing,
                    });
                }
            }
            OversizeMode::Accept => {
                shown = len;
                is_truncated |= stretch.is_too_long;
                self.faults.truncated += u64::from(is_counted && stretch.is_too_long);
                self.faults.accepted += u64::from(is_counted && !stretch.is_too_long);
            }
        }
        DelimitedFrame {
            frame: Frame {
                range: start..start + shown,
                framing: stretch.framing,
                has_control: find_control(&bytes[start..start + shown]).is_some(),
                is_truncated,
            },
            oversize: is_counted.then_some(start..start + len),
        }
    }

    /// The next piece of a message that is split.
    fn piece(
        &mut self,
        options: &FramerOptions,
        bytes: &[u8],
        at: &mut usize,
        pieces: Pieces,
    ) -> DelimitedFrame {
        let Pieces {
            left,
            behind,
            framing,
        } = pieces;
        let len = left.min(options.message_bytes_max);
        let range = *at..*at + len;
        *at = range.end;
        self.pieces = Some(Pieces {
            left: left - len,
            ..pieces
        });
        if len == left {
            *at += behind;
            self.pieces = None;
        }
        DelimitedFrame {
            frame: Frame {
                has_control: find_control(&bytes[range.clone()]).is_some(),
                range,
                framing,
                is_truncated: false,
            },
            oversize: None,
        }
    }
}

impl State {
    fn text(part: Part) -> State {
        let search = Search::default();
        State::Text { part, search }
    }

    fn counted(part: Part, left: usize) -> State {
        match left {
            0 if part != Part::First => State::Start,
            _ => State::Counted { part, left },
        }
    }
}

impl Part {
    /// What the rest of a frame is that is too long to be kept.
    fn after_a_long_one(options: &FramerOptions) -> Part {
        match options.oversize {
            OversizeMode::Split => Part::Continued,
            OversizeMode::Truncate | OversizeMode::Accept => Part::Skipped,
        }
    }
}

impl Search {
    /// Goes on to the delimiter of the frame that begins `rest`.
    fn delimiter(&mut self, options: &FramerOptions, rest: &[u8], is_ended: bool) -> Reach {
        let max = options.whole_bytes_max();
        let window = &rest[..rest.len().min(max + 1)];
        loop {
            let Some(found) = options.delimiters.find(&window[self.at..]) else {
                self.at = window.len();
                return Reach::within(rest, max);
            };
            let end = self.at + found;
            let follows = rest.get(end + 1);
            if !options.delimiters.is_multi_line || follows == Some(&b'<') {
                return Reach::End {
                    len: end,
                    behind: 1,
                };
            }
            if follows.is_none() {
                // What follows will decide; at the end it ends the last line.
                self.at = end;
                return match is_ended {
                    true => Reach::End {
                        len: end,
                        behind: 1,
                    },
                    false => Reach::Open { known: end },
                };
            }
            self.at = end + 1;
        }
    }

    /// Goes on to the first line behind the frame that begins `rest`.
    fn line_start(&mut self, options: &FramerOptions, rest: &[u8], is_ended: bool) -> Reach {
        let max = options.whole_bytes_max();
        let window = &rest[..rest.len().min(max + 1)];
        loop {
            let Some(line) = self.line else {
                let Some(found) = memchr(b'\n', &window[self.at..]) else {
                    self.at = window.len();
                    return Reach::within(rest, max);
                };
                self.at += found + 1;
                self.line = Some(self.at);
                continue;
            };
            let judged_max = line + LINE_START_BYTES_MAX;
            let judged = rest.len().min(judged_max);
            let end = match memchr(b'\n', &rest[self.at..judged]) {
                Some(found) => self.at + found,
                None if is_ended || judged == judged_max => judged,
                None => {
                    self.at = judged;
                    return Reach::Open { known: line - 1 };
                }
            };
            let begins = |start: &super::LineStart| start.begins(&rest[line..end]);
            let is_next = options.delimiters.line_start.as_ref().is_some_and(begins);
            if is_next || line == rest.len() {
                return Reach::End {
                    len: line - 1,
                    behind: 1,
                };
            }
            if end > max {
                return Reach::TooLong;
            }
            *self = Search {
                at: end,
                line: None,
            };
        }
    }

    /// Accounts for bytes that are dropped in front.
    fn forget(&mut self, bytes: usize) {
        self.at -= bytes;
        self.line = self.line.map(|line| line - bytes);
    }
}

impl Reach {
    /// Where no end was found in all that may be kept of a frame.
    fn within(rest: &[u8], max: usize) -> Reach {
        if rest.len() > max {
            Reach::TooLong
        } else {
            Reach::Open { known: rest.len() }
        }
    }
}

#[cfg(test)]
#[path = "delimited_tests.rs"]
mod tests;
