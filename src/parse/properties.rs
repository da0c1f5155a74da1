//! Properties that hold for any bytes.

use proptest::prelude::*;

use super::{deciding_prefix, needs_sanitizing, parse, sanitize, tag, timestamp};
use crate::message::{Header, Message, Source, Span, TimeKind, Timestamp};

/// Parts of messages, good and bad, to be put together at random.
const FRAGMENTS: [&[u8]; 44] = [
    b"<34>",
    b"<13>",
    b"<>",
    b"<192>",
    b"<",
    b">",
    b"1 ",
    b"2 ",
    b" ",
    b"  ",
    b":",
    b"-",
    b"- ",
    b"- - - - ",
    b"Oct 11 22:14:15 ",
    b"Oct  1 22:14:15: ",
    b"oct 1 2:3:4.5 ",
    b"2003 ",
    b"Dec ",
    b"Oct 11 2003 22:14:15 ",
    b"2003-10-11T22:14:15.003Z ",
    b"2003-10-11T22:14:15+02:00 ",
    b"2003-1-2T3:4:5-11:30",
    b"22:14:15",
    b"host ",
    b"host.example.com ",
    b"2001:db8::1 ",
    b"su[12]: ",
    b"su:",
    b"app ",
    b"postfix/smtpd[1] ",
    b"[",
    b"]",
    b"] ",
    b"\\]",
    b"\"",
    b"[id@1 a=\"b\"] ",
    b"{",
    b"%ASA-6-302013: ",
    b"\xef\xbb\xbf",
    b"\xff",
    b"\0",
    b"\n",
    b"\t",
];

fn message() -> impl Strategy<Value = Vec<u8>> {
    let fragment = prop_oneof![
        8 => prop::sample::select(&FRAGMENTS[..]).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 0..4),
        1 => (any::<u8>(), 0usize..700).prop_map(|(byte, count)| vec![byte; count]),
    ];
    prop::collection::vec(fragment, 0..14).prop_map(|fragments| fragments.concat())
}

/// A good message in which some bytes were replaced, and which may be cut.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    const GOOD: [&[u8]; 4] = [
        b"<34>Oct 11 22:14:15 mymachine su[1234]: 'su root' failed",
        b"<34>2003-10-11T22:14:15.003-07:00 mymachine su[1234]: 'su root' failed",
        b"<165>1 2003-10-11T22:14:15.003Z host app 12 ID47 [id@1 a=\"b\"] text",
        b"<165>1 - - - - - - text",
    ];
    let replacements = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3);
    let cut = prop::option::weighted(0.3, any::<prop::sample::Index>());
    (prop::sample::select(&GOOD[..]), replacements, cut).prop_map(|(good, replacements, cut)| {
        let mut message = good.to_vec();
        for (place, byte) in replacements {
            let place = place.index(message.len());
            message[place] = byte;
        }
        if let Some(cut) = cut {
            message.truncate(cut.index(good.len()));
        }
        message
    })
}

/// Checks all that can be said of any header.
fn check(text: &[u8]) -> Result<Header, TestCaseError> {
    let header = parse(text);
    for span in [
        header.timestamp,
        header.hostname,
        header.tag,
        header.procid,
        header.msgid,
        header.structured_data,
    ] {
        prop_assert!(span.end() <= text.len());
    }
    prop_assert!(usize::from(header.msg) <= text.len());
    prop_assert_eq!(parse(text), header);
    let received = Timestamp {
        year: 2024,
        month: 2,
        day: 3,
        ..Timestamp::default()
    };
    let source = Source::default();
    let message = Message {
        text,
        header: &header,
        source: &source,
        received: &received,
    };
    let time = timestamp::resolve(&message);
    prop_assert!((1..=12).contains(&time.month) && (1..=31).contains(&time.day));
    prop_assert!(time.hour < 24 && time.minute < 60 && time.second <= 60);
    prop_assert!(time.fraction < 10u32.pow(time.fraction_digits.into()));
    prop_assert!(time.offset_minutes.abs() < 24 * 60);
    if header.time == TimeKind::Rfc3164 {
        let canonical = canonical(&time);
        prop_assert_eq!(message.part(header.timestamp), canonical.as_bytes());
    }
    prop_assert!(header.time != TimeKind::Received || time == received);
    let mut syslog_tag = Vec::new();
    tag::syslog_tag(&message, &mut syslog_tag);
    prop_assert!(syslog_tag.starts_with(tag::program_name(&message)));
    Ok(header)
}

