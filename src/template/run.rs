//! Rendering one message: parts that lie side by side are copied as one run.
//!
//! A message as RFC 3164 has it already reads `TIMESTAMP HOSTNAME TAG MSG`; a
//! file wants just that and a line feed. So nothing is copied at once: a part
//! that begins where the last one ended lengthens the pending run, and so does
//! any other text that equals what stands there, such as the space between.

use super::time::{self, DateFormat};
use super::{LineDate, Part, Property};
use crate::message::{Format, Message, TimeKind, Timestamp};
use crate::parse::tag;
use crate::parse::timestamp::{self, RFC3164_BYTES};

/// A message being rendered: `text[start..end]` is next to be appended to `out`.
pub(super) struct Run<'a, 'b> {
    message: &'b Message<'a>,
    start: usize,
    end: usize,
    out: &'b mut Vec<u8>,
}

/// TIMESTAMP to the end of MSG in a message that reads as RFC 3164 section 4.1
/// has it.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    /// Offset of TIMESTAMP in the text. It ends with the text.
    start: usize,
    time: &'a [u8; RFC3164_BYTES],
}

/// The [`Part::Line`] of a message, if it reads `TIMESTAMP HOSTNAME TAG MSG`,
/// MSG with its space.
#[inline(always)]
pub(super) fn line<'a>(message: &Message<'a>) -> Option<Line<'a>> {
    let Message { text, header, .. } = *message;
    let (time, hostname, tag) = (header.timestamp, header.hostname, header.tag);
    let is_line = header.time == TimeKind::Rfc3164
        && header.format == Format::Rfc3164
        && usize::from(hostname.start) == time.end() + 1
        && usize::from(tag.start) == hostname.end() + 1
        && usize::from(header.msg) == tag.end()
        && text[time.end()] == b' '
        && text[hostname.end()] == b' '
        && text.get(tag.end()) == Some(&b' ')
        && text.last() != Some(&b'\n');
    let written = text[usize::from(time.start)..].first_chunk();
    written.filter(|_| is_line).map(|written| Line {
        start: usize::from(time.start),
        time: written,
    })
}

/// Appends the timestamp of a line if it is not to be copied; returns where in
/// the text begins what is, up to its end.
#[inline(always)]
pub(super) fn line_rest(date: LineDate, line: Line, message: &Message, out: &mut Vec<u8>) -> usize {
    match date {
        LineDate::Rfc3164 => line.start,
        LineDate::Rfc3339 => {
            time::append_rfc3164_as_rfc3339(line.time, message.received, out);
            line.start + RFC3164_BYTES
        }
    }
}

impl<'a, 'b> Run<'a, 'b> {
    pub(super) fn new(message: &'b Message<'a>, out: &'b mut Vec<u8>) -> Run<'a, 'b> {
        Run {
            message,
            start: 0,
            end: 0,
            out,
        }
    }

    /// Appends the pending run.
    #[inline(always)]
    pub(super) fn flush(&mut self) {
        self.out
            .extend_from_slice(&self.message.text[self.start..self.end]);
        self.start = self.end;
    }

    #[inline(always)]
    pub(super) fn part(&mut self, part: &Part) {
        match part {
            Part::Byte(byte) => self.byte(*byte),
            Part::Line { date, parts } => match line(self.message) {
                Some(line) => {
                    if *date != LineDate::Rfc3164 {
                        self.flush();
                    }
                    let rest = line_rest(*date, line, self.message, self.out);
                    self.span(rest, self.message.text.len());
                }
                None => parts.iter().for_each(|part| self.other(part)),
            },
            _ => self.other(part),
        }
    }

