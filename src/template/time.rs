//! Timestamps as text, byte for byte as rsyslog writes them (its
//! `runtime/datetime.c`; rsyslog's documentation, "The Property Replacer",
//! options `date-*`).

use crate::message::Timestamp;
use crate::parse::timestamp::RFC3164_BYTES;

/// Bytes of an RFC 3339 timestamp before the fraction.
pub(super) const RFC3339_HEAD_BYTES: usize = 19;

/// Digits of a fraction that a [`Timestamp`] holds.
const FRACTION_DIGITS_MAX: usize = 6;

const MONTHS: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

const WEEKDAYS: [&[u8; 3]; 7] = [b"Sun", b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat"];

/// How a time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateFormat {
    /// `Oct  1 22:14:15`.
    Rfc3164,
    /// `Oct 01 22:14:15`: the day padded with a zero, as some devices do.
    Rfc3164Buggyday,
    /// `2023-10-01T22:14:15.003-07:00`, with as many digits as were given.
    Rfc3339,
    /// `20231001221415`.
    Mysql,
    /// `2023-10-01 22:14:15`.
    Pgsql,
    /// Seconds since 1970-01-01 UTC; 0 for years before 1970 and after 2100.
    UnixTimestamp,
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    /// The digits of the fraction; `0` without one.
    Subseconds,
    /// 0 (Sunday) to 6.
    Wday,
    /// `Sun` to `Sat`.
    WdayName,
    /// Hours of the offset, two digits.
    TzOffsetHour,
    /// Minutes of the offset beside the hours, two digits.
    TzOffsetMinute,
    /// `+` or `-`; `-` where the text said `Z`.
    TzOffsetDirection,
}

/// The options of the property replacer that choose a format.
pub(super) const DATE_OPTIONS: [(&str, DateFormat); 18] = [
    ("date-rfc3164", DateFormat::Rfc3164),
    ("date-rfc3164-buggyday", DateFormat::Rfc3164Buggyday),
    ("date-rfc3339", DateFormat::Rfc3339),
    ("date-mysql", DateFormat::Mysql),
    ("date-pgsql", DateFormat::Pgsql),
    ("date-unixtimestamp", DateFormat::UnixTimestamp),
    ("date-year", DateFormat::Year),
    ("date-month", DateFormat::Month),
    ("date-day", DateFormat::Day),
    ("date-hour", DateFormat::Hour),
    ("date-minute", DateFormat::Minute),
    ("date-second", DateFormat::Second),
    ("date-subseconds", DateFormat::Subseconds),
    ("date-wday", DateFormat::Wday),
    ("date-wdayname", DateFormat::WdayName),
    ("date-tzoffshour", DateFormat::TzOffsetHour),
    ("date-tzoffsmin", DateFormat::TzOffsetMinute),
    ("date-tzoffsdirection", DateFormat::TzOffsetDirection),
];

/// `time` as RFC 3164 section 4.1.2 writes it: `Oct  1 22:14:15`.
pub fn rfc3164(time: &Timestamp) -> String {
    DateFormat::Rfc3164.text(time)
}

impl DateFormat {
    /// `time` in this format.
    pub fn text(self, time: &Timestamp) -> String {
        let mut out = Vec::new();
        self.append(time, &mut out);
        out.into_iter().map(char::from).collect()
    }

