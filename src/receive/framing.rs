//! The framer of a connection: which one is decided when it is accepted.

use std::sync::Arc;

use super::OversizeSink;
use crate::frame::{DelimitedFramer, Frame, Framer, FramerOptions, FramingFaults, Stream};

/// One of the framers.
pub(super) enum ConnectionFramer {
    /// Of a listener without other delimiters.
    Plain(Framer),
    Delimited(Delimited),
}

/// A framer that also hands over messages that are too long.
pub(super) struct Delimited {
    framer: DelimitedFramer,
    sink: Option<Arc<OversizeSink>>,
}

impl ConnectionFramer {
    /// The framer that these options need. `sink` takes what is too long.
    pub fn new(options: &FramerOptions, sink: Option<&Arc<OversizeSink>>) -> ConnectionFramer {
        match options.is_plain() {
            true => ConnectionFramer::Plain(Framer::default()),
            false => ConnectionFramer::Delimited(Delimited {
                framer: DelimitedFramer::default(),
                sink: sink.map(Arc::clone),
            }),
        }
    }

    /// Faults since the last call.
    pub fn take_faults(&mut self) -> FramingFaults {
        match self {
            ConnectionFramer::Plain(framer) => framer.take_faults(),
            ConnectionFramer::Delimited(delimited) => delimited.framer.take_faults(),
        }
    }
}

impl Delimited {
    /// As [`DelimitedFramer::next`].
    pub fn next(
        &mut self,
        options: &FramerOptions,
        bytes: &[u8],
        at: &mut usize,
        stream: Stream,
    ) -> Option<Frame> {
        let found = self.framer.next(options, bytes, at, stream)?;
        if let (Some(whole), Some(sink)) = (found.oversize, &self.sink) {
            sink.offer(&bytes[whole]);
        }
        Some(found.frame)
    }
}
