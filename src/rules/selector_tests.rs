//! Selectors, against what rsyslog 8.2302 makes of them.

use proptest::prelude::*;

use super::*;
use crate::message::Priority;

/// What rsyslog selects: a selector and, for each facility from 0 on, two
/// hexadecimal digits of which bit n is severity n.
///
/// Taken from `rsyslogd -n` with a line
/// `if prifilt("SELECTOR") then action(type="omfile" …)` for each, which got 192
/// messages over imptcp, one of each PRI, and wrote `%pri%`.
#[rustfmt::skip]
const RSYSLOG: [(&str, &str); 69] = [
    ("*.*", "ffffffffffffffffffffffffffffffffffffffffffffffff"),
    ("*.info", "7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f"),
    ("*.=info", "404040404040404040404040404040404040404040404040"),
    ("*.!info", "000000000000000000000000000000000000000000000000"),
    ("*.!=info", "000000000000000000000000000000000000000000000000"),
    ("*.*;*.!info", "808080808080808080808080808080808080808080808080"),
    ("*.*;*.!=info", "bfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbf"),
    ("*.none", "000000000000000000000000000000000000000000000000"),
    ("*.!none", "ffffffffffffffffffffffffffffffffffffffffffffffff"),
    ("*.!*", "000000000000000000000000000000000000000000000000"),
    ("*.*;mail.none", "ffff00ffffffffffffffffffffffffffffffffffffffffff"),
    ("*.*;mail,news.none", "ffff00ffffffff00ffffffffffffffffffffffffffffffff"),
    ("*.info;mail.none;authpriv.none;cron.none", "7f7f007f7f7f7f7f7f00007f7f7f7f7f7f7f7f7f7f7f7f7f"),
    ("auth,authpriv.*", "00000000ff0000000000ff00000000000000000000000000"),
    ("*.*;auth,authpriv.none", "ffffffff00ffffffffff00ffffffffffffffffffffffffff"),
    ("mail.info;mail.!err", "000070000000000000000000000000000000000000000000"),
    ("mail.=debug", "000080000000000000000000000000000000000000000000"),
    ("mail.*;mail.!=info", "0000bf000000000000000000000000000000000000000000"),
    ("kern.warning", "1f0000000000000000000000000000000000000000000000"),
    ("kern.warn;user.error;lpr.panic", "1f0f00000000010000000000000000000000000000000000"),
    ("security.notice", "000000003f00000000000000000000000000000000000000"),
    ("local0.7", "00000000000000000000000000000000ff00000000000000"),
    ("128.info", "000000000000000000000000000000007f00000000000000"),
    ("local7.0", "000000000000000000000000000000000000000000000001"),
    ("mark.info", "000000000000000000000000000000000000000000000000"),
    ("ntp.info", "0000000000000000000000007f0000000000000000000000"),
    ("console.info", "00000000000000000000000000007f000000000000000000"),
    ("*.INFO", "7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f"),
    ("LOCAL3.Debug", "00000000000000000000000000000000000000ff00000000"),
    ("cron.!=crit;cron.*", "000000000000000000ff0000000000000000000000000000"),
    ("*.=crit;kern.none", "000404040404040404040404040404040404040404040404"),
    ("mail,news.=info;uucp.*", "0000400000000040ff000000000000000000000000000000"),
    ("local0.=7;local1.3", "00000000000000000000000000000000800f000000000000"),
    ("*.*;local0.none;local0.=err", "ffffffffffffffffffffffffffffffff08ffffffffffffff"),
    ("local0.none;local0.*", "00000000000000000000000000000000ff00000000000000"),
    ("*.!err", "000000000000000000000000000000000000000000000000"),
    ("mail.!none", "0000ff000000000000000000000000000000000000000000"),
    ("mail.*;mail.!*", "000000000000000000000000000000000000000000000000"),
    ("mail.!=none", "0000ff000000000000000000000000000000000000000000"),
    ("mail.=none", "000000000000000000000000000000000000000000000000"),
    ("24.info", "0000007f0000000000000000000000000000000000000000"),
    ("184.info", "00000000000000000000000000000000000000000000007f"),
    ("*.debug;mail.!warning", "ffffe0ffffffffffffffffffffffffffffffffffffffffff"),
    ("*.*;,mail.none", "ffff00ffffffffffffffffffffffffffffffffffffffffff"),
    ("*,mail.info", "7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f"),
    ("mail,*.info", "7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f"),
    ("mail.info;", "00007f000000000000000000000000000000000000000000"),
    ("mail.info,news.err", "00007f000000000f00000000000000000000000000000000"),
    ("mail.info;;news.err", "00007f000000000f00000000000000000000000000000000"),
    ("kern,128.info", "7f0000000000000000000000000000007f00000000000000"),
    ("kern,0.=info", "400000000000000000000000000000000000000000000000"),
    ("kern,184.debug", "ff00000000000000000000000000000000000000000000ff"),
    ("mail.0", "000001000000000000000000000000000000000000000000"),
    ("bsd_security.*", "00000000000000000000000000ff00000000000000000000"),
    ("auth,mail,news.err;*.=debug;auth.none", "80808f800080808f80808080808080808080808080808080"),
    ("local0,local1,local2.!debug", "000000000000000000000000000000000000000000000000"),
    ("*.*;local5,local6.!=warning;local5.=warn", "ffffffffffffffffffffffffffffffffffffffffffffefff"),
    ("user.*;user.!=emerg;user.!notice", "00c000000000000000000000000000000000000000000000"),
    ("*.crit;kern.!=emerg", "060707070707070707070707070707070707070707070707"),
    ("daemon.notice;daemon.!warning;daemon.=crit", "000000240000000000000000000000000000000000000000"),
    ("*.emerg;*.!emerg", "000000000000000000000000000000000000000000000000"),
    ("*.!emerg;*.emerg", "010101010101010101010101010101010101010101010101"),
    ("syslog.*", "0000000000ff000000000000000000000000000000000000"),
    ("mail.ERROR;news.Panic", "00000f000000000100000000000000000000000000000000"),
    ("KERN,User.none;*.=ALERT", "020202020202020202020202020202020202020202020202"),
    ("ftp.=notice;uucp.*;ftp.*", "0000000000000000ff0000ff000000000000000000000000"),
    ("*.=info;*.=notice;*.=warn;auth,authpriv.none;cron,daemon.none;mail,news.none", "707000000070700070000070707070707070707070707070"),
    ("*.err;kern.debug;auth.notice;mail.crit", "ff0f0f0f3f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f"),
    ("*.=debug;auth,authpriv.none;news.none;mail.none", "808000800080800080800080808080808080808080808080"),
];