    /// Appends `time` in this format: 1 to 32 bytes of ASCII.
    ///
    /// The bytes go straight to `out` in words: read back from a buffer that
    /// was written byte by byte they would be waited for.
    pub(super) fn append(self, time: &Timestamp, out: &mut Vec<u8>) {
        match self {
            DateFormat::Rfc3164 => append_rfc3164(time, b' ', out),
            DateFormat::Rfc3164Buggyday => append_rfc3164(time, b'0', out),
            DateFormat::Rfc3339 => {
                append_date_and_time(time, b'T', out);
                if time.fraction_digits > 0 {
                    out.push(b'.');
                    append_fraction(time, out);
                }
                append_zone(time, out);
            }
            DateFormat::Mysql => {
                out.extend_from_slice(year(time).as_flattened());
                for value in [time.month, time.day, time.hour, time.minute, time.second] {
                    out.extend_from_slice(&two(value));
                }
            }
            DateFormat::Pgsql => append_date_and_time(time, b' ', out),
            DateFormat::UnixTimestamp => append_decimal(unix_seconds(time), out),
            DateFormat::Year => out.extend_from_slice(year(time).as_flattened()),
            DateFormat::Month => out.extend_from_slice(&two(time.month)),
            DateFormat::Day => out.extend_from_slice(&two(time.day)),
            DateFormat::Hour => out.extend_from_slice(&two(time.hour)),
            DateFormat::Minute => out.extend_from_slice(&two(time.minute)),
            DateFormat::Second => out.extend_from_slice(&two(time.second)),
            DateFormat::Subseconds if time.fraction_digits == 0 => out.push(b'0'),
            DateFormat::Subseconds => append_fraction(time, out),
            DateFormat::Wday => out.push(b'0' + weekday(time) as u8),
            DateFormat::WdayName => out.extend_from_slice(WEEKDAYS[weekday(time)]),
            DateFormat::TzOffsetHour => out.extend_from_slice(&offset(time)[0]),
            DateFormat::TzOffsetMinute => out.extend_from_slice(&offset(time)[1]),
            DateFormat::TzOffsetDirection => {
                let is_east = !time.is_west && !time.is_utc;
                out.push(if is_east { b'+' } else { b'-' });
            }
        }
    }
}

/// Appends in the format of RFC 3339 the time that `text` states in that of
/// RFC 3164 section 4.1.2; year and offset are those of its reception.
pub(super) fn append_rfc3164_as_rfc3339(
    text: &[u8; RFC3164_BYTES],
    received: &Timestamp,
    out: &mut Vec<u8>,
) {
    let [m, mm, mmm, _, d, dd, _, h, hh, _, n, nn, _, s, ss] = *text;
    let month = MONTHS.iter().position(|month| **month == [m, mm, mmm]);
    let month = month.map_or(1, |index| index as u8 + 1);
    let [[y, yy], [yyy, yyyy]] = year(received);
    let [t, tt] = two(month);
    let d = if d == b' ' { b'0' } else { d };
    out.extend_from_slice(&[y, yy, yyy, yyyy, b'-', t, tt, b'-']);
    out.extend_from_slice(&[d, dd, b'T', h, hh, b':', n, nn]);
    out.extend_from_slice(&[b':', s, ss]);
    append_zone(received, out);
}

/// Appends in the format of RFC 3164 section 4.1.2 the time of which `text` is
/// the beginning in the format of RFC 3339 ([`rfc3339_head`]).
pub(super) fn append_rfc3339_as_rfc3164(text: &[u8; RFC3339_HEAD_BYTES], out: &mut Vec<u8>) {
    let [.., t, tt, _, d, dd, _, h, hh, _, n, nn, _, s, ss] = *text;
    let [m, mm, mmm] = *month_name((t & 15) * 10 + (tt & 15));
    let d = if d == b'0' { b' ' } else { d };
    out.extend_from_slice(&[m, mm, mmm, b' ', d, dd, b' ', h]);
    out.extend_from_slice(&[hh, b':', n, nn, b':', s, ss]);
}

fn append_rfc3164(time: &Timestamp, pad: u8, out: &mut Vec<u8>) {
    let [m, mm, mmm] = *month_name(time.month);
    let [mut d, dd] = two(time.day);
    if d == b'0' {
        d = pad;
    }
    let [[h, hh], [n, nn], [s, ss]] = [time.hour, time.minute, time.second].map(two);
    out.extend_from_slice(&[m, mm, mmm, b' ', d, dd, b' ', h]);
    out.extend_from_slice(&[hh, b':', n, nn, b':', s, ss]);
}

/// `yyyy-mm-dd hh:mm:ss` with this byte in the middle.
fn append_date_and_time(time: &Timestamp, between: u8, out: &mut Vec<u8>) {
    let [[y, yy], [yyy, yyyy]] = year(time);
    let [[m, mm], [d, dd]] = [time.month, time.day].map(two);
    let [[h, hh], [n, nn], [s, ss]] = [time.hour, time.minute, time.second].map(two);
    out.extend_from_slice(&[y, yy, yyy, yyyy, b'-', m, mm, b'-']);
    out.extend_from_slice(&[d, dd, between, h, hh, b':', n, nn]);
    out.extend_from_slice(&[b':', s, ss]);
}

