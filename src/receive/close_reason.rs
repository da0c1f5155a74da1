//! Why a connection ended.

use std::io;

use crate::base::kernel;

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The peer closed it (FIN).
    Peer,
    /// The peer reset it (RST).
    Reset,
    /// The peer did not answer keepalive probes.
    KeepAlive,
    /// The peer acknowledged nothing for `tcp_user_timeout`.
    UserTimeout,
    /// Nothing came for `idleTimeout`.
    IdleTimeout,
    /// An operator closed it.
    Operator,
    /// The daemon stops.
    Stop,
    /// Another error of recv(2).
    Error,
}

impl CloseReason {
    /// All of them, in the order of their counters.
    pub const ALL: [CloseReason; 8] = [
        CloseReason::Peer,
        CloseReason::Reset,
        CloseReason::KeepAlive,
        CloseReason::UserTimeout,
        CloseReason::IdleTimeout,
        CloseReason::Operator,
        CloseReason::Stop,
        CloseReason::Error,
    ];

    /// Its name in messages and counters.
    pub fn name(self) -> &'static str {
        match self {
            CloseReason::Peer => "peer",
            CloseReason::Reset => "reset",
            CloseReason::KeepAlive => "keepalive",
            CloseReason::UserTimeout => "user-timeout",
            CloseReason::IdleTimeout => "idle-timeout",
            CloseReason::Operator => "operator",
            CloseReason::Stop => "stop",
            CloseReason::Error => "error",
        }
    }

    /// The reason behind an error of recv(2), on a connection with
    /// `tcp_user_timeout` or without. With it, the kernel counts time instead of
    /// probes (tcp(7)).
    pub(super) fn of_error(error: &io::Error, has_user_timeout: bool) -> CloseReason {
        match error.raw_os_error() {
            Some(kernel::ECONNRESET | kernel::EPIPE) => CloseReason::Reset,
            // A router's word about the probes comes as their error.
            Some(kernel::ETIMEDOUT | kernel::EHOSTUNREACH | kernel::ENETUNREACH) => {
                match has_user_timeout {
                    true => CloseReason::UserTimeout,
                    false => CloseReason::KeepAlive,
                }
            }
            _ => CloseReason::Error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counters_stand_in_the_order_of_the_reasons() {
        for (index, reason) in CloseReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index);
        }
    }

    #[test]
    fn errors_of_the_kernel_have_their_reasons() {
        for (errno, has_user_timeout, reason) in [
            (kernel::ECONNRESET, true, CloseReason::Reset),
            (kernel::ETIMEDOUT, false, CloseReason::KeepAlive),
            (kernel::ETIMEDOUT, true, CloseReason::UserTimeout),
            (kernel::EHOSTUNREACH, false, CloseReason::KeepAlive),
            (kernel::ENOMEM, false, CloseReason::Error),
        ] {
            let error = io::Error::from_raw_os_error(errno);
            assert_eq!(CloseReason::of_error(&error, has_user_timeout), reason);
        }
    }
}
