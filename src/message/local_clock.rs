//! The time of reception in the local calendar.

use jiff::tz::TimeZone;

use super::Timestamp;

/// Turns the calendar into local timestamps; computes the calendar anew once a
/// minute only.
pub struct LocalClock {
    zone: TimeZone,
    /// Start of the minute that `minute` describes, in seconds since 1970.
    minute_start: i64,
    minute: Timestamp,
}

impl LocalClock {
    /// A clock in the machine's time zone (`TZ`, /etc/localtime), or UTC.
    pub fn system() -> LocalClock {
        LocalClock::new(TimeZone::system())
    }

    /// A clock in the given time zone.
    pub fn new(zone: TimeZone) -> LocalClock {
        LocalClock {
            zone,
            minute_start: i64::MIN,
            minute: Timestamp::default(),
        }
    }

    /// The local time of `unix_nanos`, with six digits of fraction.
    pub fn timestamp(&mut self, unix_nanos: i64) -> Timestamp {
        let seconds = unix_nanos.div_euclid(1_000_000_000);
        let micros = unix_nanos.rem_euclid(1_000_000_000) / 1000;
        let start = seconds - seconds.rem_euclid(60);
        if start != self.minute_start {
            self.minute = self.minute_at(start);
            self.minute_start = start;
        }
        Timestamp {
            // A zone's offset may hold seconds (before 1972); they carry over.
            second: self.minute.second + (seconds - start) as u8,
            fraction: micros as u32,
            fraction_digits: 6,
            ..self.minute
        }
    }

    fn minute_at(&self, start: i64) -> Timestamp {
        let Ok(instant) = jiff::Timestamp::from_second(start) else {
            return Timestamp::default();
        };
        let local = instant.to_zoned(self.zone.clone());
        Timestamp {
            year: local.year(),
            month: local.month() as u8,
            day: local.day() as u8,
            hour: local.hour() as u8,
            minute: local.minute() as u8,
            second: 0,
            fraction_digits: 0,
            fraction: 0,
            offset_minutes: (local.offset().seconds() / 60) as i16,
            is_west: local.offset().seconds() < 0,
            is_utc: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_time_follows_the_zone_and_its_changes() {
        let mut clock = LocalClock::new(TimeZone::get("Europe/Paris").unwrap());
        // 2026-03-29 00:59:59.5 UTC is the last second of winter time.
        let winter = clock.timestamp(1_774_745_999_500_000_000);
        assert_eq!(
            (
                winter.hour,
                winter.minute,
                winter.second,
                winter.offset_minutes
            ),
            (1, 59, 59, 60)
        );
        assert_eq!((winter.fraction, winter.fraction_digits), (500_000, 6));
        let summer = clock.timestamp(1_774_746_000_000_000_000);
        assert_eq!(
            (
                summer.hour,
                summer.minute,
                summer.second,
                summer.offset_minutes
            ),
            (3, 0, 0, 120)
        );
    }
}
