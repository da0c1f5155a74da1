//! Offsets of single messages, and what the corpus cannot show.

use super::*;
use crate::message::{Format, Message, Source, TimeKind, Timestamp};

fn part(text: &[u8], span: Span) -> &[u8] {
    &text[span.start as usize..span.end()]
}

#[test]
fn rfc3164_offsets() {
    let text = b"<34>Oct 11 22:14:15 mymachine su[12]: 'su root' failed";
    let header = parse(text);
    assert_eq!(header.priority.value(), 34);
    assert_eq!(header.format, Format::Rfc3164);
    assert_eq!(header.time, TimeKind::Rfc3164);
    assert_eq!(header.timestamp, Span { start: 4, len: 15 });
    assert_eq!(header.hostname, Span { start: 20, len: 9 });
    assert_eq!(header.tag, Span { start: 30, len: 7 });
    assert_eq!(header.procid, Span::ABSENT);
    assert_eq!(header.msgid, Span::ABSENT);
    assert_eq!(header.structured_data, Span::ABSENT);
    assert_eq!(header.msg, 37);
}

#[test]
fn rfc5424_offsets() {
    let text = b"<34>1 2003-10-11T22:14:15.003Z host su - ID47 [a b=\"c\"] text";
    let header = parse(text);
    assert_eq!(header.format, Format::Rfc5424);
    assert_eq!(header.time, TimeKind::Rfc3339);
    assert_eq!(part(text, header.timestamp), b"2003-10-11T22:14:15.003Z");
    assert_eq!(part(text, header.hostname), b"host");
    assert_eq!(part(text, header.tag), b"su");
    assert_eq!(part(text, header.procid), b"-");
    assert_eq!(part(text, header.msgid), b"ID47");
    assert_eq!(part(text, header.structured_data), b"[a b=\"c\"]");
    assert_eq!(&text[header.msg as usize..], b"text");
}

#[test]
fn only_the_canonical_timestamp_may_be_copied() {
    for (text, kind) in [
        (&b"Oct  1 22:14:15 h t: m"[..], TimeKind::Rfc3164),
        (b"Oct 31 22:14:60 h t: m", TimeKind::Rfc3164),
        (b"Oct 01 22:14:15 h t: m", TimeKind::Rfc3164Variant),
        (b"Oct 1 22:14:15 h t: m", TimeKind::Rfc3164Variant),
        (b"oct 11 22:14:15 h t: m", TimeKind::Rfc3164Variant),
        (b"Oct 11 22:14:15: h t: m", TimeKind::Rfc3164Variant),
        (b"Oct 11 22:14:15.5 h t: m", TimeKind::Rfc3164Variant),
        (b"Oct 11 2003 22:14:15 h t: m", TimeKind::Rfc3164Variant),
        (b"2003-10-11T22:14:15Z h t: m", TimeKind::Rfc3339),
        (b"Oct 32 22:14:15 h t: m", TimeKind::Received),
    ] {
        assert_eq!(parse(text).time, kind, "{}", text.escape_ascii());
    }
}

#[test]
fn a_timestamp_span_excludes_what_surrounds_it() {
    let text = b"<34> 2003 Oct  1 2:14:15.5: host tag: text";
    assert_eq!(part(text, parse(text).timestamp), b"2003 Oct  1 2:14:15.5");
}

/// The timestamp of `text`, received in the year 2024 at +02:00.
fn resolved(text: &[u8]) -> Timestamp {
    let received = received();
    let message = Message {
        text,
        header: &parse(text),
        source: &Source::default(),
        received: &received,
    };
    timestamp::resolve(&message)
}

fn received() -> Timestamp {
    Timestamp {
        year: 2024,
        month: 1,
        day: 1,
        minute: 5,
        fraction: 123_456,
        fraction_digits: 6,
        offset_minutes: 120,
        ..Timestamp::default()
    }
}

#[test]
fn without_a_timestamp_the_reception_counts() {
    for text in [
        &b"<13>text"[..],
        b"<13>1 - h a 1 - - text",
        b"<13>1 Oct 11",
        b"",
    ] {
        assert_eq!(resolved(text), received());
    }
}

