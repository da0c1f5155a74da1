//! Positions and options of a property (rsyslog's documentation, "The Property
//! Replacer"), in the order in which rsyslog applies them.

use std::ops::Range;

/// What is done to a property's value. The fields stand in the order of
/// application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edit {
    /// First and last byte, counted from 1; 0 where not given, at most `TO_END`.
    pub(super) from: u32,
    pub(super) to: u32,
    /// `sp-if-no-1st-sp`: a space, or nothing, takes the value's place.
    pub(super) space_unless_first: bool,
    pub(super) case: Case,
    pub(super) drop_controls: bool,
    pub(super) space_controls: bool,
    pub(super) escape_controls: bool,
    pub(super) drop_slashes: bool,
    pub(super) replace_slashes: bool,
    pub(super) drop_last_lf: bool,
}

/// `lowercase`, `uppercase`: of ASCII letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    Keep,
    Lower,
    Upper,
}

/// The last position that `$` stands for.
pub(super) const TO_END: u32 = u32::MAX;

/// Bytes of an escaped control character: `#` and three decimal digits.
const ESCAPE_BYTES: usize = 4;

impl Edit {
    /// What changes nothing.
    pub(super) const NONE: Edit = Edit {
        from: 0,
        to: 0,
        space_unless_first: false,
        case: Case::Keep,
        drop_controls: false,
        space_controls: false,
        escape_controls: false,
        drop_slashes: false,
        replace_slashes: false,
        drop_last_lf: false,
    };

    /// Whether the result is a part of the value, or a single space.
    #[inline]
    pub(super) fn only_cuts(&self) -> bool {
        self.case == Case::Keep && !self.edits_controls() && !self.edits_slashes()
    }

    /// The result, where [`only_cuts`](Edit::only_cuts).
    #[inline]
    pub(super) fn cut<'a>(&self, value: &'a [u8]) -> &'a [u8] {
        let mut value = &value[self.positions(value.len())];
        if self.space_unless_first {
            value = match value {
                [] | [b' ', ..] => b"",
                _ => b" ",
            };
        }
        match value {
            [rest @ .., b'\n'] if self.drop_last_lf => rest,
            _ => value,
        }
    }

    /// Edits the value at `out[base..]` in place.
    pub(super) fn apply(&self, out: &mut Vec<u8>, base: usize) {
        let kept = self.positions(out.len() - base);
        out.truncate(base + kept.end);
        out.drain(base..base + kept.start);
        if self.space_unless_first && out.len() > base {
            let has_space = out[base] == b' ';
            out.truncate(base);
            if !has_space {
                out.push(b' ');
            }
        }
        match self.case {
            Case::Keep => {}
            Case::Lower => out[base..].make_ascii_lowercase(),
            Case::Upper => out[base..].make_ascii_uppercase(),
        }
        if self.drop_controls {
            drop_all(out, base, |byte| byte.is_ascii_control());
        } else if self.space_controls {
            replace_all(&mut out[base..], |byte| byte.is_ascii_control(), b' ');
        } else if self.escape_controls {
            escape_controls(out, base);
        }
        if self.drop_slashes {
            drop_all(out, base, |byte| byte == b'/');
        } else if self.replace_slashes {
            replace_all(&mut out[base..], |byte| byte == b'/', b'_');
        }
        if self.edits_slashes() {
            // Not even so may a value name a directory, or nothing.
            match &out[base..] {
                [] => out.push(b'_'),
                [b'.'] | [b'.', b'.'] => out[base] = b'_',
                _ => {}
            }
        }
        if self.drop_last_lf && !self.escape_controls && out[base..].ends_with(b"\n") {
            out.pop();
        }
    }

    fn edits_controls(&self) -> bool {
        self.drop_controls || self.space_controls || self.escape_controls
    }

    fn edits_slashes(&self) -> bool {
        self.drop_slashes || self.replace_slashes
    }

    /// The bytes that the positions leave of a value of `len` bytes.
    #[inline]
    fn positions(&self, len: usize) -> Range<usize> {
        if self.from == 0 && self.to == 0 {
            return 0..len;
        }
        let start = (self.from.max(1) as usize - 1).min(len);
        start..(self.to.max(1) as usize).clamp(start, len)
    }
}

/// Removes all such bytes from `out[base..]`.
fn drop_all(out: &mut Vec<u8>, base: usize, goes: impl Fn(u8) -> bool) {
    let mut end = base;
    for at in base..out.len() {
        if !goes(out[at]) {
            out[end] = out[at];
            end += 1;
        }
    }
    out.truncate(end);
}

fn replace_all(value: &mut [u8], goes: impl Fn(u8) -> bool, with: u8) {
    for byte in value.iter_mut().filter(|byte| goes(**byte)) {
        *byte = with;
    }
}

