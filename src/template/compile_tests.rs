//! What is accepted, what is refused, and where the error points.

use super::time::DateFormat;
use super::*;

fn parts(text: &str) -> Vec<Part> {
    compile::parts(text, Backslash::Escapes).unwrap()
}

/// The offending text, the message, and the suggestion.
fn refusal(text: &str) -> (&str, String, Option<&'static str>) {
    let error = Template::compile("t", text).unwrap_err();
    (&text[error.range], error.message, error.nearest)
}

fn literal(text: &str) -> Part {
    Part::Literal(text.as_bytes().into())
}

#[test]
fn literals_and_properties_in_order() {
    let expected = [
        literal("a "),
        Part::Property(Property::Msg),
        Part::Byte(b' '),
        Part::Property(Property::TimeReported(DateFormat::Rfc3339)),
        Part::Byte(b'\n'),
    ];
    assert_eq!(parts(r"a %MSG% %timestamp:::date-rfc3339%\n"), expected);
    assert_eq!(parts(""), []);
}

/// From rsyslog, which for `\t` in `$template` gives `t`.
#[test]
fn escapes_of_the_directive() {
    let expected = [literal("a\n\rt\\ % AB x41 \\n q")];
    assert_eq!(parts(r"a\n\r\t\\ \% \65\066 \x41 \\n \q"), expected);
    let part = compile::parts(r"a\n%%", Backslash::Literal).unwrap();
    assert_eq!(part, [literal(r"a\n%")]);
    assert_eq!(parts("ä\\ä%%"), [literal("ää%")]);
}

#[test]
fn a_lone_first_position_is_a_last_one() {
    let edit = |from, to| {
        let edit = Edit {
            from,
            to,
            ..Edit::NONE
        };
        [Part::Edited(Property::Msg, edit)]
    };
    assert_eq!(parts("%msg:3%"), edit(0, 3));
    assert_eq!(parts("%msg:3:%"), edit(0, 3));
    assert_eq!(parts("%msg::3%"), edit(0, 3));
    assert_eq!(parts("%msg:5:2%"), edit(2, 5));
    assert_eq!(parts("%msg:3:$%"), edit(3, edit::TO_END));
    assert_eq!(parts("%msg:0:0:%"), [Part::Property(Property::Msg)]);
}

#[test]
fn every_name_is_known() {
    for (name, property) in property::PROPERTIES {
        for name in [name.to_owned(), name.to_ascii_uppercase()] {
            assert_eq!(parts(&format!("%{name}%")), [Part::Property(property)]);
        }
    }
    for (name, format) in time::DATE_OPTIONS {
        let expected = Property::TimeGenerated(format);
        let text = format!("%timegenerated:::{name}%");
        assert_eq!(parts(&text), [Part::Property(expected)]);
    }
    assert_eq!(parts("%$BOM%"), [literal("\u{feff}")]);
}

#[test]
fn options_add_up() {
    let [Part::Edited(Property::Hostname, edit)] = &parts("%hostname:1:9:Uppercase,drop-cc%")[..]
    else {
        panic!("not edited");
    };
    assert_eq!(
        *edit,
        Edit {
            from: 1,
            to: 9,
            case: edit::Case::Upper,
            drop_controls: true,
            ..Edit::NONE
        }
    );
}

#[test]
fn unknown_names_get_a_suggestion() {
    assert_eq!(
        refusal("a %mesg% b"),
        ("mesg", "unknown property mesg".to_owned(), Some("msg"))
    );
    let error = Template::compile("t", "%hostnam%").unwrap_err();
    assert_eq!(
        error.to_string(),
        "unknown property hostnam; did you mean hostname?"
    );
    assert_eq!(
        refusal("%msg:::drop-last-lf,upercase%"),
        (
            "upercase",
            "unknown option upercase".to_owned(),
            Some("uppercase")
        )
    );
    // rsyslog, too, does not know an option with a space before it.
    assert_eq!(
        refusal("%msg:::lowercase, drop-cc%"),
        (
            " drop-cc",
            "unknown option  drop-cc".to_owned(),
            Some("drop-cc")
        )
    );
    assert_eq!(refusal("% msg %").2, Some("msg"));
}

#[test]
fn what_is_not_built_says_so() {
    for (text, part) in [
        ("%msg:F,58:2%", "F,58"),
        ("%msg:R,ERE,0,DFLT:h.l--end%", "R,ERE,0,DFLT"),
        ("%$now%", "$now"),
        ("%$!usr!x%", "$!usr!x"),
        ("%uuid%", "uuid"),
        ("%msg:::json%", "json"),
        ("%timereported:::date-utc,date-rfc3339%", "date-utc"),
        ("%msg:1:3:uppercase:name%", "name"),
        ("%$bom:1:2%", "1"),
    ] {
        let (found, message, _) = refusal(text);
        assert_eq!(found, part, "{text}");
        assert!(message.contains("not built yet"), "{message}");
    }
}

#[test]
fn malformed_text_is_refused() {
    for (text, part) in [
        ("a%msg", "%msg"),
        ("a%", "%"),
        ("50% of %msg%", " of "),
        (r"a\", r"\"),
        (r"a\256b", r"\256"),
        ("%msg:x:3%", "x"),
        ("%msg:1:-1%", "-1"),
        ("%msg:+1:3%", "+1"),
        ("%msg:$:3%", "$"),
        ("%msg:1:99999999999%", "99999999999"),
        ("%msg:::,uppercase%", ""),
        ("%hostname:::date-rfc3339%", "date-rfc3339"),
        ("%:1:2%", ""),
    ] {
        let (found, ..) = refusal(text);
        assert_eq!(found, part, "{text}");
    }
}

#[test]
fn builtins_are_found_by_their_names() {
    for name in Template::builtin_names() {
        assert_eq!(Template::builtin(name).unwrap().name(), name);
    }
    assert!(Template::builtin("RSYSLOG_Nonsense").is_none());
}
