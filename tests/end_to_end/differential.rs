//! The corpus, sent to rsyslog and to Splashdam: what comes out is the same but
//! for the differences that `tests/corpus/differences.md` lists, and each of
//! these is still there.

use std::collections::BTreeSet;

use crate::corpus::{self, PROPERTIES, Sample};
use crate::support::{Daemon, Scratch, Setup, wait_for_text};

/// Between the properties of a message: in no message's output (see the
/// corpus's README).
const SEPARATOR: u8 = 0x1f;

/// A template that rsyslog has built in.
struct BuiltIn {
    name: &'static str,
    /// Properties whose differences show in it.
    properties: &'static [&'static str],
    /// What stands before the timestamp.
    head: Head,
    time: Time,
    /// What its messages end with.
    end: End,
}

/// What stands before the timestamp.
#[derive(Clone, Copy)]
enum Head {
    Nothing,
    Pri,
    PriAndVersion,
}

/// How a template writes the timestamp.
#[derive(Clone, Copy)]
enum Time {
    /// As RFC 3164: without year, fraction and zone, whose differences do not
    /// show.
    Rfc3164,
    Rfc3339,
}

/// What tells one rendered message from the next.
#[derive(Clone, Copy)]
enum End {
    LineFeed,
    /// Nothing, in templates for forwarding: after each message of the corpus
    /// [`MARKER`] is sent, and this is what becomes of it.
    Marker(&'static str),
}

/// A message that both write the same.
const MARKER: &str = "<13>2003-10-11T22:14:15Z marker marker: END\n";

/// Sent behind the corpus.
const LAST: &str = "<13>2003-10-11T22:14:15Z last last: THE-LAST-ONE\n";

const BUILT_IN: &[BuiltIn] = &[
    BuiltIn {
        name: "RSYSLOG_TraditionalFileFormat",
        properties: &["hostname", "syslogtag", "msg"],
        head: Head::Nothing,
        time: Time::Rfc3164,
        end: End::LineFeed,
    },
    BuiltIn {
        name: "RSYSLOG_FileFormat",
        properties: &["timestamp", "hostname", "syslogtag", "msg"],
        head: Head::Nothing,
        time: Time::Rfc3339,
        end: End::LineFeed,
    },
    BuiltIn {
        name: "RSYSLOG_TraditionalForwardFormat",
        properties: &["pri", "hostname", "syslogtag", "msg"],
        head: Head::Pri,
        time: Time::Rfc3164,
        end: End::Marker("<13>Oct 11 22:14:15 marker marker: END"),
    },
    BuiltIn {
        name: "RSYSLOG_ForwardFormat",
        properties: &["pri", "timestamp", "hostname", "syslogtag", "msg"],
        head: Head::Pri,
        time: Time::Rfc3339,
        end: End::Marker("<13>2003-10-11T22:14:15Z marker marker: END"),
    },
    BuiltIn {
        name: "RSYSLOG_SyslogProtocol23Format",
        properties: &[
            "pri",
            "timestamp",
            "hostname",
            "app-name",
            "procid",
            "msgid",
            "structured-data",
            "msg",
        ],
        head: Head::PriAndVersion,
        time: Time::Rfc3339,
        end: End::LineFeed,
    },
];

impl BuiltIn {
    /// A rendered message; where its time is that of reception, with the shape
    /// of the time instead.
    fn comparable(&self, sample: &Sample, rendered: &[u8]) -> Vec<u8> {
        if sample.expected["timestamp"] != b"RECEIVED" {
            return rendered.to_vec();
        }
        let behind = |end: &[u8]| {
            let mut windows = rendered.windows(end.len());
            windows
                .position(|window| window == end)
                .map(|at| at + end.len())
        };
        let start = match self.head {
            Head::Nothing => Some(0),
            Head::Pri => behind(b">"),
            Head::PriAndVersion => behind(b">1 "),
        };
        let (head, rest) = rendered.split_at(start.expect("a PRI"));
        let len = match self.time {
            Time::Rfc3164 => "Oct 11 22:14:15".len(),
            Time::Rfc3339 => rest.iter().position(|byte| *byte == b' ').expect("a space"),
        };
        let (time, rest) = rest.split_at(len);
        let mut time = shape(time);
        if let Time::Rfc3164 = self.time {
            // Midnight may lie between the two daemons.
            time[..5].copy_from_slice(b"Mmm 0");
        }
        [head, &time, rest].concat()
    }
}

/// The corpus as a stream: octet-counted where a message needs it.
fn stream(samples: &[Sample], end: End) -> Vec<u8> {
    let marker = match end {
        End::LineFeed => "",
        End::Marker(_) => MARKER,
    };
    let mut stream = marker.as_bytes().to_vec();
    for Sample { message, .. } in samples {
        if message.contains(&b'\n') || message[0].is_ascii_digit() {
            stream.extend(format!("{} ", message.len()).bytes());
            stream.extend(message);
        } else {
            stream.extend(message);
            stream.push(b'\n');
        }
        stream.extend(marker.as_bytes());
    }
    stream.extend(LAST.as_bytes());
    stream
}

/// What a daemon made of the corpus, message by message. Its own messages,
/// which Splashdam writes beside them, are left out.
fn render(daemon: Daemon, scratch: &Scratch, samples: &[Sample], end: End) -> Vec<Vec<u8>> {
    let separator = match end {
        End::LineFeed => "\n",
        End::Marker(rendered) => rendered,
    };
    daemon.send(stream(samples, end));
    wait_for_text(&scratch.join("out.log"), "THE-LAST-ONE");
    daemon.stop();
    let mut messages = split(&scratch.read("out.log"), separator.as_bytes());
    messages.retain(|message| !is_own(message) && !is_last(message));
    let counts = (messages.len(), samples.len());
    if counts.0 != counts.1 {
        let pairs = messages.iter().zip(samples);
        let pairs =
            pairs.map(|(message, sample)| format!("{}: {}\n", sample.name, message.escape_ascii()));
        panic!(
            "messages and samples: {counts:?}\n{}",
            pairs.collect::<String>()
        );
    }
    messages
}

/// The parts between the separators that are not empty.
fn split(content: &[u8], separator: &[u8]) -> Vec<Vec<u8>> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while at < content.len() {
        if content[at..].starts_with(separator) {
            parts.push(content[start..at].to_vec());
            at += separator.len();
            start = at;
        } else {
            at += 1;
        }
    }
    parts.push(content[start..].to_vec());
    parts.retain(|part| !part.is_empty());
    parts
}

