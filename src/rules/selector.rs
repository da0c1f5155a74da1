//! Selectors: `facility.priority` (syslog.conf(5); rsyslog's documentation,
//! "Filter Conditions", "Selectors").
//!
//! ```text
//! list       = selector *( (";" / ",") selector )
//! selector   = facility *( "," facility ) "." priority
//! priority   = ["!"] ["="] name
//! ```
//!
//! Selectors are applied from left to right to a set of facility and severity
//! pairs that is empty at first, as rsyslog's `DecodePRIFilter` does. A name
//! alone means this severity and all more important ones; `=` only this one;
//! `!` takes away instead of adding; `*` is all severities; `none` takes all
//! away, so that `!none` adds them.

use std::ops::Range;

use crate::base::nearest::nearest;
use crate::message::{Facility, Priority, Severity};

/// A set of facility and severity pairs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// Bit n of the mask at f: severity n of facility f. Beyond the facilities
    /// there are as many as five bits can number, so that no index is checked.
    masks: [u8; MASKS],
}

const MASKS: usize = 32;

/// Why a selector was not understood. Displayed as the message, with the
/// suggestion behind it where there is one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}{}", suggestion(self.nearest))]
pub struct SelectorError {
    /// The offending bytes of the text that was given.
    pub range: Range<usize>,
    /// What is wrong with them.
    pub message: String,
    /// For an unknown name, the known one nearest to it.
    pub nearest: Option<&'static str>,
}

/// Facilities that rsyslog's selectors know by other names than those it prints.
const FACILITY_ALIASES: [(&str, u8); 3] = [("security", 4), ("bsd_security", 13), ("console", 14)];

/// The facility of rsyslog's own marks, which no received message has.
const MARK: &str = "mark";

/// Old names of severities, all of which [`Severity::from_name`] knows.
const SEVERITY_ALIASES: [&str; 3] = ["error", "panic", "warn"];

impl Selector {
    /// The selector of every message: `*.*`.
    pub const ALL: Selector = {
        let mut masks = [0; MASKS];
        let mut facility = 0;
        while facility < Facility::COUNT {
            masks[facility] = 0xff;
            facility += 1;
        }
        Selector { masks }
    };

    /// Understands a list of selectors, without the space behind it.
    ///
    /// What rsyslog accepts means what it means to rsyslog. Refused beyond
    /// rsyslog are: numbers of severities above 7; numbers of facilities that
    /// could be taken for another (rsyslog reads the facility's place in PRI,
    /// so that `16` is `mail`, not `local0`); `=*`; and what follows a `*`.
    ///
    /// # Errors
    /// An unknown name, or something missing.
    pub fn parse(text: &str) -> Result<Selector, SelectorError> {
        let mut selector = Selector::default();
        if let Some(at) = text.find(|c: char| c.is_ascii_whitespace()) {
            return Err(error(at..at + 1, "a selector has no space in it"));
        }
        let mut start = 0;
        while start < text.len() || start == 0 {
            let Some(dot) = text[start..].find('.').map(|len| start + len) else {
                let message = "this has no priority: facility.priority is expected";
                return Err(error(start..text.len(), message));
            };
            let is_end = |c| c == ',' || c == ';';
            let end = text[dot + 1..]
                .find(is_end)
                .map_or(text.len(), |len| dot + 1 + len);
            let change = Change::parse(text, dot + 1..end)?;
            selector.apply(text, start..dot, change)?;
            let rest = text[end..].trim_start_matches(is_end);
            start = text.len() - rest.len();
        }
        Ok(selector)
    }

    /// Whether it selects messages of this priority.
    #[inline]
    pub fn matches(&self, priority: Priority) -> bool {
        let value = priority.value();
        self.masks[usize::from(value >> 3)] >> (value & 7) & 1 == 1
    }

    /// Whether it selects every message.
    pub fn matches_all(&self) -> bool {
        *self == Selector::ALL
    }

    /// Whether it selects no message.
    pub fn matches_none(&self) -> bool {
        *self == Selector::default()
    }

