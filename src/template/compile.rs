//! The syntax of string templates.

use std::ops::Range;

use super::edit::{Case, Edit, TO_END};
use super::error::TemplateError;
use super::property::{NOT_BUILT, PROPERTIES, Property};
use super::time::{DATE_OPTIONS, DateFormat};
use super::{LineDate, Part};
use crate::base::nearest::nearest;

/// What follows `%timestamp%` in ` %hostname% %syslogtag%`.
const HEADER_BEHIND_TIME: [Part; 4] = [
    Part::Byte(b' '),
    Part::Property(Property::Hostname),
    Part::Byte(b' '),
    Part::Property(Property::SyslogTag),
];

/// `%msg:::drop-last-lf%`.
pub(super) const MSG_WITHOUT_LF: Part = Part::Edited(
    Property::Msg,
    Edit {
        drop_last_lf: true,
        ..Edit::NONE
    },
);

/// `%msg:::sp-if-no-1st-sp%`.
const SPACE_OF_MSG: Part = Part::Edited(
    Property::Msg,
    Edit {
        space_unless_first: true,
        ..Edit::NONE
    },
);

/// What a backslash is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Backslash {
    /// The beginning of an escape, as in `$template`.
    Escapes,
    /// A backslash.
    Literal,
}

/// Sets what an option asks for.
type Set = fn(&mut Edit);

/// Options that are no date formats, and what they set.
const EDIT_OPTIONS: [(&str, Set); 9] = [
    ("lowercase", |edit| edit.case = Case::Lower),
    ("uppercase", |edit| edit.case = Case::Upper),
    ("sp-if-no-1st-sp", |edit| edit.space_unless_first = true),
    ("drop-cc", |edit| edit.drop_controls = true),
    ("space-cc", |edit| edit.space_controls = true),
    ("escape-cc", |edit| edit.escape_controls = true),
    ("secpath-drop", |edit| edit.drop_slashes = true),
    ("secpath-replace", |edit| edit.replace_slashes = true),
    ("drop-last-lf", |edit| edit.drop_last_lf = true),
];

/// Options of rsyslog that are not built.
const OPTIONS_NOT_BUILT: [&str; 14] = [
    "compressspace",
    "csv",
    "date-iso-week",
    "date-iso-week-year",
    "date-ordinal",
    "date-utc",
    "date-week",
    "fixed-width",
    "json",
    "jsonf",
    "jsonfr",
    "jsonr",
    "mandatory-field",
    "pos-end-relative",
];

/// Digits of a position that are read: more than any message has bytes.
const POSITION_DIGITS_MAX: usize = 9;

/// Where in `parts` a [`Part::Line`] can take their place.
pub(super) fn line(parts: &[Part]) -> Option<(LineDate, Range<usize>)> {
    let is_header = |parts: &[Part]| parts == HEADER_BEHIND_TIME;
    let behind_time = parts
        .windows(HEADER_BEHIND_TIME.len())
        .position(is_header)?;
    let start = behind_time.checked_sub(1)?;
    let date = match parts[start] {
        Part::Property(Property::TimeReported(DateFormat::Rfc3164)) => LineDate::Rfc3164,
        Part::Property(Property::TimeReported(DateFormat::Rfc3339)) => LineDate::Rfc3339,
        _ => return None,
    };
    let space = behind_time + HEADER_BEHIND_TIME.len();
    let is_space = |part: &Part| *part == Part::SpaceBeforeMsg || *part == SPACE_OF_MSG;
    let msg = space + usize::from(parts.get(space).is_some_and(is_space));
    let is_msg = |part: &Part| *part == Part::Property(Property::Msg) || *part == MSG_WITHOUT_LF;
    parts
        .get(msg)
        .is_some_and(is_msg)
        .then_some((date, start..msg + 1))
}

/// The parts of a template's text.
pub(super) fn parts(text: &str, backslash: Backslash) -> Result<Vec<Part>, TemplateError> {
    let mut parts = Vec::new();
    let mut literal = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'%' if bytes.get(at + 1) == Some(&b'%') => {
                literal.push(b'%');
                at += 2;
            }
            b'%' => {
                let Some(len) = text[at + 1..].find('%') else {
                    let message = "this property has no % at its end (%% is a percent sign)";
                    return Err(TemplateError::new(at..text.len(), message));
                };
                let end = at + 1 + len;
                finish_literal(&mut literal, &mut parts);
                parts.push(property(text, at + 1..end)?);
                at = end + 1;
            }
            b'\\' if backslash == Backslash::Escapes => {
                let (byte, end) = escape(text, at)?;
                literal.push(byte);
                at = end;
            }
            _ => {
                literal.push(byte);
                at += 1;
            }
        }
    }
    finish_literal(&mut literal, &mut parts);
    Ok(parts)
}

fn finish_literal(literal: &mut Vec<u8>, parts: &mut Vec<Part>) {
    match literal[..] {
        [] => {}
        [byte] => parts.push(Part::Byte(byte)),
        _ => parts.push(Part::Literal(literal.as_slice().into())),
    }
    literal.clear();
}

/// The byte that the escape at `start` stands for, and where it ends.
fn escape(text: &str, start: usize) -> Result<(u8, usize), TemplateError> {
    let bytes = text.as_bytes();
    let Some(&byte) = bytes.get(start + 1) else {
        let message = "nothing follows this backslash";
        return Err(TemplateError::new(start..start + 1, message));
    };
    let byte = match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b'0'..=b'9' => {
            let digits = &text[start + 1..];
            let len = digits.bytes().take_while(u8::is_ascii_digit).count();
            let end = start + 1 + len;
            return match text[start + 1..end].parse() {
                Ok(byte) => Ok((byte, end)),
                Err(_) => {
                    let message = "this is not the decimal number of a byte, 0 to 255";
                    Err(TemplateError::new(start..end, message))
                }
            };
        }
        byte => byte,
    };
    Ok((byte, start + 2))
}

