//! Every message of the corpus, against what rsyslog printed for it.

use std::fmt::Write;

use super::corpus::{PROPERTIES, Sample, samples};
use super::{needs_sanitizing, parse, sanitize, tag, timestamp};
use crate::message::{Message, Source, TimeKind, Timestamp};

/// The year of reception, `YYYY` in the corpus.
const YEAR: i16 = 2024;

fn date_rfc3339(time: &Timestamp) -> String {
    let mut text = match time.year {
        YEAR => "YYYY".to_owned(),
        year => format!("{year:04}"),
    };
    let Timestamp { month, day, .. } = time;
    let Timestamp {
        hour,
        minute,
        second,
        ..
    } = time;
    write!(
        text,
        "-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
    )
    .unwrap();
    if time.fraction_digits > 0 {
        let digits = usize::from(time.fraction_digits);
        write!(text, ".{:0digits$}", time.fraction).unwrap();
    }
    if time.is_utc {
        return text + "Z";
    }
    let sign = if time.is_west { '-' } else { '+' };
    let offset = time.offset_minutes.abs();
    write!(text, "{sign}{:02}:{:02}", offset / 60, offset % 60).unwrap();
    text
}

fn property(message: &Message, name: &str) -> Vec<u8> {
    match name {
        "pri" => message.header.priority.value().to_string().into_bytes(),
        "timestamp" => match message.header.time {
            TimeKind::Received => b"RECEIVED".to_vec(),
            _ => date_rfc3339(&timestamp::resolve(message)).into_bytes(),
        },
        "hostname" => tag::hostname(message).to_vec(),
        "syslogtag" => {
            let mut out = Vec::new();
            tag::syslog_tag(message, &mut out);
            out
        }
        "programname" => tag::program_name(message).to_vec(),
        "app-name" => tag::app_name(message).to_vec(),
        "procid" => tag::proc_id(message).to_vec(),
        "msgid" => tag::msg_id(message).to_vec(),
        "structured-data" => tag::structured_data(message).to_vec(),
        "msg" => message.msg().to_vec(),
        "protocol-version" => (message.header.format as u8).to_string().into_bytes(),
        other => panic!("unknown property {other}"),
    }
}

fn check(sample: &Sample) -> Vec<String> {
    let mut text = sample.message.clone();
    if text.iter().any(|&byte| needs_sanitizing(byte)) {
        text.clear();
        sanitize(&sample.message, &mut text);
    }
    let received = Timestamp {
        year: YEAR,
        ..Timestamp::default()
    };
    let source = Source {
        host: "127.0.0.1".into(),
        ..Source::default()
    };
    let message = Message {
        text: &text,
        header: &parse(&text),
        source: &source,
        received: &received,
    };
    let check = |name: &str| {
        let (actual, expected) = (property(&message, name), &sample.expected[name]);
        let complaint = || {
            format!(
                "{} {name}: {} instead of {}",
                sample.name,
                actual.escape_ascii(),
                expected.escape_ascii()
            )
        };
        (actual != *expected).then(complaint)
    };
    PROPERTIES.into_iter().filter_map(check).collect()
}

#[test]
fn all_is_as_rsyslog_printed_it() {
    let samples = samples();
    assert!(samples.len() > 500);
    let complaints: Vec<_> = samples.iter().flat_map(check).collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
