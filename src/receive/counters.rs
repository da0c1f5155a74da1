//! The account of an input.

use super::CloseReason;
use crate::base::Counter;
use crate::frame::FramingFaults;

/// Counters of one listener, added to by all reactors. `received = enqueued +
/// discarded + held` at any quiet moment.
#[derive(Debug, Default)]
pub struct InputCounters {
    pub connections_opened: Counter,
    /// Accepted sockets that are not closed.
    pub sessions: Counter,
    /// Connections above `maxSessions`.
    pub refused: Counter,
    /// Connections above `maxSessionsTotal`.
    pub refused_total: Counter,
    /// Connections, or datagrams, of peers that may not talk.
    pub denied: Counter,
    /// Connections that were closed because of their PROXY header.
    pub proxy_refused: Counter,
    /// Connections that were closed because their compressed stream was damaged.
    pub corrupt: Counter,
    /// Connections that ended, by their [`CloseReason`].
    pub closed: [Counter; CloseReason::ALL.len()],
    /// Accepted sockets whose keepalive is not as configured.
    pub liveness_differs: Counter,
    /// Bytes read from sockets.
    pub bytes: Counter,
    /// Frames found, each a message.
    pub received: Counter,
    /// Messages handed to the queue.
    pub enqueued: Counter,
    /// Frames without a byte: no message, as in rsyslog.
    pub discarded_empty: Counter,
    /// Messages that could not be pushed back and found the queue full.
    pub discarded_full: Counter,
    /// Messages above `ratelimit.burst`.
    pub discarded_rate_limit: Counter,
    /// Bytes that compressed streams were inflated to.
    pub inflated_bytes: Counter,
    /// Messages that wait for room in the queue now.
    pub held: Counter,
    /// Messages that the queue did not take before the end of the time to stop.
    pub discarded_shutdown: Counter,
    /// Faults in the framing; see [`FramingFaults`].
    pub truncated: Counter,
    pub split: Counter,
    pub accepted: Counter,
    pub no_count: Counter,
    pub count_too_large: Counter,
    pub cut: Counter,
    /// Messages that were to be written to `oversizemsg.errorfile` and are not
    /// in it.
    pub oversize_unwritten: Counter,
    /// Messages whose control characters were escaped.
    pub escaped: Counter,
    /// Received bytes of compressed streams that were not inflated before the end
    /// of the time to stop.
    pub uninflated_bytes: Counter,
    /// Datagrams that the kernel has dropped because the receive buffer was full:
    /// never received.
    pub dropped_by_kernel: Counter,
    /// Receives of datagrams that failed.
    pub receive_failed: Counter,
    /// Receives that found no chunk.
    pub starved: Counter,
    /// Accepts that failed.
    pub accept_failed: Counter,
}

impl InputCounters {
    pub(super) fn add_faults(&self, faults: FramingFaults) {
        self.truncated.add(faults.truncated);
        self.split.add(faults.split);
        self.accepted.add(faults.accepted);
        self.no_count.add(faults.no_count);
        self.count_too_large.add(faults.count_too_large);
        self.cut.add(faults.cut);
    }
}
