//! What is rendered, against what rsyslog 8.2302 wrote.
//!
//! The expected lines were taken from `rsyslogd -n` with TZ=UTC, which got the
//! messages over imptcp with octet counting and wrote them with these
//! templates; only the time of reception, which rsyslog takes from the clock,
//! was put in.

use std::fmt::Write;

use proptest::prelude::*;

use super::*;
use crate::message::{Source, Timestamp};
use crate::parse;

const RECEIVED: Timestamp = Timestamp {
    year: 2026,
    month: 11,
    day: 21,
    hour: 5,
    minute: 31,
    second: 29,
    fraction_digits: 6,
    fraction: 375_587,
    offset_minutes: 0,
    is_west: false,
    is_utc: false,
};

const MESSAGES: [&str; 13] = [
    "<13>Oct  1 02:04:05 host app[12]: hello",
    "<165>1 2023-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 ID47 [a b=\"c\"] hi",
    "<165>1 2023-08-24T05:14:15.30Z h myproc 8710 ID47 - \u{feff}hi",
    "<165>1 2023-08-24T05:14:15Z h myproc 8710 ID47 - ",
    "<165>1 2023-08-24T05:14:15+00:00 h - - - -",
    "<165>1 - - - - - - x",
    "<110>Oct 11 22:14:15 host tag hello no colon",
    "<118>no header",
    "<126>Oct 11 22:14:15 host tag:nospace",
    "<14>2023-08-24T05:14:15.123456+05:30 host sudo: x",
    "<14>Jan  1 00:00:00 host sudo:",
    "hello there",
    "<14>Oct 11 22:14:15 host longtaglongtaglongtaglongtaglongtaglongtag[1]: a/b",
];

fn rendered(template: &Template, text: &[u8]) -> Vec<u8> {
    let header = parse::parse(text);
    let source = Source {
        host: "127.0.0.1".into(),
        address: "127.0.0.1".into(),
        port: 4711,
        input: "imptcp".into(),
    };
    let message = Message {
        text,
        header: &header,
        source: &source,
        received: &RECEIVED,
    };
    let mut out = b"before".to_vec();
    template.render(&message, &mut out);
    out.split_off("before".len())
}

/// What the template makes of each of `MESSAGES`.
fn all(template: &Template) -> Vec<String> {
    let one = |text: &&str| String::from_utf8_lossy(&rendered(template, text.as_bytes())).into();
    MESSAGES.iter().map(one).collect()
}

fn compiled(text: &str) -> Template {
    Template::compile("t", text).unwrap()
}

#[test]
fn traditional_file_format() {
    let expected = [
        "Oct  1 02:04:05 host app[12]: hello\n",
        "Aug 24 05:14:15 192.0.2.1 myproc[8710] hi\n",
        "Aug 24 05:14:15 h myproc[8710] \u{feff}hi\n",
        "Aug 24 05:14:15 h myproc[8710] \n",
        "Aug 24 05:14:15 h - \n",
        "Nov 21 05:31:29 - - x\n",
        "Oct 11 22:14:15 host tag hello no colon\n",
        "Nov 21 05:31:29 no header \n",
        "Oct 11 22:14:15 host tag: nospace\n",
        "Aug 24 05:14:15 host sudo: x\n",
        "Jan  1 00:00:00 host sudo: \n",
        "Nov 21 05:31:29 hello there \n",
        "Oct 11 22:14:15 host longtaglongtaglongtaglongtaglongtaglongtag[1]: a/b\n",
    ];
    let template = Template::builtin("RSYSLOG_TraditionalFileFormat").unwrap();
    assert_eq!(all(&template), expected);
}

#[test]
fn file_format() {
    let expected = [
        "2026-10-01T02:04:05+00:00 host app[12]: hello\n",
        "2023-08-24T05:14:15.000003-07:00 192.0.2.1 myproc[8710] hi\n",
        "2023-08-24T05:14:15.30Z h myproc[8710] \u{feff}hi\n",
        "2023-08-24T05:14:15Z h myproc[8710] \n",
        "2023-08-24T05:14:15+00:00 h - \n",
        "2026-11-21T05:31:29.375587+00:00 - - x\n",
        "2026-10-11T22:14:15+00:00 host tag hello no colon\n",
        "2026-11-21T05:31:29.375587+00:00 no header \n",
        "2026-10-11T22:14:15+00:00 host tag: nospace\n",
        "2023-08-24T05:14:15.123456+05:30 host sudo: x\n",
        "2026-01-01T00:00:00+00:00 host sudo: \n",
        "2026-11-21T05:31:29.375587+00:00 hello there \n",
        "2026-10-11T22:14:15+00:00 host longtaglongtaglongtaglongtaglongtaglongtag[1]: a/b\n",
    ];
    let template = Template::builtin("RSYSLOG_FileFormat").unwrap();
    assert_eq!(all(&template), expected);
}

