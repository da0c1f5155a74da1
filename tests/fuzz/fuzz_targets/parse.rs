//! Parsing: any frame gives a header whose parts lie inside the text, and all
//! that a template may ask of it can be given. The seeds are the messages of
//! `tests/corpus/messages.txt`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use splashdam::message::{Header, Message, Source, TimeKind, Timestamp};
use splashdam::parse::{self, tag, timestamp};

fuzz_target!(|frame: &[u8]| {
    check(frame);

    let mut text = Vec::new();
    parse::sanitize(frame, &mut text);
    assert!(!text.iter().any(|&byte| parse::needs_sanitizing(byte)));
    let mut again = Vec::new();
    parse::sanitize(&text, &mut again);
    assert_eq!(again, text);

    check(&text);
});

/// Parses and reads all parts.
fn check(text: &[u8]) {
    let header = parse::parse(text);
    assert_eq!(parse::parse(text), header);
    check_bounds(text, &header);

    let received = Timestamp {
        year: 2024,
        month: 2,
        day: 29,
        ..Timestamp::default()
    };
    let source = Source {
        host: "sender".into(),
        ..Source::default()
    };
    let message = Message {
        text,
        header: &header,
        source: &source,
        received: &received,
    };
    check_time(&timestamp::resolve(&message));
    if header.time == TimeKind::Received {
        assert_eq!(timestamp::resolve(&message), received);
    }

    let mut syslog_tag = Vec::new();
    tag::syslog_tag(&message, &mut syslog_tag);
    assert!(syslog_tag.starts_with(tag::program_name(&message)));
    for part in [
        tag::hostname(&message),
        tag::app_name(&message),
        tag::proc_id(&message),
        tag::msg_id(&message),
        tag::structured_data(&message),
        message.msg(),
    ] {
        assert!(part.len() <= text.len().max("sender".len()));
    }
}

fn check_bounds(text: &[u8], header: &Header) {
    for span in [
        header.timestamp,
        header.hostname,
        header.tag,
        header.procid,
        header.msgid,
        header.structured_data,
    ] {
        assert!(span.end() <= text.len());
    }
    assert!(usize::from(header.msg) <= text.len());
}

fn check_time(time: &Timestamp) {
    assert!((1..=12).contains(&time.month));
    assert!((1..=31).contains(&time.day));
    assert!(time.hour < 24 && time.minute < 60 && time.second <= 60);
    assert!(time.fraction_digits <= 6);
    assert!(time.fraction < 10u32.pow(time.fraction_digits.into()));
    assert!(time.offset_minutes.abs() < 24 * 60);
}
