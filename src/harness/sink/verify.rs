//! Checks the numbers that `flood` put into the messages.

use crate::harness::flood::SEQUENCE_DIGITS;
use std::collections::HashMap;

use memchr::memmem::Finder;
use serde::Serialize;

use super::intervals::Intervals;
use super::windows::Windows;
use crate::harness::latency::{Latency, Percentiles};

/// Connections of which a report names the faults; the others are counted.
const FAULTY_CONNECTIONS_MAX: usize = 20;

/// Holes that a report names for each of them.
const HOLES_MAX: usize = 10;

/// What a message says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// `conn=`.
    pub connection: u64,
    /// `seq=`.
    pub sequence: u64,
    /// `t=`, nanoseconds since 1970.
    pub sent_at_ns: Option<u64>,
}

/// Finds the numbers in a message.
pub struct Reader {
    connection: Finder<'static>,
}

impl Reader {
    /// A reader with its search tables built.
    pub fn new() -> Reader {
        Reader {
            connection: Finder::new(" conn="),
        }
    }

    /// `None` where this is no message of `flood`, or a damaged one.
    pub fn numbers(&self, message: &[u8]) -> Option<Numbers> {
        let start = self.connection.find(message)?;
        let (connection, rest) = decimal(&message[start + b" conn=".len()..])?;
        let before = rest.strip_prefix(b" seq=")?;
        let (sequence, rest) = decimal(before)?;
        // Fewer digits are those of a message that was cut.
        if before.len() - rest.len() != SEQUENCE_DIGITS {
            return None;
        }
        let sent_at_ns = match rest.strip_prefix(b" t=") {
            Some(time) => Some(decimal(time)?.0),
            None => None,
        };
        Some(Numbers {
            connection,
            sequence,
            sent_at_ns,
        })
    }
}

/// A number of at most nineteen digits (which cannot overflow), and what
/// follows it.
fn decimal(text: &[u8]) -> Option<(u64, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 || digits > 19 {
        return None;
    }
    let (number, rest) = text.split_at(digits);
    let number = number
        .iter()
        .fold(0, |value, digit| value * 10 + u64::from(digit - b'0'));
    Some((number, rest))
}

/// The messages of one `conn=`.
#[derive(Default)]
struct Stream {
    seen: Intervals,
    messages: u64,
    duplicates: u64,
    out_of_order: u64,
    highest: Option<u64>,
}

impl Stream {
    fn add(&mut self, sequence: u64) {
        self.messages += 1;
        if !self.seen.insert(sequence) {
            self.duplicates += 1;
        } else if self.highest.is_some_and(|highest| sequence < highest) {
            self.out_of_order += 1;
        }
        self.highest = self.highest.max(Some(sequence));
    }

    /// The order between two receiving connections is not known, so that only
    /// what each saw out of order counts.
    fn merge(&mut self, other: &Stream) {
        self.messages += other.messages;
        self.duplicates += other.duplicates + self.seen.merge(&other.seen);
        self.out_of_order += other.out_of_order;
        self.highest = self.highest.max(other.highest);
    }
}

/// Counts the messages of all connections; one for each receiving thread,
/// merged in the end.
pub struct Verifier {
    reader: Reader,
    streams: HashMap<u64, Stream>,
    bytes: u64,
    foreign: u64,
    foreign_example: Option<String>,
    length_bytes: Option<(usize, usize)>,
    visibility: Latency,
    /// Kept by the one that follows a file; not merged.
    pub windows: Option<Windows>,
}

impl Verifier {
    /// Nothing seen.
    pub fn new() -> Verifier {
        Verifier {
            reader: Reader::new(),
            streams: HashMap::new(),
            bytes: 0,
            foreign: 0,
            foreign_example: None,
            length_bytes: None,
            visibility: Latency::new(),
            windows: None,
        }
    }

    /// Counts a message, which is given without its framing. `now_ns`: when it
    /// became readable, to be compared with its `t=`. `false` for a message
    /// that is not `flood`'s.
    pub fn add(&mut self, message: &[u8], now_ns: Option<u64>) -> bool {
        self.bytes += message.len() as u64;
        let Some(numbers) = self.reader.numbers(message) else {
            self.foreign += 1;
            self.foreign_example.get_or_insert_with(|| {
                String::from_utf8_lossy(message).chars().take(200).collect()
            });
            return false;
        };
        self.streams
            .entry(numbers.connection)
            .or_default()
            .add(numbers.sequence);
        let (shortest, longest) = self.length_bytes.unwrap_or((message.len(), message.len()));
        self.length_bytes = Some((shortest.min(message.len()), longest.max(message.len())));
        if let (Some(now_ns), Some(sent_at_ns)) = (now_ns, numbers.sent_at_ns) {
            let latency_ns = now_ns.saturating_sub(sent_at_ns);
            self.visibility.record_ns(latency_ns, 1);
            if let Some(windows) = &mut self.windows {
                windows.record(sent_at_ns, latency_ns);
            }
        }
        true
    }

