//! Frames into records: what lies between received bytes and a batch.

use std::ops::Range;
use std::sync::Arc;

use super::InputCounters;
use super::framing::ConnectionFramer;
use crate::base::scan::find_control;
use crate::base::text::Lent;
use crate::base::{Chunk, Instant, Text};
use crate::frame::{Frame, FramerOptions, Stream};
use crate::limits::BATCH_RECORDS_MAX;
use crate::message::batch::Recycler;
use crate::message::{Batch, Body, Delay, Header, Record, Source, Timestamp};
use crate::parse;

/// A batch being built: records, and what their texts need beside the received
/// bytes.
pub(super) struct Assembly {
    records: Vec<Record>,
    rewritten: Vec<u8>,
    sources: Vec<Arc<Source>>,
    /// Texts that were copied out of their chunks.
    copied: Vec<u8>,
    recycler: Arc<Recycler>,
}

/// What the messages of a batch share beside their bytes.
pub(super) struct Reception {
    /// Local time of reception.
    pub at: Timestamp,
    /// Monotonic time of reception.
    pub instant: Instant,
    /// Index of the ruleset that their listener is bound to.
    pub ruleset: usize,
    /// Whether the listener's senders can be made to wait.
    pub delay: Delay,
}

/// What a stretch of bytes yielded.
pub(super) struct Framed {
    /// Where the bytes that were not used yet start.
    pub rest: usize,
    /// Whether there may be more frames behind: the batch was full.
    pub is_full: bool,
    /// Frames that were found, the empty ones included.
    pub frames: u64,
    /// The union of their framings.
    pub framings: u8,
}

/// How far an assembly is filled.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mark {
    records: usize,
    rewritten: usize,
    sources: usize,
    copied: usize,
}