/// The property between two percent signs: `name[:from[:to[:options]]]`.
fn property(text: &str, range: Range<usize>) -> Result<Part, TemplateError> {
    let mut fields = fields(text, range, b':');
    let name = fields.next().unwrap_or(0..0);
    let mut property = match named(&text[name.clone()], &name)? {
        Named::Property(property) => property,
        Named::Literal(bytes) => {
            return match fields.next() {
                None => Ok(Part::Literal(bytes.into())),
                Some(rest) => {
                    let message = "positions and options of this are not built yet";
                    Err(TemplateError::new(rest, message))
                }
            };
        }
    };
    let mut edit = Edit::NONE;
    if let Some(range) = fields.next() {
        edit.from = from(text, range)?;
    }
    if let Some(range) = fields.next() {
        edit.to = match &text[range.clone()] {
            "$" => TO_END,
            _ => position(text, range)?,
        };
    }
    // As rsyslog: a lone first position is a last one, too.
    if edit.to < edit.from {
        (edit.from, edit.to) = (edit.to, edit.from);
    }
    if let Some(range) = fields.next()
        && !range.is_empty()
    {
        options(text, range, &mut property, &mut edit)?;
    }
    if let Some(range) = fields.next() {
        let message = "the name of a JSON field (behind the options) is not built yet";
        return Err(TemplateError::new(range, message));
    }
    Ok(if edit == Edit::NONE {
        Part::Property(property)
    } else {
        Part::Edited(property, edit)
    })
}

/// What a name between percent signs stands for.
enum Named {
    Property(Property),
    /// The same bytes for every message.
    Literal(&'static [u8]),
}

fn named(name: &str, range: &Range<usize>) -> Result<Named, TemplateError> {
    let is = |known: &str| known.eq_ignore_ascii_case(name);
    if let Some((_, property)) = PROPERTIES.iter().find(|(known, _)| is(known)) {
        return Ok(Named::Property(*property));
    }
    if is("$bom") {
        return Ok(Named::Literal(b"\xef\xbb\xbf"));
    }
    let error = |message| TemplateError::new(range.clone(), message);
    if name.is_empty() {
        return Err(error("a property has no name".to_owned()));
    }
    if name.starts_with('$') || NOT_BUILT.iter().any(|known| is(known)) {
        return Err(error(format!("the property {name} is not built yet")));
    }
    Err(TemplateError {
        nearest: nearest(name, PROPERTIES.iter().map(|(known, _)| *known)),
        ..error(format!("unknown property {name}"))
    })
}

/// The first position, where fields and regular expressions are asked for, too.
fn from(text: &str, range: Range<usize>) -> Result<u32, TemplateError> {
    let what = match text.as_bytes()[range.clone()].first() {
        Some(b'F') => "fields (F)",
        Some(b'R') => "regular expressions (R)",
        _ => return position(text, range),
    };
    let message = format!("{what} in a template are not built yet");
    Err(TemplateError::new(range, message))
}

/// A position in bytes, counted from 1; 0 where none is given.
fn position(text: &str, range: Range<usize>) -> Result<u32, TemplateError> {
    let digits = &text[range.clone()];
    if digits.is_empty() {
        return Ok(0);
    }
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    match digits.parse() {
        Ok(position) if is_number && digits.len() <= POSITION_DIGITS_MAX => Ok(position),
        _ => {
            let message = format!("{digits} is not a position: bytes are counted from 1");
            Err(TemplateError::new(range, message))
        }
    }
}

/// Options, separated by commas.
fn options(
    text: &str,
    range: Range<usize>,
    property: &mut Property,
    edit: &mut Edit,
) -> Result<(), TemplateError> {
    for range in fields(text, range, b',') {
        let name = &text[range.clone()];
        let is = |known: &str| known.eq_ignore_ascii_case(name);
        if let Some((_, set)) = EDIT_OPTIONS.iter().find(|(known, _)| is(known)) {
            set(edit);
        } else if let Some((_, format)) = DATE_OPTIONS.iter().find(|(known, _)| is(known)) {
            *property = dated(*property, *format, name, &range)?;
        } else if OPTIONS_NOT_BUILT.iter().any(|known| is(known)) {
            let message = format!("the option {name} is not built yet");
            return Err(TemplateError::new(range, message));
        } else {
            return Err(unknown_option(name, range));
        }
    }
    Ok(())
}

fn dated(
    property: Property,
    format: DateFormat,
    name: &str,
    range: &Range<usize>,
) -> Result<Property, TemplateError> {
    property.with_date_format(format).ok_or_else(|| {
        let message = format!("{name} has no effect here: this property is not a time");
        TemplateError::new(range.clone(), message)
    })
}

fn unknown_option(name: &str, range: Range<usize>) -> TemplateError {
    let edits = EDIT_OPTIONS.iter().map(|(known, _)| *known);
    let dates = DATE_OPTIONS.iter().map(|(known, _)| *known);
    let message = if name.is_empty() {
        "an option has no name".to_owned()
    } else {
        format!("unknown option {name}")
    };
    TemplateError {
        nearest: nearest(name, edits.chain(dates)),
        ..TemplateError::new(range, message)
    }
}

/// The ranges between separators, one at least.
fn fields(text: &str, range: Range<usize>, separator: u8) -> impl Iterator<Item = Range<usize>> {
    let mut start = range.start;
    text.as_bytes()[range]
        .split(move |&byte| byte == separator)
        .map(move |field| {
            let field = start..start + field.len();
            start = field.end + 1;
            field
        })
}