/// `Z`, or `+hh:mm`.
fn append_zone(time: &Timestamp, out: &mut Vec<u8>) {
    if time.is_utc {
        return out.push(b'Z');
    }
    let sign = if time.is_west { b'-' } else { b'+' };
    let [[h, hh], [m, mm]] = offset(time);
    out.extend_from_slice(&[sign, h, hh, b':', m, mm]);
}

/// The digits of the fraction, padded with zeros to those that were given.
fn append_fraction(time: &Timestamp, out: &mut Vec<u8>) {
    let len = usize::from(time.fraction_digits).min(FRACTION_DIGITS_MAX);
    let mut digits = [b'0'; FRACTION_DIGITS_MAX];
    let mut left = time.fraction;
    for digit in digits[..len].iter_mut().rev() {
        *digit = b'0' + (left % 10) as u8;
        left /= 10;
    }
    out.extend_from_slice(&digits[..len]);
}

fn append_decimal(mut value: u32, out: &mut Vec<u8>) {
    let mut digits = [0; 10];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

fn month_name(month: u8) -> &'static [u8; 3] {
    MONTHS[usize::from(month.wrapping_sub(1) % 12)]
}

/// The last two digits of `value`.
fn two(value: u8) -> [u8; 2] {
    [b'0' + value / 10 % 10, b'0' + value % 10]
}

/// The last four digits of the year.
fn year(time: &Timestamp) -> [[u8; 2]; 2] {
    let year = time.year.unsigned_abs() % 10_000;
    [two((year / 100) as u8), two((year % 100) as u8)]
}

/// Hours and minutes of the offset, without its direction.
fn offset(time: &Timestamp) -> [[u8; 2]; 2] {
    let minutes = time.offset_minutes.unsigned_abs();
    [two((minutes / 60) as u8), two((minutes % 60) as u8)]
}

/// Seconds since 1970-01-01 UTC. A day beyond its month counts on into the
/// next, and a time before 1970 wraps around, as in rsyslog.
fn unix_seconds(time: &Timestamp) -> u32 {
    if !(1970..=2100).contains(&time.year) {
        return 0;
    }
    let seconds = days(time) * 86_400
        + i64::from(time.hour) * 3600
        + i64::from(time.minute) * 60
        + i64::from(time.second)
        - i64::from(time.offset_minutes) * 60;
    seconds as u32
}

/// 0 (Sunday) to 6.
fn weekday(time: &Timestamp) -> usize {
    // 1970-01-01 was a Thursday.
    (days(time) + 4).rem_euclid(7) as usize
}

/// Days since 1970-01-01 of the Gregorian calendar.
fn days(time: &Timestamp) -> i64 {
    let (month, day) = (i64::from(time.month), i64::from(time.day));
    // Years are counted from March, so that the leap day is the last.
    let year = i64::from(time.year) - i64::from(month <= 2);
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + day_of_year - 719_468
}

/// Date and time of `text`, which is known to be a timestamp of RFC 3339, if
/// they are written with all their digits.
#[inline]
pub(super) fn rfc3339_head(text: &[u8]) -> Option<&[u8; RFC3339_HEAD_BYTES]> {
    const FIRST: [u8; RFC3339_HEAD_BYTES] = *b"0000-00-00T00:00:00";
    const LAST: [u8; RFC3339_HEAD_BYTES] = *b"9999-99-99T99:99:99";
    let head = text.first_chunk::<RFC3339_HEAD_BYTES>()?;
    let mut is_good = true;
    // All bytes whatever the first ones are, so that it can be done at once.
    for at in 0..RFC3339_HEAD_BYTES {
        is_good &= head[at].wrapping_sub(FIRST[at]) <= LAST[at] - FIRST[at];
    }
    is_good.then_some(head)
}

