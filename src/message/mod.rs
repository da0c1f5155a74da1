//! What a message is: where its parts lie, how important it is, when and from
//! whom it came.
//!
//! A message is never copied into fields. [`Header`] says where the parts of a
//! parsed message lie in its text; [`Message`] is the view that templates and
//! filters read.

pub mod batch;
pub mod header;
pub mod local_clock;
pub mod priority;
pub mod report;
pub mod source;
pub mod timestamp;

pub use batch::{Batch, Body, Delay, Reader, Record};
pub use header::{Format, Header, Span, TimeKind};
pub use local_clock::LocalClock;
pub use priority::{Facility, Priority, Severity};
pub use report::Report;
pub use source::Source;
pub use timestamp::Timestamp;

/// A parsed message, borrowed from the batch that holds it.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    /// The frame as received, PRI included, control characters escaped, without
    /// its trailing delimiter.
    pub text: &'a [u8],
    /// Where its parts lie in `text`.
    pub header: &'a Header,
    /// Who sent it, by which input.
    pub source: &'a Source,
    /// When it was received, in local time: `timegenerated`.
    pub received: &'a Timestamp,
}

impl<'a> Message<'a> {
    /// The bytes of a span of the header.
    #[inline]
    pub fn part(&self, span: Span) -> &'a [u8] {
        &self.text[span.start as usize..span.end()]
    }

    /// MSG: everything behind the header.
    #[inline]
    pub fn msg(&self) -> &'a [u8] {
        &self.text[self.header.msg as usize..]
    }
}