    /// Renders what is not worth room in the loop over the parts.
    #[inline(never)]
    fn other(&mut self, part: &Part) {
        match part {
            Part::Byte(byte) => self.byte(*byte),
            Part::Literal(bytes) => self.bytes(bytes),
            Part::Property(property) => self.property(*property),
            Part::Edited(property, edit) => match property.slice(self.message) {
                Some(value) if edit.only_cuts() => self.slice(edit.cut(value)),
                _ => {
                    self.flush();
                    let base = self.out.len();
                    self.property(*property);
                    self.flush();
                    edit.apply(self.out, base);
                }
            },
            Part::SpaceBeforeMsg => {
                if self.message.msg().first() != Some(&b' ') {
                    self.byte(b' ');
                }
            }
            Part::Line { parts, .. } => parts.iter().for_each(|part| self.other(part)),
        }
    }

    #[inline(always)]
    fn property(&mut self, property: Property) {
        if let Some(value) = property.slice(self.message) {
            return self.slice(value);
        }
        let priority = self.message.header.priority;
        match property {
            Property::SyslogTag => self.tag(),
            Property::Pri => self.decimal(priority.value()),
            Property::PriText => {
                self.slice(priority.facility().name().as_bytes());
                self.byte(b'.');
                self.slice(priority.severity().name().as_bytes());
            }
            Property::Facility => self.decimal(priority.facility().value()),
            Property::Severity => self.decimal(priority.severity().value()),
            Property::TimeReported(format) => self.time_reported(format),
            Property::TimeGenerated(format) => self.time(format, self.message.received),
            // The others are slices.
            _ => {}
        }
    }

    /// `syslogtag` of RFC 5424, which does not stand in the message as it is.
    fn tag(&mut self) {
        self.flush();
        tag::syslog_tag(self.message, self.out);
    }

    fn time_reported(&mut self, format: DateFormat) {
        let Message {
            header, received, ..
        } = *self.message;
        let text = self.message.part(header.timestamp);
        match (format, header.time) {
            (DateFormat::Rfc3164, TimeKind::Rfc3164) => return self.slice(text),
            (DateFormat::Rfc3339, TimeKind::Rfc3339) if time::is_written_as_rfc3339(text) => {
                return self.slice(text);
            }
            // Digits are copied rather than read and written anew.
            (DateFormat::Rfc3339, TimeKind::Rfc3164) => {
                if let Some(text) = text.first_chunk() {
                    self.flush();
                    return time::append_rfc3164_as_rfc3339(text, received, self.out);
                }
            }
            (DateFormat::Rfc3164, TimeKind::Rfc3339) => {
                if let Some(head) = time::rfc3339_head(text) {
                    self.flush();
                    return time::append_rfc3339_as_rfc3164(head, self.out);
                }
            }
            _ => {}
        }
        self.time(format, &timestamp::resolve(self.message));
    }

    fn time(&mut self, format: DateFormat, time: &Timestamp) {
        self.flush();
        format.append(time, self.out);
    }

    fn decimal(&mut self, value: u8) {
        let digits = [value / 100, value / 10 % 10, value % 10].map(|digit| b'0' + digit);
        let start = match value {
            0..10 => 2,
            10..100 => 1,
            100.. => 0,
        };
        self.bytes(&digits[start..]);
    }

    /// Appends bytes that may lie in the message's text; only their place
    /// matters, so any slice may be given.
    #[inline(always)]
    fn slice(&mut self, bytes: &[u8]) {
        let text = self.message.text;
        let start = bytes.as_ptr().addr().wrapping_sub(text.as_ptr().addr());
        if start > text.len() || bytes.len() > text.len() - start {
            return self.bytes(bytes);
        }
        self.span(start, start + bytes.len());
    }

    /// Appends `text[start..end]`.
    #[inline(always)]
    fn span(&mut self, start: usize, end: usize) {
        if start != self.end {
            self.flush();
            self.start = start;
        }
        self.end = end;
    }

    #[inline(always)]
    fn byte(&mut self, byte: u8) {
        if self.message.text.get(self.end) == Some(&byte) {
            self.end += 1;
        } else {
            self.flush();
            self.out.push(byte);
        }
    }

    #[inline(always)]
    fn bytes(&mut self, bytes: &[u8]) {
        if self.message.text[self.end..].starts_with(bytes) {
            self.end += bytes.len();
        } else {
            self.flush();
            self.out.extend_from_slice(bytes);
        }
    }
}
