//! The time that a message states.
//!
//! The layouts that occur by far most often are recognised as a whole
//! ([`is_canonical_rfc3164`], [`canonical_rfc3339`]); everything else, and
//! every timestamp that is rendered, is read field by field.

use super::block::within;
use super::cursor::Cursor;
use crate::message::{Message, TimeKind, Timestamp};

/// Length of a timestamp as RFC 3164 section 4.1.2 writes it.
pub const RFC3164_BYTES: usize = 15;

/// Digits of a fraction that a [`Timestamp`] keeps.
const FRACTION_DIGITS_MAX: usize = 6;

/// The time that counts for a message: its own, or where it states none that
/// of its reception.
///
/// As rsyslog does it, RFC 3164 timestamps take the offset from UTC, and the
/// year unless they give one, from the reception, even where that puts a
/// message of 31 December that comes in on 1 January into the future.
pub fn resolve(message: &Message) -> Timestamp {
    let text = message.part(message.header.timestamp);
    let own = match message.header.time {
        TimeKind::Received => None,
        TimeKind::Rfc3164 | TimeKind::Rfc3164Variant => rfc3164(text, message.received),
        TimeKind::Rfc3339 => rfc3339(text),
    };
    own.unwrap_or(*message.received)
}

/// Reads `[yyyy ]Mon dd [yyyy ]hh:mm:ss[.fraction]` from the front of `text`:
/// RFC 3164 section 4.1.2 with what devices make of it. What `text` does not
/// say is taken from `received`.
pub fn rfc3164(text: &[u8], received: &Timestamp) -> Option<Timestamp> {
    let fields = read_rfc3164(&mut Cursor::new(text, 0))?;
    Some(Timestamp {
        year: fields.year.unwrap_or(received.year),
        offset_minutes: received.offset_minutes,
        is_west: received.is_west,
        is_utc: received.is_utc,
        ..fields.rest
    })
}

/// Reads a timestamp of RFC 3339 (RFC 5424 section 6.2.3) from the front of
/// `text`, numbers of any width allowed. Of a fraction the first six digits are
/// kept.
pub fn rfc3339(text: &[u8]) -> Option<Timestamp> {
    read_rfc3339(&mut Cursor::new(text, 0))
}

/// What an RFC 3164 timestamp says.
pub(super) struct Rfc3164Fields {
    year: Option<i16>,
    /// All but the year and the offset.
    rest: Timestamp,
}

/// Moves `cursor` over an RFC 3164 timestamp; where it ends is not checked.
pub(super) fn read_rfc3164(cursor: &mut Cursor) -> Option<Rfc3164Fields> {
    if cursor.left < 3 {
        return None;
    }
    let mut year = None;
    if cursor.peek().is_ascii_digit() {
        let value = cursor.number();
        if !(1970..=2100).contains(&value) || cursor.peek() != b' ' {
            return None;
        }
        cursor.skip_uncounted();
        year = i16::try_from(value).ok();
    }
    let month = read_month(cursor)?;
    cursor.expect(b' ')?;
    if cursor.peek() == b' ' {
        cursor.skip();
    }
    let day = cursor.number_in(1, 31)?;
    cursor.expect(b' ')?;
    let mut hour = cursor.number();
    if year.is_none() && hour > 1970 && hour < 2100 {
        year = i16::try_from(hour).ok();
        cursor.expect(b' ')?;
        hour = cursor.number();
    }
    if hour > 23 {
        return None;
    }
    cursor.expect(b':')?;
    let minute = cursor.number_in(0, 59)?;
    cursor.expect(b':')?;
    let second = cursor.number_in(0, 60)?;
    let (fraction, fraction_digits) = read_fraction(cursor);
    Some(Rfc3164Fields {
        year,
        rest: Timestamp {
            month,
            day,
            hour: hour as u8,
            minute,
            second,
            fraction,
            fraction_digits,
            ..Timestamp::default()
        },
    })
}

/// Moves `cursor` over an RFC 3339 timestamp; where it ends is not checked.
pub(super) fn read_rfc3339(cursor: &mut Cursor) -> Option<Timestamp> {
    let year = cursor.number();
    cursor.expect(b'-')?;
    if year >= 2100 {
        return None;
    }
    let month = cursor.number_in(1, 12)?;
    cursor.expect(b'-')?;
    let day = cursor.number_in(1, 31)?;
    cursor.expect(b'T')?;
    let hour = cursor.number_in(0, 23)?;
    cursor.expect(b':')?;
    let minute = cursor.number_in(0, 59)?;
    cursor.expect(b':')?;
    let second = cursor.number_in(0, 60)?;
    let (fraction, fraction_digits) = read_fraction(cursor);
    let is_utc = cursor.accept(b'Z');
    let is_west = !is_utc && cursor.sees(b'-');
    Some(Timestamp {
        year: year as i16,
        month,
        day,
        hour,
        minute,
        second,
        fraction,
        fraction_digits,
        offset_minutes: if is_utc { 0 } else { read_offset(cursor)? },
        is_west,
        is_utc,
    })
}

/// Minutes east of UTC.
fn read_offset(cursor: &mut Cursor) -> Option<i16> {
    let is_west = cursor.accept(b'-');
    if !is_west {
        cursor.expect(b'+')?;
    }
    let hours = cursor.number_in(0, 23)?;
    cursor.expect(b':')?;
    let minutes = cursor.number_in(0, 59)?;
    let offset = i16::from(hours) * 60 + i16::from(minutes);
    Some(if is_west { -offset } else { offset })
}