#[test]
fn traditional_forward_format() {
    let expected = [
        "<13>Oct  1 02:04:05 host app[12]: hello",
        "<165>Aug 24 05:14:15 192.0.2.1 myproc[8710] hi",
        "<165>Aug 24 05:14:15 h myproc[8710] \u{feff}hi",
        "<165>Aug 24 05:14:15 h myproc[8710] ",
        "<165>Aug 24 05:14:15 h - ",
        "<165>Nov 21 05:31:29 - - x",
        "<110>Oct 11 22:14:15 host tag hello no colon",
        "<118>Nov 21 05:31:29 no header ",
        "<126>Oct 11 22:14:15 host tag: nospace",
        "<14>Aug 24 05:14:15 host sudo: x",
        "<14>Jan  1 00:00:00 host sudo: ",
        "<13>Nov 21 05:31:29 hello there ",
        "<14>Oct 11 22:14:15 host longtaglongtaglongtaglongtaglong a/b",
    ];
    let template = Template::builtin("RSYSLOG_TraditionalForwardFormat").unwrap();
    assert_eq!(all(&template), expected);
}

#[test]
fn forward_format() {
    let expected = [
        "<13>2026-10-01T02:04:05+00:00 host app[12]: hello",
        "<165>2023-08-24T05:14:15.000003-07:00 192.0.2.1 myproc[8710] hi",
        "<165>2023-08-24T05:14:15.30Z h myproc[8710] \u{feff}hi",
        "<165>2023-08-24T05:14:15Z h myproc[8710] ",
        "<165>2023-08-24T05:14:15+00:00 h - ",
        "<165>2026-11-21T05:31:29.375587+00:00 - - x",
        "<110>2026-10-11T22:14:15+00:00 host tag hello no colon",
        "<118>2026-11-21T05:31:29.375587+00:00 no header ",
        "<126>2026-10-11T22:14:15+00:00 host tag: nospace",
        "<14>2023-08-24T05:14:15.123456+05:30 host sudo: x",
        "<14>2026-01-01T00:00:00+00:00 host sudo: ",
        "<13>2026-11-21T05:31:29.375587+00:00 hello there ",
        "<14>2026-10-11T22:14:15+00:00 host longtaglongtaglongtaglongtaglong a/b",
    ];
    let template = Template::builtin("RSYSLOG_ForwardFormat").unwrap();
    assert_eq!(all(&template), expected);
}

#[test]
fn protocol_23_format() {
    let expected = [
        "<13>1 2026-10-01T02:04:05+00:00 host app 12 - -  hello\n",
        "<165>1 2023-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 ID47 [a b=\"c\"] hi\n",
        "<165>1 2023-08-24T05:14:15.30Z h myproc 8710 ID47 - \u{feff}hi\n",
        "<165>1 2023-08-24T05:14:15Z h myproc 8710 ID47 - \n",
        "<165>1 2023-08-24T05:14:15+00:00 h - - - - \n",
        "<165>1 2026-11-21T05:31:29.375587+00:00 - - - - - x\n",
        "<110>1 2026-10-11T22:14:15+00:00 host tag - - -  hello no colon\n",
        "<118>1 2026-11-21T05:31:29.375587+00:00 no header - - - \n",
        "<126>1 2026-10-11T22:14:15+00:00 host tag - - - nospace\n",
        "<14>1 2023-08-24T05:14:15.123456+05:30 host sudo - - -  x\n",
        "<14>1 2026-01-01T00:00:00+00:00 host sudo - - - \n",
        "<13>1 2026-11-21T05:31:29.375587+00:00 hello there - - - \n",
        "<14>1 2026-10-11T22:14:15+00:00 host longtaglongtaglongtaglongtaglongtaglongtag 1 - -  a/b\n",
    ];
    let template = Template::builtin("RSYSLOG_SyslogProtocol23Format").unwrap();
    assert_eq!(all(&template), expected);
}

