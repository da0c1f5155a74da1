//! Timestamps as text, byte for byte as rsyslog writes them (its
//! `runtime/datetime.c`; rsyslog's documentation, "The Property Replacer",
//! options `date-*`).

use std::fmt;

use crate::message::Timestamp;

/// Longest text: RFC 3339 with six digits of fraction and an offset.
const BYTES_MAX: usize = 32;

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

/// A time as text: ASCII, 1 to 32 bytes, no allocation.
#[derive(Clone, Copy, Debug)]
pub struct TimeText {
    bytes: [u8; BYTES_MAX],
    len: usize,
}

/// `time` as RFC 3164 section 4.1.2 writes it: `Oct  1 22:14:15`.
pub fn rfc3164(time: &Timestamp) -> TimeText {
    DateFormat::Rfc3164.text(time)
}

/// `time` as RFC 3339 writes it, with the digits of its fraction.
pub fn rfc3339(time: &Timestamp) -> TimeText {
    DateFormat::Rfc3339.text(time)
}

impl DateFormat {
    /// `time` in this format.
    pub fn text(self, time: &Timestamp) -> TimeText {
        let mut text = TimeText {
            bytes: [0; BYTES_MAX],
            len: 0,
        };
        let offset = time.offset_minutes.unsigned_abs();
        match self {
            DateFormat::Rfc3164 => text.rfc3164(time, b' '),
            DateFormat::Rfc3164Buggyday => text.rfc3164(time, b'0'),
            DateFormat::Rfc3339 => text.rfc3339(time),
            DateFormat::Mysql => text.fields(time, [b""; 5]),
            DateFormat::Pgsql => text.fields(time, [b"-", b"-", b" ", b":", b":"]),
            DateFormat::UnixTimestamp => text.decimal(unix_seconds(time)),
            DateFormat::Year => text.four(time.year),
            DateFormat::Month => text.two(time.month),
            DateFormat::Day => text.two(time.day),
            DateFormat::Hour => text.two(time.hour),
            DateFormat::Minute => text.two(time.minute),
            DateFormat::Second => text.two(time.second),
            DateFormat::Subseconds if time.fraction_digits == 0 => text.push(b"0"),
            DateFormat::Subseconds => text.fraction(time),
            DateFormat::Wday => text.push(&[b'0' + weekday(time) as u8]),
            DateFormat::WdayName => text.push(WEEKDAYS[weekday(time)]),
            DateFormat::TzOffsetHour => text.two((offset / 60) as u8),
            DateFormat::TzOffsetMinute => text.two((offset % 60) as u8),
            DateFormat::TzOffsetDirection => {
                let is_east = time.offset_minutes >= 0 && !time.is_utc;
                text.push(if is_east { b"+" } else { b"-" });
            }
        }
        text
    }
}

impl TimeText {
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    fn two(&mut self, value: u8) {
        self.push(&[b'0' + value / 10 % 10, b'0' + value % 10]);
    }

    fn four(&mut self, value: i16) {
        let value = value.unsigned_abs();
        self.two((value / 100 % 100) as u8);
        self.two((value % 100) as u8);
    }

    fn decimal(&mut self, mut value: u32) {
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
        self.push(&digits[start..]);
    }

    /// The fraction, padded with zeros to the digits that were given.
    fn fraction(&mut self, time: &Timestamp) {
        for digit in (0..u32::from(time.fraction_digits.min(6))).rev() {
            self.push(&[b'0' + (time.fraction / 10u32.pow(digit) % 10) as u8]);
        }
    }

    fn rfc3164(&mut self, time: &Timestamp, pad: u8) {
        let [tens, ones] = [time.day / 10 % 10, time.day % 10];
        self.push(MONTHS[usize::from(time.month.wrapping_sub(1) % 12)]);
        self.push(&[b' ', if tens == 0 { pad } else { b'0' + tens }]);
        self.push(&[b'0' + ones, b' ']);
        self.two(time.hour);
        self.push(b":");
        self.two(time.minute);
        self.push(b":");
        self.two(time.second);
    }

    fn rfc3339(&mut self, time: &Timestamp) {
        self.fields(time, [b"-", b"-", b"T", b":", b":"]);
        if time.fraction_digits > 0 {
            self.push(b".");
            self.fraction(time);
        }
        if time.is_utc {
            return self.push(b"Z");
        }
        let offset = time.offset_minutes.unsigned_abs();
        self.push(if time.offset_minutes < 0 { b"-" } else { b"+" });
        self.two((offset / 60) as u8);
        self.push(b":");
        self.two((offset % 60) as u8);
    }

    /// Year to second, with these bytes between them.
    fn fields(&mut self, time: &Timestamp, between: [&[u8]; 5]) {
        self.four(time.year);
        let rest = [time.month, time.day, time.hour, time.minute, time.second];
        for (between, value) in between.into_iter().zip(rest) {
            self.push(between);
            self.two(value);
        }
    }
}

impl fmt::Display for TimeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: &str = std::str::from_utf8(self.as_bytes()).unwrap_or_default();
        f.pad(text)
    }
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

/// Whether `text`, which is known to be a timestamp of RFC 3339, is written
/// with the widths that rsyslog writes, so that it may be copied.
#[inline]
pub(super) fn is_written_as_rfc3339(text: &[u8]) -> bool {
    let Some((head, zone)) = text.split_first_chunk::<19>() else {
        return false;
    };
    let separators = [head[4], head[7], head[10], head[13], head[16]];
    // The last digit tells `:5.` from `:05.`.
    if separators != *b"--T::" || !head[18].is_ascii_digit() {
        return false;
    }
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
        is_utc: false,
    };

    fn text(format: DateFormat, time: &Timestamp) -> String {
        format.text(time).to_string()
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
            is_utc: false,
        };
        for (_, format) in DATE_OPTIONS {
            for time in [&time, &Timestamp::default()] {
                assert!(!format.text(time).as_bytes().is_empty());
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
            "",
        ] {
            assert!(!is_written_as_rfc3339(text.as_bytes()), "{text}");
        }
    }
}