/// The timestamp as RFC 3164 section 4.1.2 writes it.
fn canonical(time: &Timestamp) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let month = MONTHS[usize::from(time.month) - 1];
    let Timestamp { day, .. } = time;
    let Timestamp {
        hour,
        minute,
        second,
        ..
    } = time;
    format!("{month} {day:2} {hour:02}:{minute:02}:{second:02}")
}

proptest! {
    #[test]
    fn what_decides_a_header_decides_it_whatever_follows(
        front in prop_oneof![message(), mutated()],
        end in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..40),
            message(),
            Just(vec![b'x'; 600]),
        ],
    ) {
        let header = parse(&front);
        if let Some(prefix) = deciding_prefix(&front, &header) {
            let other = [prefix, &end[..]].concat();
            prop_assert_eq!(parse(&other), header);
        }
    }

    #[test]
    fn any_bytes_parse(bytes: Vec<u8>) {
        check(&bytes)?;
    }

    #[test]
    fn any_fragments_parse(bytes in message()) {
        check(&bytes)?;
    }

    #[test]
    fn any_mutation_parses(bytes in mutated()) {
        check(&bytes)?;
    }

    #[test]
    fn sanitizing_leaves_nothing_to_sanitize(bytes in message()) {
        let mut once = Vec::new();
        sanitize(&bytes, &mut once);
        prop_assert!(!once.iter().any(|&byte| needs_sanitizing(byte)));
        let mut twice = Vec::new();
        sanitize(&once, &mut twice);
        prop_assert_eq!(&once, &twice);
        check(&once)?;
    }

    /// The paths for usual timestamps agree with the reading field by field,
    /// which a year in front, or a fraction, leads to.
    #[test]
    fn usual_and_unusual_paths_agree(
        month in "(Jan|Feb|Sep|Dec|Dez)",
        day in 0..34, hour in 0..30, minute in 0..70, second in 0..70,
    ) {
        let clock = format!("{hour:02}:{minute:02}:{second:02}");
        let usual = format!("{month} {day:2} {clock} host tag: text");
        let unusual = format!("{month} {day:2} {clock}.0 host tag: text");
        let [usual, unusual] = [usual, unusual].map(|text| parse(text.as_bytes()));
        let found = |header: &Header| header.time != TimeKind::Received;
        prop_assert_eq!(found(&usual), found(&unusual));
        if found(&usual) {
            let moved = Span { start: usual.tag.start + 2, ..usual.tag };
            prop_assert_eq!(unusual.tag, moved);
        }
    }

    /// The same for RFC 3339: zeros in front of a number lead there.
    #[test]
    fn usual_and_unusual_rfc3339_agree(
        year in 1990..2110, month in 0..14, day in 0..34,
        hour in 0..30, minute in 0..70, second in 0..70,
        fraction in "(|\\.[0-9]{1,6})", offset in "(Z|[+-][0-2][0-9]:[0-7][0-9])",
    ) {
        let rest = format!(
            "-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}{offset} h a 1 - - m"
        );
        let usual = format!("<13>1 {year:04}{rest}");
        let unusual = format!("<13>1 0{year:04}{rest}");
        let [usual, unusual] = [usual, unusual].map(|text| parse(text.as_bytes()));
        prop_assert_eq!(usual.time, unusual.time);
        prop_assert_eq!(usual.timestamp.is_absent(), unusual.timestamp.is_absent());
        prop_assert_eq!(usual.tag.len, unusual.tag.len);
    }
}