    /// Adds what another thread has counted.
    pub fn merge(&mut self, other: &Verifier) {
        for (&connection, stream) in &other.streams {
            self.streams.entry(connection).or_default().merge(stream);
        }
        self.bytes += other.bytes;
        self.foreign += other.foreign;
        if self.foreign_example.is_none() {
            self.foreign_example.clone_from(&other.foreign_example);
        }
        self.length_bytes = match (self.length_bytes, other.length_bytes) {
            (Some(left), Some(right)) => Some((left.0.min(right.0), left.1.max(right.1))),
            (left, right) => left.or(right),
        };
        self.visibility.merge(&other.visibility);
    }

    /// Messages of `flood`.
    pub fn messages(&self) -> u64 {
        self.streams.values().map(|stream| stream.messages).sum()
    }

    /// What was found. `expected`: the messages that should have come.
    pub fn findings(&self, expected: Option<u64>) -> Findings {
        let mut connections: Vec<_> = self.streams.iter().collect();
        connections.sort_unstable_by_key(|(connection, _)| **connection);
        let mut findings = Findings {
            messages: self.messages(),
            message_bytes: self.bytes,
            connections: connections.len(),
            message_bytes_min: self.length_bytes.map(|(shortest, _)| shortest),
            message_bytes_max: self.length_bytes.map(|(_, longest)| longest),
            foreign: self.foreign,
            foreign_example: self.foreign_example.clone(),
            visibility_latency_ns: self.visibility.percentiles(),
            window_latency_ns: self.windows.as_ref().map(Windows::percentiles),
            ..Findings::default()
        };
        for (&connection, stream) in connections {
            let holes = stream.seen.holes();
            let missing = holes.iter().map(|(start, end)| end - start).sum();
            findings.missing += missing;
            findings.duplicates += stream.duplicates;
            findings.out_of_order += stream.out_of_order;
            if missing + stream.duplicates + stream.out_of_order > 0 {
                findings.faulty_connections += 1;
                if findings.faults.len() < FAULTY_CONNECTIONS_MAX {
                    findings.faults.push(Fault {
                        connection,
                        messages: stream.messages,
                        missing,
                        first_holes: holes.into_iter().take(HOLES_MAX).collect(),
                        duplicates: stream.duplicates,
                        out_of_order: stream.out_of_order,
                    });
                }
            }
        }
        let distinct = findings.messages - findings.duplicates;
        // What the holes do not show: messages lost at the end.
        findings.missing_at_end =
            expected.map(|expected| expected.saturating_sub(distinct + findings.missing));
        findings
    }
}

/// What a verification found.
#[derive(Debug, Default, Serialize)]
pub struct Findings {
    /// Messages of `flood`, duplicates included.
    pub messages: u64,
    /// Bytes of all messages without framing.
    pub message_bytes: u64,
    /// Distinct `conn=`.
    pub connections: usize,
    /// Numbers from 0 to each connection's highest that did not come.
    pub missing: u64,
    /// Of the messages expected, those beyond the highest numbers.
    pub missing_at_end: Option<u64>,
    /// Messages whose number had come before.
    pub duplicates: u64,
    /// Messages that came after one with a higher number.
    pub out_of_order: u64,
    /// Messages that are not `flood`'s, or no more to be recognized.
    pub foreign: u64,
    /// The first of them.
    pub foreign_example: Option<String>,
    /// Shortest message of `flood`.
    pub message_bytes_min: Option<usize>,
    /// Longest message of `flood`.
    pub message_bytes_max: Option<usize>,
    /// Connections with missing, repeated or reordered messages.
    pub faulty_connections: usize,
    /// The first of them.
    pub faults: Vec<Fault>,
    /// From `t=` to the time at which the line could be read.
    pub visibility_latency_ns: Option<Percentiles>,
    /// The same for each window of sending time; `None` in one without a message.
    pub window_latency_ns: Option<Vec<Option<Percentiles>>>,
}

/// What is wrong with one connection.
#[derive(Debug, Serialize)]
pub struct Fault {
    connection: u64,
    messages: u64,
    missing: u64,
    /// Start and end (exclusive).
    first_holes: Vec<(u64, u64)>,
    duplicates: u64,
    out_of_order: u64,
}

impl Findings {
    /// Nothing missing, repeated or reordered.
    pub fn clean(&self) -> bool {
        self.missing == 0
            && self.missing_at_end.unwrap_or(0) == 0
            && self.duplicates == 0
            && self.out_of_order == 0
    }