fn is_last(message: &[u8]) -> bool {
    String::from_utf8_lossy(message).contains("THE-LAST-ONE")
}

/// Whether this is what the daemon says at start or stop.
fn is_own(message: &[u8]) -> bool {
    let text = String::from_utf8_lossy(message);
    text.contains("splashdam")
        && [
            "started, listening on",
            ": keepalive",
            "keepalive probe",
            "descriptors allows about",
            "stopping: draining",
        ]
        .iter()
        .any(|words| text.contains(words))
}

/// What both daemons make of the corpus: ours, theirs.
fn both(setup: Setup, samples: &[Sample], end: End) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    // The corpus's differences were recorded in it.
    let setup = setup.environment("TZ", "UTC");
    let (ours, theirs) = (Scratch::new(), Scratch::new());
    (
        render(setup.splashdam(&ours), &ours, samples, end),
        render(setup.rsyslog(&theirs), &theirs, samples, end),
    )
}

/// What is listed: message, property, rsyslog's value, Splashdam's.
type Difference = (String, String, Vec<u8>, Vec<u8>);

fn listed() -> BTreeSet<Difference> {
    let rows = corpus::differences().into_iter();
    rows.map(|(name, property, rsyslog, splashdam)| {
        (name.to_owned(), property.to_owned(), rsyslog, splashdam)
    })
    .collect()
}