/// The fraction of a second and the number of its digits, none without a dot.
fn read_fraction(cursor: &mut Cursor) -> (u32, u8) {
    if !cursor.accept(b'.') {
        return (0, 0);
    }
    let start = cursor.at;
    let mut fraction = cursor.number();
    let mut digits = cursor.at - start;
    while digits > FRACTION_DIGITS_MAX {
        fraction /= 10;
        digits -= 1;
    }
    (fraction, digits as u8)
}

/// Moves over the name of a month, in any case.
fn read_month(cursor: &mut Cursor) -> Option<u8> {
    let mut name = [0; 4];
    for byte in &mut name[..3] {
        *byte = cursor.peek().to_ascii_lowercase();
        cursor.skip();
    }
    month(u32::from_le_bytes(name) & !CASE | CAPITAL)
}

/// The bits by which three letters in a word differ from capitals ...
const CASE: u32 = 0x0020_2020;
/// ... and those that `Mmm` has set.
const CAPITAL: u32 = 0x0020_2000;

/// The month, 1 to 12, of which `word` is the name: first letter lowest,
/// fourth byte NUL.
#[inline(always)]
const fn month(word: u32) -> Option<u8> {
    const fn name(name: [u8; 3]) -> u32 {
        u32::from_le_bytes([name[0], name[1], name[2], 0])
    }
    const JAN: u32 = name(*b"Jan");
    const FEB: u32 = name(*b"Feb");
    const MAR: u32 = name(*b"Mar");
    const APR: u32 = name(*b"Apr");
    const MAY: u32 = name(*b"May");
    const JUN: u32 = name(*b"Jun");
    const JUL: u32 = name(*b"Jul");
    const AUG: u32 = name(*b"Aug");
    const SEP: u32 = name(*b"Sep");
    const OCT: u32 = name(*b"Oct");
    const NOV: u32 = name(*b"Nov");
    const DEC: u32 = name(*b"Dec");
    Some(match word {
        JAN => 1,
        FEB => 2,
        MAR => 3,
        APR => 4,
        MAY => 5,
        JUN => 6,
        JUL => 7,
        AUG => 8,
        SEP => 9,
        OCT => 10,
        NOV => 11,
        DEC => 12,
        _ => return None,
    })
}

/// Whether `text` begins with a timestamp exactly as RFC 3164 section 4.1.2
/// writes it, and a space behind it.
#[inline(always)]
pub(super) fn is_canonical_rfc3164(text: &[u8]) -> bool {
    let Some(text) = text.first_chunk::<{ RFC3164_BYTES + 1 }>() else {
        return false;
    };
    let word = u128::from_le_bytes(*text);
    let byte = |index: usize| (word >> (8 * index)) as u8;
    // With 0x10 added the space that pads a day is a zero.
    let front = (word >> 24) as u64 | 0x1000;
    let back = (word >> 64) as u64;
    let (tens, ones) = (byte(4), byte(5));
    let day = (tens & 15) * 10 + (ones & 15);
    within(front, b" 00 00:0", [0, 3, 9, 0, 2, 9, 0, 5])
        && within(back, b"0:00:00 ", [9, 0, 5, 9, 0, 6, 9, 0])
        && tens != b'0'
        && (1..=31).contains(&day)
        && (byte(7) < b'2' || byte(8) < b'4')
        && (byte(13) < b'6' || byte(14) == b'0')
        && month(word as u32 & 0x00ff_ffff).is_some()
}

/// Length of the timestamp at the front of `text` if it is written as
/// RFC 5424 section 6.2.3 has it (`yyyy-mm-ddThh:mm:ss[.fraction](Z|±hh:mm)`)
/// with a space behind it.
#[inline(always)]
pub(super) fn canonical_rfc3339(text: &[u8]) -> Option<usize> {
    let head = text.first_chunk::<20>()?;
    let word = u128::from_le_bytes(*head.first_chunk()?);
    let byte = |index: usize| (word >> (8 * index)) as u8;
    let month = (byte(5) & 15) * 10 + (byte(6) & 15);
    let day = (byte(8) & 15) * 10 + (byte(9) & 15);
    // Years from 2100 on are no years for rsyslog; those before 2000 are rare.
    let is_good = within(word as u64, b"2000-00-", [0, 0, 9, 9, 0, 1, 9, 0])
        && within((word >> 64) as u64, b"00T00:00", [3, 9, 0, 2, 9, 0, 5, 9])
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (byte(11) < b'2' || byte(12) < b'4')
        && head[16] == b':'
        && (b'0'..=b'5').contains(&head[17])
        && head[18].is_ascii_digit();
    if !is_good {
        return None;
    }
    let mut at = 19;
    if head[19] == b'.' {
        at = 20;
        // More digits than this are left to the reading field by field.
        while at < 20 + 9 && text.get(at)?.is_ascii_digit() {
            at += 1;
        }
    }
    match *text.get(at)? {
        b'Z' => at += 1,
        b'+' | b'-' => {
            let [h, hh, colon, m, mm] = *text.get(at + 1..)?.first_chunk::<5>()?;
            let is_good = (h == b'0' || h == b'1')
                && hh.is_ascii_digit()
                && colon == b':'
                && (b'0'..=b'5').contains(&m)
                && mm.is_ascii_digit();
            if !is_good {
                return None;
            }
            at += 6;
        }
        _ => return None,
    }
    (text.get(at) == Some(&b' ')).then_some(at)
}