/// Whether `text`, which is known to be a timestamp of RFC 3339, is written
/// with the widths that rsyslog writes, so that it may be copied.
#[inline]
pub(super) fn is_written_as_rfc3339(text: &[u8]) -> bool {
    if rfc3339_head(text).is_none() {
        return false;
    }
    let zone = &text[RFC3339_HEAD_BYTES..];
    let zone = match zone {
        [b'.', rest @ ..] => {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if !(1..=6).contains(&digits) {
                return false;
            }
            &rest[digits..]
        }
        zone => zone,
    };
    matches!(zone, [b'Z'] | [b'+' | b'-', _, _, b':', _, _])
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: Timestamp = Timestamp {
        year: 2023,
        month: 8,
        day: 4,
        hour: 5,
        minute: 14,
        second: 15,
        fraction_digits: 6,
        fraction: 3,
        offset_minutes: -450,
        is_west: true,
        is_utc: false,
    };

    fn text(format: DateFormat, time: &Timestamp) -> String {
        format.text(time)
    }

    #[test]
    fn every_format() {
        let expected = [
            "Aug  4 05:14:15",
            "Aug 04 05:14:15",
            "2023-08-04T05:14:15.000003-07:30",
            "20230804051415",
            "2023-08-04 05:14:15",
            "1691153055",
            "2023",
            "08",
            "04",
            "05",
            "14",
            "15",
            "000003",
            "5",
            "Fri",
            "07",
            "30",
            "-",
        ];
        for ((name, format), expected) in DATE_OPTIONS.iter().zip(expected) {
            assert_eq!(text(*format, &TIME), expected, "{name}");
        }
    }

    #[test]
    fn utc_and_missing_fraction() {
        let time = Timestamp {
            is_utc: true,
            offset_minutes: 0,
            is_west: false,
            fraction_digits: 0,
            fraction: 0,
            ..TIME
        };
        assert_eq!(text(DateFormat::Rfc3339, &time), "2023-08-04T05:14:15Z");
        assert_eq!(text(DateFormat::Subseconds, &time), "0");
        assert_eq!(text(DateFormat::TzOffsetDirection, &time), "-");
        let time = Timestamp {
            is_utc: false,
            ..time
        };
        assert_eq!(
            text(DateFormat::Rfc3339, &time),
            "2023-08-04T05:14:15+00:00"
        );
    }

    /// From rsyslog, by `%timereported:::date-unixtimestamp%` and `date-wday`.
    #[test]
    fn unix_time_as_rsyslog_counts_it() {
        let at = |year, month, day, hour, minute, second, offset_minutes| {
            let time = Timestamp {
                year,
                month,
                day,
                hour,
                minute,
                second,
                offset_minutes,
                ..TIME
            };
            (unix_seconds(&time), weekday(&time))
        };
        assert_eq!(at(2026, 10, 1, 2, 4, 5, 0), (1_790_820_245, 4));
        assert_eq!(at(2023, 8, 24, 5, 14, 15, -420), (1_692_879_255, 4));
        assert_eq!(at(2023, 8, 24, 5, 14, 15, 330), (1_692_834_255, 4));
        assert_eq!(at(2026, 11, 21, 5, 31, 29, 0), (1_795_239_089, 6));
        assert_eq!(at(2026, 1, 1, 0, 0, 0, 0), (1_767_225_600, 4));
        assert_eq!(at(1969, 12, 31, 0, 0, 0, 0).0, 0);
        assert_eq!(at(1970, 1, 1, 0, 0, 0, 0), (0, 4));
    }

    #[test]
    fn any_timestamp_has_a_text() {
        let time = Timestamp {
            year: i16::MIN,
            month: 255,
            day: 255,
            hour: 255,
            minute: 255,
            second: 255,
            fraction_digits: 255,
            fraction: u32::MAX,
            offset_minutes: i16::MIN,
            is_west: true,
            is_utc: false,
        };
        for (_, format) in DATE_OPTIONS {
            for time in [&time, &Timestamp::default()] {
                assert!(!format.text(time).is_empty());
            }
        }
    }

    #[test]
    fn what_may_be_copied() {
        for text in [
            "2023-08-24T05:14:15Z",
            "2023-08-24T05:14:15.3Z",
            "2023-08-24T05:14:15.000003-07:00",
            "2023-08-24T05:14:15+00:00",
        ] {
            assert!(is_written_as_rfc3339(text.as_bytes()), "{text}");
        }
        for text in [
            "2023-8-24T05:14:15Z",
            "23-08-24T05:14:15Z",
            "2023-08-24T5:14:15Z",
            "2023-08-24T05:4:15+00:00",
            "2023-08-24T05:14:5.3Z",
            "2023-08-24T05:14:15.Z",
            "2023-08-24T05:14:15.0000003Z",
            "2023-08-24T05:14:15+0:00",
            "2023-08-24T05:14:15+00:0",
            "2023-08-24T05:14:15",
            "2023-08-24T5::1+:30Z",
            "",
        ] {
            assert!(!is_written_as_rfc3339(text.as_bytes()), "{text}");
        }
    }
}