#[test]
fn every_property_of_the_corpus_is_rsyslogs_but_for_the_listed_differences() {
    let samples = corpus::samples();
    let fields: Vec<String> = PROPERTIES
        .iter()
        .map(|property| match *property {
            "timestamp" => "%timestamp:::date-rfc3339%".to_owned(),
            other => format!("%{other}%"),
        })
        .collect();
    let separator = format!("\\{SEPARATOR:03o}");
    let setup = Setup::new("*.* action(type=\"omfile\" file=\"{dir}/out.log\" template=\"T\")")
        .statements(format!(
            "template(name=\"T\" type=\"string\" string=\"{}\\n\")",
            fields.join(&separator)
        ));
    let (ours, theirs) = both(setup, &samples, End::LineFeed);
    let mut found = BTreeSet::new();
    for ((sample, our), their) in samples.iter().zip(&ours).zip(&theirs) {
        let (our, their) = (values(our), values(their));
        let name = sample.name;
        assert_eq!(our.len(), PROPERTIES.len(), "{name}: {our:?}");
        assert_eq!(their.len(), PROPERTIES.len(), "{name}: {their:?}");
        for ((property, our), their) in PROPERTIES.iter().zip(our).zip(their) {
            let (our, their) = match *property {
                "timestamp" => (time(sample, our), time(sample, their)),
                _ => (our.to_vec(), their.to_vec()),
            };
            if our != their {
                found.insert((name.to_owned(), property.to_string(), their, our));
            }
        }
    }
    let listed = listed();
    let unlisted: Vec<String> = found.difference(&listed).map(show).collect();
    let gone: Vec<String> = listed.difference(&found).map(show).collect();
    assert!(
        unlisted.is_empty() && gone.is_empty(),
        "differences that are not listed:\n{}\nlisted differences that are none:\n{}",
        unlisted.join("\n"),
        gone.join("\n")
    );
}

fn values(line: &[u8]) -> Vec<&[u8]> {
    line.split(|byte| *byte == SEPARATOR).collect()
}

/// A timestamp as the corpus has it: its shape where it is the time of
/// reception, no year where that is the year of reception.
fn time(sample: &Sample, value: &[u8]) -> Vec<u8> {
    let expected = &sample.expected["timestamp"];
    if expected == b"RECEIVED" {
        shape(value)
    } else if expected.starts_with(b"YYYY") && value.len() > 4 {
        [b"YYYY", &value[4..]].concat()
    } else {
        value.to_vec()
    }
}

/// The text with all digits as zeros.
fn shape(text: &[u8]) -> Vec<u8> {
    let digits = text.iter().map(|byte| match byte {
        b'0'..=b'9' => b'0',
        other => *other,
    });
    digits.collect()
}

fn show((name, property, rsyslog, splashdam): &Difference) -> String {
    format!(
        "| `{name}` | `{property}` | `{}` | `{}` |",
        rsyslog.escape_ascii(),
        splashdam.escape_ascii()
    )
}

#[test]
fn every_built_in_template_gives_what_rsyslog_gives_but_for_the_listed_differences() {
    let samples = corpus::samples();
    let listed = listed();
    let mut wrong = Vec::new();
    for template in BUILT_IN {
        let setup = Setup::new(format!(
            "*.* action(type=\"omfile\" file=\"{{dir}}/out.log\" template=\"{}\")",
            template.name
        ));
        let (ours, theirs) = both(setup, &samples, template.end);
        for ((sample, our), their) in samples.iter().zip(&ours).zip(&theirs) {
            let (our, their) = (
                template.comparable(sample, our),
                template.comparable(sample, their),
            );
            let is_listed = listed.iter().any(|(name, property, ..)| {
                name == sample.name && template.properties.contains(&property.as_str())
            });
            if (our != their) != is_listed {
                wrong.push(format!(
                    "{} {}{}\n  rsyslog   {}\n  Splashdam {}",
                    template.name,
                    sample.name,
                    if is_listed { " is listed" } else { "" },
                    their.escape_ascii(),
                    our.escape_ascii()
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} lines:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