fn selected(text: &str) -> String {
    let selector = Selector::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    (0..24u8)
        .map(|facility| {
            let mask = (0..8u8)
                .filter(|severity| {
                    let priority = Priority::new(facility * 8 + severity).unwrap();
                    selector.matches(priority)
                })
                .fold(0u8, |mask, severity| mask | 1 << severity);
            format!("{mask:02x}")
        })
        .collect()
}

/// The offending text, the message, and the suggestion.
fn refusal(text: &str) -> (&str, String, Option<&'static str>) {
    let Err(error) = Selector::parse(text) else {
        panic!("{text} is accepted");
    };
    (&text[error.range], error.message, error.nearest)
}

#[test]
fn as_rsyslog_selects() {
    for (text, expected) in RSYSLOG {
        assert_eq!(selected(text), expected, "{text}");
    }
}

#[test]
fn facilities_have_the_names_that_are_printed_too() {
    assert_eq!(selected("audit.*"), selected("bsd_security.*"));
    assert_eq!(selected("alert.*"), selected("console.*"));
    assert_eq!(selected("clock.*"), selected("kern,120.*;kern.none"));
}

#[test]
fn all_and_nothing_are_known() {
    assert!(Selector::parse("*.*").unwrap().matches_all());
    assert!(Selector::parse("*.debug").unwrap().matches_all());
    assert!(!Selector::parse("*.info").unwrap().matches_all());
    assert!(Selector::parse("*.none").unwrap().matches_none());
    assert!(Selector::parse("mark.*").unwrap().matches_none());
    assert!(!Selector::ALL.matches_none());
}

#[test]
fn unknown_names_get_a_suggestion() {
    assert_eq!(
        refusal("*.info;mial.none"),
        ("mial", "unknown facility mial".to_owned(), Some("mail"))
    );
    assert_eq!(
        refusal("mail.!=inof,news.*"),
        ("inof", "unknown priority inof".to_owned(), Some("info"))
    );
    let error = Selector::parse("auth,athpriv.*").unwrap_err();
    assert_eq!(error.range, 5..12);
    assert_eq!(
        error.to_string(),
        "unknown facility athpriv; did you mean authpriv?"
    );
    assert_eq!(refusal("qqqqqq.*").2, None);
}

#[test]
fn malformed_selectors_are_refused() {
    for (text, part) in [
        ("", ""),
        ("mail", "mail"),
        ("mail.info;news", "news"),
        (".info", ""),
        ("mail.", ""),
        ("mail.,info", ""),
        ("mail,.info", ""),
        (";mail.info", ";mail"),
        ("mail..info", ".info"),
        ("mail.!!info", "!info"),
        ("mail.=!info", "!info"),
        ("mail.==info", "=info"),
        ("mail.!", ""),
        ("mail.=*", "=*"),
        ("*.!=*", "!=*"),
        ("mail.*x", "*x"),
        ("*x.info", "*x"),
        ("-1.info", "-1"),
        ("mail.info news.err", " "),
        ("mail.info\t", "\t"),
        ("mail\u{2000}.info", "mail\u{2000}"),
    ] {
        assert_eq!(refusal(text).0, part, "{text}");
    }
}

#[test]
fn numbers_that_could_mean_another_are_refused() {
    for text in [
        "mail.8", "mail.127", "mail.16", "mail.7x", "1.*", "7.*", "129.*", "192.*", "999.*",
        "08x.*",
    ] {
        refusal(text);
    }
    assert!(refusal("16.info").1.contains("mail"));
    assert!(refusal("16.info").1.contains("local0"));
    assert!(refusal("kern,8.info").1.contains("uucp"));
}

proptest! {
    #[test]
    fn any_text_is_understood_or_refused(text in "([a-z*!=.,;0-9]|mail|info|none|\\PC){0,12}") {
        if let Err(error) = Selector::parse(&text) {
            prop_assert!(text.get(error.range).is_some());
        }
    }
}