#[test]
fn every_property() {
    let mut text = String::new();
    for (name, _) in property::PROPERTIES {
        write!(text, "{name}=%{name}%|").unwrap();
    }
    let template = compiled(&text);
    let expected = "msg=hi|\
        rawmsg=<165>1 2023-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 ID47 [a b=\"c\"] hi|\
        rawmsg-after-pri=1 2023-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 ID47 [a b=\"c\"] hi|\
        hostname=192.0.2.1|source=192.0.2.1|fromhost=127.0.0.1|fromhost-ip=127.0.0.1|\
        syslogtag=myproc[8710]|programname=myproc|pri=165|pri-text=local4.notice|iut=1|\
        syslogfacility=20|syslogfacility-text=local4|syslogseverity=5|syslogpriority=5|\
        syslogseverity-text=notice|syslogpriority-text=notice|timereported=Aug 24 05:14:15|\
        timestamp=Aug 24 05:14:15|timegenerated=Nov 21 05:31:29|protocol-version=1|\
        structured-data=[a b=\"c\"]|app-name=myproc|procid=8710|msgid=ID47|inputname=imptcp|";
    let found = rendered(&template, MESSAGES[1].as_bytes());
    assert_eq!(String::from_utf8_lossy(&found), expected);
    let expected = "msg= hello no colon|rawmsg=<110>Oct 11 22:14:15 host tag hello no colon|\
        rawmsg-after-pri=Oct 11 22:14:15 host tag hello no colon|\
        hostname=host|source=host|fromhost=127.0.0.1|fromhost-ip=127.0.0.1|\
        syslogtag=tag|programname=tag|pri=110|pri-text=audit.info|iut=1|\
        syslogfacility=13|syslogfacility-text=audit|syslogseverity=6|syslogpriority=6|\
        syslogseverity-text=info|syslogpriority-text=info|timereported=Oct 11 22:14:15|\
        timestamp=Oct 11 22:14:15|timegenerated=Nov 21 05:31:29|protocol-version=0|\
        structured-data=-|app-name=tag|procid=-|msgid=-|inputname=imptcp|";
    let found = rendered(&template, MESSAGES[6].as_bytes());
    assert_eq!(String::from_utf8_lossy(&found), expected);
}

#[test]
fn every_date_format() {
    let mut text = String::new();
    for (name, _) in time::DATE_OPTIONS {
        write!(text, "%timereported:::{name}%|").unwrap();
    }
    let found = all(&compiled(&text));
    assert_eq!(
        found[0],
        "Oct  1 02:04:05|Oct 01 02:04:05|2026-10-01T02:04:05+00:00|20261001020405|\
         2026-10-01 02:04:05|1790820245|2026|10|01|02|04|05|0|4|Thu|00|00|+|"
    );
    assert_eq!(
        found[2],
        "Aug 24 05:14:15|Aug 24 05:14:15|2023-08-24T05:14:15.30Z|20230824051415|\
         2023-08-24 05:14:15|1692854055|2023|08|24|05|14|15|30|4|Thu|00|00|-|"
    );
    assert_eq!(
        found[9],
        "Aug 24 05:14:15|Aug 24 05:14:15|2023-08-24T05:14:15.123456+05:30|20230824051415|\
         2023-08-24 05:14:15|1692834255|2023|08|24|05|14|15|123456|4|Thu|05|30|+|"
    );
}

#[test]
fn positions_and_options() {
    let template = compiled(
        "%msg:2:4%|%msg:5:2%|%msg:3:$%|%msg:50:60%|%syslogtag:1:3%|%hostname:::uppercase%|\
         %msg:2:5:uppercase,drop-cc%|%msg:2:$:secpath-drop%|%structured-data:::secpath-drop%|\
         %msg:::sp-if-no-1st-sp%|%timereported:8:$:date-rfc3164%|%pri:::uppercase%|\
         %timegenerated:1:3:date-year%|%pri-text:::uppercase%",
    );
    let found = all(&template);
    assert_eq!(
        found[0],
        "hel|hell|ello||app|HOST|HELL|hello|-||02:04:05|13|202|USER.NOTICE"
    );
    assert_eq!(
        found[1],
        "i|i|||myp|192.0.2.1|I|i|[a b=\"c\"]| |05:14:15|165|202|LOCAL4.NOTICE"
    );
    assert_eq!(found[3], "||||myp|H||_|-||05:14:15|165|202|LOCAL4.NOTICE");
    assert_eq!(
        found[12],
        "a/b|a/b|/b||lon|HOST|A/B|ab|-||22:14:15|14|202|USER.INFO"
    );
}