    /// Applies a change to all facilities of the comma-separated list.
    fn apply(
        &mut self,
        text: &str,
        list: Range<usize>,
        change: Change,
    ) -> Result<(), SelectorError> {
        let mut start = list.start;
        for name in text[list.clone()].split(',') {
            let range = start..start + name.len();
            start = range.end + 1;
            match name {
                "*" => {
                    let facilities = &mut self.masks[..Facility::COUNT];
                    facilities.iter_mut().for_each(|mask| change.apply(mask));
                }
                _ if name.eq_ignore_ascii_case(MARK) => {}
                _ => change.apply(&mut self.masks[usize::from(facility(name, range)?.value())]),
            }
        }
        Ok(())
    }
}

/// What a priority does to a facility's mask.
#[derive(Clone, Copy, Debug)]
enum Change {
    Add(u8),
    Remove(u8),
}

impl Change {
    fn parse(text: &str, range: Range<usize>) -> Result<Change, SelectorError> {
        let mut name = &text[range.clone()];
        let is_negated = name.starts_with('!');
        name = name.strip_prefix('!').unwrap_or(name);
        let is_single = name.starts_with('=');
        name = name.strip_prefix('=').unwrap_or(name);
        let here = range.end - name.len()..range.end;
        if name.eq_ignore_ascii_case("none") {
            return Ok(if is_negated {
                Change::Add(0xff)
            } else {
                Change::Remove(0xff)
            });
        }
        let mask = match name {
            "*" if is_single => return Err(error(range, "=* selects nothing")),
            "*" => 0xff,
            _ => {
                let severity = severity(name, here)?;
                let upto = 0xff >> (7 - severity.value());
                if is_single { upto & !(upto >> 1) } else { upto }
            }
        };
        Ok(if is_negated {
            Change::Remove(mask)
        } else {
            Change::Add(mask)
        })
    }

    fn apply(self, mask: &mut u8) {
        match self {
            Change::Add(bits) => *mask |= bits,
            Change::Remove(bits) => *mask &= !bits,
        }
    }
}

fn severity(name: &str, range: Range<usize>) -> Result<Severity, SelectorError> {
    if name.is_empty() {
        return Err(error(range, "a priority is missing here"));
    }
    if is_number(name) {
        let number = name.parse().ok().and_then(Severity::new);
        return number.ok_or_else(|| error(range, "severities are 0 (emerg) to 7 (debug)"));
    }
    Severity::from_name(name).ok_or_else(|| {
        let others = ["none"].into_iter().chain(SEVERITY_ALIASES);
        let known = Severity::names().iter().copied().chain(others);
        SelectorError {
            nearest: nearest(name, known),
            ..error(range, &format!("unknown priority {name}"))
        }
    })
}

fn facility(name: &str, range: Range<usize>) -> Result<Facility, SelectorError> {
    if name.is_empty() {
        return Err(error(range, "a facility is missing here"));
    }
    if is_number(name) {
        return numbered_facility(name, range);
    }
    let alias = FACILITY_ALIASES
        .iter()
        .find(|(alias, _)| alias.eq_ignore_ascii_case(name));
    if let Some(&(_, number)) = alias {
        return Facility::new(number).ok_or_else(|| error(range, "no such facility"));
    }
    Facility::from_name(name).ok_or_else(|| {
        let aliases = FACILITY_ALIASES.iter().map(|(alias, _)| *alias);
        let known = Facility::names().iter().copied().chain(aliases);
        SelectorError {
            nearest: nearest(name, known.chain([MARK])),
            ..error(range, &format!("unknown facility {name}"))
        }
    })
}

/// A facility by its place in PRI, as rsyslog counts: 128 is `local0`.
fn numbered_facility(name: &str, range: Range<usize>) -> Result<Facility, SelectorError> {
    let number: u8 = name.parse().unwrap_or(u8::MAX);
    let known = Facility::new(number / 8).filter(|_| number.is_multiple_of(8));
    let Some(facility) = known else {
        let message = "a facility's number is a multiple of 8, 0 to 184; write its name";
        return Err(error(range, message));
    };
    match Facility::new(number) {
        // 8 and 16 are numbers of facilities in RFC 5424 as well.
        Some(other) if other != facility => {
            let message = format!(
                "{number} is {} to rsyslog and {} in RFC 5424; write the name",
                facility.name(),
                other.name()
            );
            Err(error(range, &message))
        }
        _ => Ok(facility),
    }
}

fn is_number(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_digit())
}

fn error(range: Range<usize>, message: &str) -> SelectorError {
    SelectorError {
        range,
        message: message.to_owned(),
        nearest: None,
    }
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!("; did you mean {name}?"))
}