impl Assembly {
    pub fn new(recycler: Arc<Recycler>) -> Assembly {
        Assembly {
            records: Vec::new(),
            rewritten: Vec::new(),
            sources: Vec::new(),
            copied: Vec::new(),
            recycler,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Whether it has to be taken before anything is added.
    pub fn is_full(&self) -> bool {
        self.records.len() >= BATCH_RECORDS_MAX || self.sources.len() >= usize::from(u16::MAX)
    }

    /// How far it is filled.
    pub fn mark(&self) -> Mark {
        Mark {
            records: self.records.len(),
            rewritten: self.rewritten.len(),
            sources: self.sources.len(),
            copied: self.copied.len(),
        }
    }

    /// Records behind a mark.
    pub fn records_since(&self, mark: Mark) -> usize {
        self.records.len() - mark.records
    }

    /// Drops the records behind a mark but the first `kept` ones, and what only
    /// they need where none is kept.
    pub fn truncate(&mut self, mark: Mark, kept: usize) {
        self.records.truncate(mark.records + kept);
        if kept == 0 {
            self.rewritten.truncate(mark.rewritten);
            self.sources.truncate(mark.sources);
            self.copied.truncate(mark.copied);
        }
    }

    /// Bytes that were copied.
    pub fn copied_bytes(&self) -> usize {
        self.copied.len()
    }

    /// Appends a record for each frame of `bytes[range]`; the offsets of their
    /// texts count from the start of `bytes`.
    pub fn frame(
        &mut self,
        framer: &mut ConnectionFramer,
        options: &FramerOptions,
        bytes: &[u8],
        range: Range<usize>,
        source: &Arc<Source>,
        counters: &InputCounters,
    ) -> Framed {
        // The loop is compiled for each framer by itself.
        match framer {
            ConnectionFramer::Plain(framer) => {
                let next = |bytes: &[u8], at: &mut usize| framer.next(options, bytes, at);
                self.frame_by(next, bytes, range, source, counters)
            }
            ConnectionFramer::Delimited(framer) => {
                let next =
                    |bytes: &[u8], at: &mut usize| framer.next(options, bytes, at, Stream::GoesOn);
                self.frame_by(next, bytes, range, source, counters)
            }
        }
    }

    fn frame_by(
        &mut self,
        mut next: impl FnMut(&[u8], &mut usize) -> Option<Frame>,
        bytes: &[u8],
        range: Range<usize>,
        source: &Arc<Source>,
        counters: &InputCounters,
    ) -> Framed {
        if self.records.capacity() == 0 {
            self.records = self.recycler.records();
        }
        let sources = self.sources.len();
        let source = self.source_index(source);
        let bytes = &bytes[..range.end];
        let before = self.records.len();
        let mut at = range.start;
        let (mut empty, mut escaped) = (0, 0);
        let mut is_full = true;
        let mut framings = 0;
        // What the last parsed header was decided by, and that header.
        let mut decided: Option<(&[u8], Header)> = None;
        while self.records.len() < BATCH_RECORDS_MAX {
            let Some(frame) = next(bytes, &mut at) else {
                is_full = false;
                break;
            };
            framings |= frame.framing as u8;
            let text = &bytes[frame.range.clone()];
            if frame.has_control {
                escaped += 1;
                self.push_escaped(text, source);
            } else if text.is_empty() {
                empty += 1;
            } else {
                let start = frame.range.start as u32;
                let len = text.len() as u32;
                if let Some((prefix, header)) = &decided
                    && text.starts_with(prefix)
                {
                    self.records.push(Record {
                        start,
                        len,
                        source,
                        rewritten: false,
                        header: *header,
                    });
                    continue;
                }
                let record = self.records.push_mut(Record {
                    start,
                    len,
                    source,
                    rewritten: false,
                    header: Header::default(),
                });
                parse::parse_into(text, &mut record.header);
                let prefix = parse::deciding_prefix(text, &record.header);
                decided = prefix.map(|prefix| (prefix, record.header));
            }
        }
        let found = (self.records.len() - before) as u64;
        if found == 0 {
            // A batch without records is never taken: sources would pile up.
            self.sources.truncate(sources);
        }
        counters.received.add(found + empty);
        counters.discarded_empty.add(empty);
        counters.escaped.add(escaped);
        Framed {
            rest: at,
            is_full,
            frames: found + empty,
            framings,
        }
    }

    /// As [`frame`](Assembly::frame), but copies what the records need, so that
    /// the bytes may be forgotten.
    pub fn frame_copied(
        &mut self,
        framer: &mut ConnectionFramer,
        options: &FramerOptions,
        bytes: &[u8],
        range: Range<usize>,
        source: &Arc<Source>,
        counters: &InputCounters,
    ) -> Framed {
        let before = self.records.len();
        let framed = self.frame(framer, options, bytes, range.clone(), source, counters);
        if self.records.len() == before {
            // The rest of a line without end, for example.
            return framed;
        }
        let shift = self.copied.len() as i64 - range.start as i64;
        self.copied
            .extend_from_slice(&bytes[range.start..framed.rest]);
        for record in &mut self.records[before..] {
            if !record.rewritten {
                record.start = (i64::from(record.start) + shift) as u32;
            }
        }
        framed
    }

    /// Appends the last frames of a stream that ended: `carry` is what was left
    /// of it. A line that the peer ended by closing (`is_closed`) is whole; one
    /// that was ended by an error or by a stop is cut. Returns their number.
    pub fn finish(
        &mut self,
        framer: &mut ConnectionFramer,
        options: &FramerOptions,
        carry: &[u8],
        is_closed: bool,
        source: &Arc<Source>,
        counters: &InputCounters,
    ) -> u64 {
        let framer = match framer {
            ConnectionFramer::Plain(framer) => {
                let Some(frame) = framer.finish(options, carry, is_closed) else {
                    return 0;
                };
                self.push_last(&frame, carry, source, counters);
                return 1;
            }
            ConnectionFramer::Delimited(framer) => framer,
        };
        let stream = match is_closed {
            true => Stream::Closed,
            false => Stream::Broken,
        };
        let (mut at, mut frames) = (0, 0);
        while let Some(frame) = framer.next(options, carry, &mut at, stream) {
            self.push_last(&frame, carry, source, counters);
            frames += 1;
        }
        frames
    }

    fn push_last(
        &mut self,
        frame: &Frame,
        carry: &[u8],
        source: &Arc<Source>,
        counters: &InputCounters,
    ) {
        counters.received.add(1);
        let text = &carry[frame.range.clone()];
        if text.is_empty() {
            counters.discarded_empty.add(1);
            return;
        }
        let source = self.source_index(source);
        if frame.has_control {
            counters.escaped.add(1);
            self.push_escaped(text, source);
        } else {
            self.records.push(Record {
                start: self.copied.len() as u32,
                len: text.len() as u32,
                source,
                rewritten: false,
                header: parse::parse(text),
            });
            self.copied.extend_from_slice(text);
        }
    }

    /// Appends a datagram, which is a message as it is. Returns whether characters
    /// of it were escaped.
    pub fn push_datagram(&mut self, text: &[u8], source: &Arc<Source>) -> bool {
        if self.records.capacity() == 0 {
            self.records = self.recycler.records();
        }
        let source = self.source_index(source);
        // What many senders end their messages with is dropped there, not escaped.
        let end = text.strip_suffix(b"\0").unwrap_or(text);
        let end = end.strip_suffix(b"\n").unwrap_or(end);
        if end.is_empty() || find_control(end).is_some() {
            self.push_escaped(text, source);
            return true;
        }
        let record = self.records.push_mut(Record {
            start: self.copied.len() as u32,
            len: end.len() as u32,
            source,
            rewritten: false,
            header: Header::default(),
        });
        parse::parse_into(end, &mut record.header);
        self.copied.extend_from_slice(end);
        false
    }

    /// The batch of all records, whose texts lie in `chunk`.
    pub fn take_lent(&mut self, chunk: Chunk, used: Range<usize>, reception: Reception) -> Batch {
        debug_assert!(self.copied.is_empty());
        self.take(Text::lent(chunk), used, reception)
    }

    /// The batch of all records, whose texts were copied.
    pub fn take_copied(&mut self, reception: Reception) -> Batch {
        let bytes = std::mem::replace(&mut self.copied, self.recycler.bytes());
        let used = 0..bytes.len();
        self.take(Text::owned(bytes, 0), used, reception)
    }

    /// The batch of all records, whose texts lie in `bytes[used]`, as a copy.
    pub fn take_copy_of(
        &mut self,
        bytes: &[u8],
        used: Range<usize>,
        reception: Reception,
    ) -> Batch {
        let text = Text::owned(bytes[used.clone()].to_vec(), used.start);
        self.take(text, used, reception)
    }

    fn take<L: Lent>(
        &mut self,
        text: Text<L>,
        used: Range<usize>,
        reception: Reception,
    ) -> Batch<L> {
        Batch::new(
            Body {
                text,
                used,
                rewritten: std::mem::take(&mut self.rewritten),
                records: std::mem::take(&mut self.records),
                sources: std::mem::take(&mut self.sources),
                received: reception.at,
                received_at: reception.instant,
                delay: reception.delay,
                recycler: Some(Arc::clone(&self.recycler)),
            },
            reception.ruleset,
        )
        .with_body()
    }

    /// Appends a record with its control characters escaped. Where nothing is
    /// left of them (a NUL alone) it is an empty message, as in rsyslog.
    fn push_escaped(&mut self, text: &[u8], source: u16) {
        let start = self.rewritten.len();
        parse::sanitize(text, &mut self.rewritten);
        let text = &self.rewritten[start..];
        self.records.push(Record {
            start: start as u32,
            len: text.len() as u32,
            source,
            rewritten: true,
            header: parse::parse(text),
        });
    }

    fn source_index(&mut self, source: &Arc<Source>) -> u16 {
        if !self
            .sources
            .last()
            .is_some_and(|last| Arc::ptr_eq(last, source))
        {
            self.sources.push(Arc::clone(source));
        }
        (self.sources.len() - 1) as u16
    }
}