/// Writes each control character of `out[base..]` as `#` and its number.
fn escape_controls(out: &mut Vec<u8>, base: usize) {
    let is_control = |byte: &&u8| byte.is_ascii_control();
    let controls = out[base..].iter().filter(is_control).count();
    let mut from = out.len();
    let mut to = from + controls * (ESCAPE_BYTES - 1);
    out.resize(to, 0);
    // From the back, so that nothing is overwritten before it was moved.
    while from < to {
        from -= 1;
        let byte = out[from];
        if byte.is_ascii_control() {
            to -= ESCAPE_BYTES;
            let digits = [byte / 100, byte / 10 % 10, byte % 10].map(|digit| b'0' + digit);
            out[to] = b'#';
            out[to + 1..to + ESCAPE_BYTES].copy_from_slice(&digits);
        } else {
            to -= 1;
            out[to] = byte;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(edit: Edit, value: &[u8]) -> String {
        let mut out = b"before:".to_vec();
        let base = out.len();
        out.extend_from_slice(value);
        edit.apply(&mut out, base);
        assert!(out.starts_with(b"before:"));
        if edit.only_cuts() {
            assert_eq!(edit.cut(value), &out[base..]);
        }
        String::from_utf8_lossy(&out[base..]).into_owned()
    }

    /// From rsyslog, by `%msg:from:to%`.
    #[test]
    fn positions_count_from_one() {
        let cut = |from, to, value: &str| {
            let edit = Edit {
                from,
                to,
                ..Edit::NONE
            };
            edited(edit, value.as_bytes())
        };
        assert_eq!(cut(1, 3, " hello"), " he");
        assert_eq!(cut(2, 4, " hello"), "hel");
        assert_eq!(cut(0, 3, " hello"), " he");
        assert_eq!(cut(0, 1, "hi"), "h");
        assert_eq!(cut(3, TO_END, " hello"), "ello");
        assert_eq!(cut(0, 0, " hello"), " hello");
        assert_eq!(cut(2, 4, "hi"), "i");
        assert_eq!(cut(50, 60, " hello"), "");
        assert_eq!(cut(3, TO_END, ""), "");
        assert_eq!(cut(1, 32, "app[12]:"), "app[12]:");
    }

    /// From rsyslog, with `$EscapeControlCharactersOnReceive` not touching
    /// DEL.
    #[test]
    fn control_characters() {
        let escape = Edit {
            escape_controls: true,
            ..Edit::NONE
        };
        assert_eq!(edited(escape, b" a\x01b\x7f\n"), " a#001b#127#010");
        assert_eq!(edited(escape, b"\t\t"), "#009#009");
        assert_eq!(edited(escape, b"plain"), "plain");
        let space = Edit {
            space_controls: true,
            ..escape
        };
        assert_eq!(edited(space, b"a\x01b\x7f"), "a b ");
        let drop = Edit {
            drop_controls: true,
            ..space
        };
        assert_eq!(edited(drop, b"\x01a\x01b\x7f"), "ab");
    }

    /// From rsyslog, but for `a//b` (`a_/b` there).
    #[test]
    fn paths_are_made_safe() {
        let replace = Edit {
            replace_slashes: true,
            ..Edit::NONE
        };
        let drop = Edit {
            drop_slashes: true,
            ..replace
        };
        for (value, replaced, dropped) in [
            ("..", "_.", "_."),
            (".", "_", "_"),
            ("a//b", "a__b", "ab"),
            ("/..", "_..", "_."),
            ("", "_", "_"),
            ("...", "...", "..."),
        ] {
            assert_eq!(edited(replace, value.as_bytes()), replaced);
            assert_eq!(edited(drop, value.as_bytes()), dropped);
        }
    }

    #[test]
    fn the_last_line_feed() {
        let drop = Edit {
            drop_last_lf: true,
            ..Edit::NONE
        };
        assert_eq!(edited(drop, b"a\n\n"), "a\n");
        assert_eq!(edited(drop, b"\n"), "");
        assert_eq!(edited(drop, b"a"), "a");
    }

    #[test]
    fn a_space_unless_there_is_one() {
        let space = Edit {
            space_unless_first: true,
            ..Edit::NONE
        };
        assert_eq!(edited(space, b" hi"), "");
        assert_eq!(edited(space, b"hi"), " ");
        assert_eq!(edited(space, b""), "");
    }

    #[test]
    fn case_is_of_ascii() {
        let upper = Edit {
            case: Case::Upper,
            ..Edit::NONE
        };
        assert_eq!(edited(upper, "aß1".as_bytes()), "Aß1");
        let lower = Edit {
            case: Case::Lower,
            ..upper
        };
        assert_eq!(edited(lower, b"ABc"), "abc");
    }
}