/// Parts of templates, each of which must render the same alone and beside any
/// other: runs must not join what does not belong together.
const PIECES: [&str; 22] = [
    "%msg%",
    "%rawmsg%",
    "%rawmsg-after-pri%",
    "%hostname%",
    "%syslogtag%",
    "%programname%",
    "%app-name%",
    "%procid%",
    "%pri%",
    "%pri-text%",
    "%timestamp%",
    "%timestamp:::date-rfc3339%",
    "%timegenerated%",
    "%structured-data%",
    "%msg:2:5:uppercase%",
    "%syslogtag:1:32%",
    "%msg:::sp-if-no-1st-sp%",
    "%msg:::escape-cc,drop-last-lf%",
    " ",
    "<",
    "%%",
    ": ",
];

fn text() -> impl Strategy<Value = Vec<u8>> {
    let known = (0..MESSAGES.len()).prop_map(|index| MESSAGES[index].as_bytes().to_vec());
    let cut = (known, 0usize..100, any::<u8>()).prop_map(|(mut text, at, byte)| {
        if at < text.len() {
            text[at] = byte;
        } else {
            text.truncate(at / 2);
        }
        text
    });
    prop_oneof![cut, prop::collection::vec(any::<u8>(), 0..60)]
}

proptest! {
    #[test]
    fn the_whole_is_the_sum_of_its_parts(
        pieces in prop::collection::vec(0..PIECES.len(), 0..12),
        text in text(),
    ) {
        let pieces: Vec<&str> = pieces.into_iter().map(|index| PIECES[index]).collect();
        let whole = rendered(&compiled(&pieces.concat()), &text);
        let sum: Vec<u8> = pieces
            .iter()
            .flat_map(|piece| rendered(&compiled(piece), &text))
            .collect();
        prop_assert_eq!(whole, sum);
    }

    /// The same for what is looked at as one.
    #[test]
    fn a_line_is_the_sum_of_its_parts(text in text(), is_rfc3339 in any::<bool>()) {
        let date = if is_rfc3339 { "%timestamp:::date-rfc3339%" } else { "%timestamp%" };
        let pieces = [
            "<", "%pri%", ">", date, " ", "%hostname%", " ", "%syslogtag%",
            "%msg:::sp-if-no-1st-sp%", "%msg:::drop-last-lf%", "\\n",
        ];
        for from in [0, 3] {
            let pieces = &pieces[from..];
            let whole = compiled(&pieces.concat());
            let has_line = whole.parts.iter().any(|part| matches!(part, Part::Line { .. }));
            prop_assert!(has_line);
            let sum: Vec<u8> = pieces
                .iter()
                .flat_map(|piece| rendered(&compiled(piece), &text))
                .collect();
            prop_assert_eq!(rendered(&whole, &text), sum);
        }
    }

    #[test]
    fn any_text_compiles_or_is_refused(text in ".{0,40}|[%:,msg0-9$\\\\F-]{0,30}") {
        if let Err(error) = Template::compile("t", &text) {
            prop_assert!(text.get(error.range).is_some());
        }
    }
}

/// Times are mostly converted without being read; that must not show.
#[test]
fn converted_times_are_as_if_they_were_read() {
    let texts = MESSAGES.iter().map(|text| text.as_bytes().to_vec());
    let days = (1..=31).flat_map(|day| {
        let date = format!("{} {day:2}", ["Jan", "Feb", "May", "Dec"][day % 4]);
        let iso = format!("2024-{:02}-{day:02}", day % 12 + 1);
        [
            format!("<13>{date} 23:59:60 h t: m").into_bytes(),
            format!("<13>1 {iso}T00:00:00.5-11:45 h a p i - m").into_bytes(),
            format!(
                "<13>1 2024-{}-{day}T1:2:3.0000001+0:00 h a p i - m",
                day % 12 + 1
            )
            .into_bytes(),
        ]
    });
    for text in texts.chain(days) {
        let header = parse::parse(&text);
        let message = Message {
            text: &text,
            header: &header,
            source: &Source::default(),
            received: &RECEIVED,
        };
        let read = parse::timestamp::resolve(&message);
        for (format, option) in [
            (time::DateFormat::Rfc3164, "date-rfc3164"),
            (time::DateFormat::Rfc3339, "date-rfc3339"),
        ] {
            let found = rendered(&compiled(&format!("%timestamp:::{option}%")), &text);
            assert_eq!(String::from_utf8_lossy(&found), format.text(&read));
        }
    }
}
