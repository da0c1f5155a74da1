//! Rendering one message: parts that lie side by side are copied as one run.
//!
//! A message as RFC 3164 has it already reads `TIMESTAMP HOSTNAME TAG MSG`; a
//! file wants just that and a line feed. So nothing is copied at once: a part
//! that begins where the last one ended lengthens the pending run, and so does
//! any other text that equals what stands there, such as the space between.

use super::time::{self, DateFormat};
use super::{Part, Property};
use crate::message::{Message, TimeKind, Timestamp};
use crate::parse::{tag, timestamp};

/// A message being rendered: `text[start..end]` is next to be appended to `out`.
pub(super) struct Run<'a, 'b> {
    message: &'b Message<'a>,
    start: usize,
    end: usize,
    out: &'b mut Vec<u8>,
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

    #[inline(always)]
    fn time_reported(&mut self, format: DateFormat) {
        let header = self.message.header;
        let text = self.message.part(header.timestamp);
        let is_as_written = match (format, header.time) {
            (DateFormat::Rfc3164, TimeKind::Rfc3164) => true,
            (DateFormat::Rfc3339, TimeKind::Rfc3339) => time::is_written_as_rfc3339(text),
            _ => false,
        };
        if is_as_written {
            self.slice(text);
        } else {
            self.time(format, &timestamp::resolve(self.message));
        }
    }

    #[inline(never)]
    fn time(&mut self, format: DateFormat, time: &Timestamp) {
        self.bytes(format.text(time).as_bytes());
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
        if start != self.end {
            self.flush();
            self.start = start;
        }
        self.end = start + bytes.len();
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
