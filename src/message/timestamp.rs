//! The time of a message, as its header states it.

/// A point in time as a syslog header states it: calendar fields, a fraction
/// with the number of digits that were given, and the offset from UTC.
///
/// RFC 3164 gives no year, no fraction and no offset; the parser fills the
/// year and the offset from the time of reception.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timestamp {
    pub year: i16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 60 (a leap second).
    pub second: u8,
    /// Digits of the fraction that were given, 0 to 6.
    pub fraction_digits: u8,
    /// The fraction in units of its last digit: `.003` is 3 with 3 digits.
    pub fraction: u32,
    /// Minutes east of UTC.
    pub offset_minutes: i16,
    /// Whether the offset has a minus sign, which `-00:00` has too.
    pub is_west: bool,
    /// Whether the text said `Z`.
    pub is_utc: bool,
}