    /// The findings as lines of text.
    pub fn print(&self) {
        println!(
            "{} messages of {} connections, {} bytes; {} lines of other origin",
            self.messages, self.connections, self.message_bytes, self.foreign
        );
        if let Some(example) = self.foreign_example.as_ref().filter(|_| self.foreign > 0) {
            println!("of other origin: {example}");
        }
        println!(
            "missing {}, missing at the end {}, duplicates {}, out of order {}",
            self.missing,
            self.missing_at_end
                .map_or("unknown".into(), |missing| missing.to_string()),
            self.duplicates,
            self.out_of_order
        );
        for fault in &self.faults {
            println!(
                "conn={:04}: {} messages, missing {} {:?}, duplicates {}, out of order {}",
                fault.connection,
                fault.messages,
                fault.missing,
                fault.first_holes,
                fault.duplicates,
                fault.out_of_order
            );
        }
        if self.faulty_connections > self.faults.len() {
            println!(
                "... and {} more connections",
                self.faulty_connections - self.faults.len()
            );
        }
        if let Some(latency) = &self.visibility_latency_ns {
            println!("sent to readable: {latency}");
        }
        for (index, latency) in self.window_latency_ns.iter().flatten().enumerate() {
            match latency {
                Some(latency) => println!("window {index}: {latency}"),
                None => println!("window {index}: no message"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verify(numbers: &[(u64, u64)]) -> Verifier {
        let mut verifier = Verifier::new();
        for (connection, sequence) in numbers {
            let line = format!(
                "Oct 11 22:14:15 flood0000 flood[4711]: conn={connection:04} \
                 seq={sequence:010} xxx"
            );
            assert!(verifier.add(line.as_bytes(), None));
        }
        verifier
    }

    #[test]
    fn clean_streams() {
        let findings = verify(&[(0, 0), (7, 0), (0, 1), (7, 1), (7, 2)]).findings(Some(5));
        assert!(findings.clean());
        assert_eq!((findings.messages, findings.connections), (5, 2));
        assert_eq!(findings.missing_at_end, Some(0));
    }

    #[test]
    fn holes() {
        let findings = verify(&[(0, 1), (0, 2), (0, 5)]).findings(None);
        assert!(!findings.clean());
        assert_eq!(findings.missing, 3);
        assert_eq!(findings.faults[0].first_holes, [(0, 1), (3, 5)]);
        assert_eq!((findings.duplicates, findings.out_of_order), (0, 0));
    }

    #[test]
    fn loss_at_the_end() {
        let findings = verify(&[(0, 0), (0, 2)]).findings(Some(10));
        assert_eq!((findings.missing, findings.missing_at_end), (1, Some(7)));
        assert!(!findings.clean());
    }

    #[test]
    fn duplicates() {
        let findings = verify(&[(0, 0), (0, 1), (0, 1), (0, 0), (0, 2)]).findings(Some(3));
        assert_eq!((findings.duplicates, findings.out_of_order), (2, 0));
        assert_eq!((findings.missing, findings.missing_at_end), (0, Some(0)));
        assert!(!findings.clean());
    }

    #[test]
    fn reorder() {
        let findings = verify(&[(0, 0), (0, 2), (0, 1), (0, 3)]).findings(None);
        assert_eq!((findings.missing, findings.out_of_order), (0, 1));
        assert!(!findings.clean());
    }

    #[test]
    fn merge_sees_what_came_twice() {
        let mut left = verify(&[(0, 0), (0, 1), (1, 0)]);
        left.merge(&verify(&[(0, 1), (0, 2), (2, 0)]));
        let findings = left.findings(None);
        assert_eq!((findings.messages, findings.connections), (6, 3));
        assert_eq!((findings.duplicates, findings.missing), (1, 0));
    }

    #[test]
    fn other_messages_are_counted_apart() {
        let mut verifier = Verifier::new();
        for line in [
            "Oct 11 22:14:15 host rsyslogd: start",
            "Oct 11 22:14:15 flood0000 flood[4711]: conn=0000 seq=",
            "Oct 11 22:14:15 flood0000 flood[4711]: conn=0000 seq=99999999999999999999",
            "",
        ] {
            assert!(!verifier.add(line.as_bytes(), None));
        }
        assert_eq!(verifier.findings(None).foreign, 4);
    }

    #[test]
    fn visibility_latency() {
        let mut verifier = Verifier::new();
        verifier.add(b"x conn=0000 seq=0000000000 t=1000 x", Some(3500));
        verifier.add(b"x conn=0000 seq=0000000001 x", Some(3500));
        let latency = verifier.findings(None).visibility_latency_ns.unwrap();
        assert!(latency.to_string().contains("max 0.003"), "{latency}");
        let json = serde_json::to_value(latency).unwrap();
        assert_eq!(json["count"], 1);
    }
}
