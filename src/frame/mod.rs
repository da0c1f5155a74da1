//! Bytes of a stream into frames (RFC 6587): by line feed (non-transparent
//! framing, section 3.4.2) and by octet count (section 3.4.1), recognised per
//! frame by a leading digit; by rsyslog's other delimiters where a listener
//! wants it. Pure: no I/O, no allocation, no copy.

mod delimited;
mod delimiters;
mod framer;

pub use delimited::{DelimitedFrame, DelimitedFramer, Stream};
pub use delimiters::{Delimiters, LineStart, OversizeMode};
pub use framer::{Frame, Framer, FramerOptions, Framing, FramingFaults};
