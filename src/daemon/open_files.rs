//! Whether the limit of descriptors (RLIMIT_NOFILE) is enough for what the
//! configuration promises.

use crate::limits::{DESCRIPTORS_PER_FILE, DESCRIPTORS_PER_THREAD, DESCRIPTORS_RESERVED};
use crate::message::Severity;

/// What needs descriptors.
pub struct Demand {
    /// `maxSessions` of each listener; none is no bound.
    pub max_sessions: Vec<Option<u32>>,
    /// Output files.
    pub files: usize,
    /// Threads with a ring of their own.
    pub threads: usize,
}

impl Demand {
    /// Descriptors beside those of connections.
    fn own(&self) -> u64 {
        let files = self.files as u64 * DESCRIPTORS_PER_FILE;
        let threads = self.threads as u64 * DESCRIPTORS_PER_THREAD;
        DESCRIPTORS_RESERVED + self.max_sessions.len() as u64 + files + threads
    }

    /// Compares it with the limit. What is to be told: that it is too low, or
    /// how many connections it allows where `maxSessions` does not say.
    pub fn compare(&self, limit: u64) -> Option<(Severity, String)> {
        let bounds = self.max_sessions.iter().flatten();
        let bounded: u64 = bounds.copied().map(u64::from).sum();
        let own = self.own();
        let needed = own + bounded;
        if needed > limit {
            let text = format!(
                "the limit of {limit} descriptors is too low: maxSessions allows {bounded} \
                 connections, and the daemon itself needs about {own}; set \
                 LimitNOFILE={needed} in the unit, or ulimit -n"
            );
            return Some((Severity::WARNING, text));
        }
        let rest = limit - needed;
        if self.max_sessions.iter().all(Option::is_some) {
            return None;
        }
        let text = match bounded {
            0 => format!(
                "the limit of {limit} descriptors allows about {rest} connections; maxSessions \
                 is not set"
            ),
            _ => format!(
                "the limit of {limit} descriptors allows, beside the {bounded} connections of \
                 the listeners with maxSessions, about {rest} of those without"
            ),
        };
        Some((Severity::INFO, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demand(max_sessions: &[Option<u32>]) -> Demand {
        Demand {
            max_sessions: max_sessions.to_vec(),
            files: 2,
            threads: 3,
        }
    }

    #[test]
    fn what_is_needed_is_compared_with_the_limit() {
        let both = demand(&[Some(1000), Some(500)]);
        let needed = both.own() + 1500;
        assert_eq!(both.compare(needed), None);
        let (severity, text) = both.compare(needed - 1).unwrap();
        assert_eq!(severity, Severity::WARNING);
        let limit = format!("limit of {} descriptors", needed - 1);
        let advice = format!("LimitNOFILE={needed} ");
        assert!(text.contains(&limit) && text.contains(&advice), "{text}");
    }

    #[test]
    fn without_max_sessions_the_number_of_connections_is_told() {
        let none = demand(&[None]);
        let (severity, text) = none.compare(none.own() + 77).unwrap();
        assert_eq!(severity, Severity::INFO);
        assert!(text.contains("about 77 connections"), "{text}");
        let (severity, _) = none.compare(none.own() - 1).unwrap();
        assert_eq!(severity, Severity::WARNING);
        let mixed = demand(&[None, Some(10)]);
        let (_, text) = mixed.compare(mixed.own() + 10 + 5).unwrap();
        assert!(
            text.contains("beside the 10 connections") && text.contains("about 5 of"),
            "{text}"
        );
    }
}