#[test]
fn rfc3164_takes_year_and_offset_from_the_reception() {
    let expected = Timestamp {
        year: 2024,
        month: 12,
        day: 31,
        hour: 23,
        minute: 59,
        second: 58,
        offset_minutes: 120,
        ..Timestamp::default()
    };
    assert_eq!(resolved(b"<13>Dec 31 23:59:58 h t: m"), expected);
    let with_year = Timestamp {
        year: 2003,
        ..expected
    };
    assert_eq!(resolved(b"<13>2003 Dec 31 23:59:58 h t: m"), with_year);
    assert_eq!(resolved(b"<13>dec 31 2003 23:59:58 h t: m"), with_year);
}

#[test]
fn rfc3339_keeps_digits_and_offset() {
    let expected = Timestamp {
        year: 2003,
        month: 8,
        day: 24,
        hour: 5,
        minute: 14,
        second: 15,
        fraction: 3,
        fraction_digits: 6,
        offset_minutes: -450,
        is_west: true,
        is_utc: false,
    };
    let text = b"<165>1 2003-08-24T05:14:15.000003-07:30 h a 1 - - text";
    assert_eq!(resolved(text), expected);
    let text = b"<165>2003-08-24T05:14:15.003Z h a: text";
    let utc = Timestamp {
        fraction_digits: 3,
        offset_minutes: 0,
        is_west: false,
        is_utc: true,
        ..expected
    };
    assert_eq!(resolved(text), utc);
}

#[test]
fn every_second_of_a_day_is_canonical() {
    for second in 0..86_400 {
        let clock = (second / 3600, second / 60 % 60, second % 60);
        let text = format!("Oct 11 {:02}:{:02}:{:02} h t: m", clock.0, clock.1, clock.2);
        assert_eq!(parse(text.as_bytes()).time, TimeKind::Rfc3164, "{text}");
    }
}

#[test]
fn rfc5424_fields_behind_the_limit_are_msg() {
    let start = b"<13>1 - host app 1 ";
    for (field, fields) in [
        // MSGID reaches beyond the limit.
        (vec![b'm'; HEADER_BYTES_MAX], 3),
        // STRUCTURED-DATA does.
        (
            [&b"id ["[..], &vec![b'x'; HEADER_BYTES_MAX], b"] text"].concat(),
            4,
        ),
        // It ends at the limit, but whether it does cannot be seen any more.
        (
            [&b"id ["[..], &vec![b'x'; HEADER_BYTES_MAX - 24], b"] text"].concat(),
            4,
        ),
    ] {
        let text = [&start[..], &field, b" "].concat();
        let header = parse(&text);
        assert_eq!(part(&text, header.procid), b"1");
        assert_eq!(header.msgid.is_absent(), fields == 3);
        assert_eq!(header.structured_data, Span::ABSENT);
        assert_eq!(header.msg as usize, if fields == 3 { 19 } else { 22 });
    }
}

#[test]
fn a_header_may_end_before_the_limit() {
    let start = b"<13>1 - host app 1 id [";
    let inside = vec![b'x'; HEADER_BYTES_MAX - start.len() - 4];
    let text = [&start[..], &inside, b"] text"].concat();
    let header = parse(&text);
    assert_eq!(header.structured_data.end(), HEADER_BYTES_MAX - 3);
    assert_eq!(header.msg as usize, HEADER_BYTES_MAX - 2);
}

#[test]
fn rfc3164_with_a_timestamp_beyond_the_limit() {
    let zeros = vec![b'0'; HEADER_BYTES_MAX + 10];
    let text = [b"<13>Oct ", &zeros[..], b"1 22:14:15 host tag: text"].concat();
    let header = parse(&text);
    assert_eq!(header.time, TimeKind::Received);
    assert_eq!(part(&text, header.hostname), b"Oct");
}

#[test]
fn nothing_gives_nothing() {
    assert_eq!(parse(b""), Header::default());
}
