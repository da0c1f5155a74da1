//! PRI: facility and severity (RFC 5424 section 6.2.1, tables 1 and 2).

/// A PRI value, 0 to 191: facility * 8 + severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Priority(u8);

/// A facility, 0 (`kern`) to 23 (`local7`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Facility(u8);

/// A severity, 0 (`emerg`, most important) to 7 (`debug`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Severity(u8);

/// Names of the facilities by number, as rsyslog prints them.
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp", "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4",
    "local5", "local6", "local7",
];

/// Names of the severities by number, as rsyslog prints them.
const SEVERITIES: [&str; 8] = [
    "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug",
];

impl Priority {
    /// What a message without a usable PRI gets: user.notice (RFC 3164
    /// section 4.3.3).
    pub const DEFAULT: Priority = Priority(13);
    /// Number of values.
    pub const COUNT: usize = 192;

    /// `value` as a priority, if it is below 192.
    #[inline]
    pub const fn new(value: u8) -> Option<Priority> {
        if value < 192 {
            Some(Priority(value))
        } else {
            None
        }
    }

    pub const fn of(facility: Facility, severity: Severity) -> Priority {
        Priority(facility.0 * 8 + severity.0)
    }

    #[inline]
    pub const fn value(self) -> u8 {
        self.0
    }

    #[inline]
    pub const fn facility(self) -> Facility {
        Facility(self.0 >> 3)
    }

    #[inline]
    pub const fn severity(self) -> Severity {
        Severity(self.0 & 7)
    }
}

impl Default for Priority {
    fn default() -> Self {
        Priority::DEFAULT
    }
}

impl Facility {
    pub const COUNT: usize = 24;
    pub const SYSLOG: Facility = Facility(5);

    pub const fn new(value: u8) -> Option<Facility> {
        if value < 24 {
            Some(Facility(value))
        } else {
            None
        }
    }

    pub const fn value(self) -> u8 {
        self.0
    }

    pub fn name(self) -> &'static str {
        FACILITIES[self.0 as usize]
    }

    /// The facility of this name, in any case. `security` is `auth`.
    pub fn from_name(name: &str) -> Option<Facility> {
        if name.eq_ignore_ascii_case("security") {
            return Some(Facility(4));
        }
        position(&FACILITIES, name).map(Facility)
    }

    /// All names, for suggestions in diagnostics.
    pub fn names() -> &'static [&'static str] {
        &FACILITIES
    }
}

impl Severity {
    pub const ERROR: Severity = Severity(3);
    pub const WARNING: Severity = Severity(4);
    pub const NOTICE: Severity = Severity(5);
    pub const INFO: Severity = Severity(6);

    pub const fn new(value: u8) -> Option<Severity> {
        if value < 8 {
            Some(Severity(value))
        } else {
            None
        }
    }

    pub const fn value(self) -> u8 {
        self.0
    }

    pub fn name(self) -> &'static str {
        SEVERITIES[self.0 as usize]
    }

    /// The severity of this name, in any case. `panic`, `error` and `warn` are
    /// the old names of `emerg`, `err` and `warning`.
    pub fn from_name(name: &str) -> Option<Severity> {
        let name = match name.to_ascii_lowercase().as_str() {
            "panic" => "emerg".to_owned(),
            "error" => "err".to_owned(),
            "warn" => "warning".to_owned(),
            other => other.to_owned(),
        };
        position(&SEVERITIES, &name).map(Severity)
    }

    /// All names, for suggestions in diagnostics.
    pub fn names() -> &'static [&'static str] {
        &SEVERITIES
    }
}

fn position(names: &[&str], name: &str) -> Option<u8> {
    let index = names
        .iter()
        .position(|known| known.eq_ignore_ascii_case(name))?;
    u8::try_from(index).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_make_the_whole() {
        for value in 0..192u8 {
            let priority = Priority::new(value).unwrap();
            assert_eq!(
                Priority::of(priority.facility(), priority.severity()),
                priority
            );
        }
        assert_eq!(Priority::new(192), None);
    }

    #[test]
    fn names_are_found_in_any_case() {
        assert_eq!(Facility::from_name("LOCAL7").map(Facility::value), Some(23));
        assert_eq!(Severity::from_name("Warn").map(Severity::value), Some(4));
        assert_eq!(Severity::from_name("nonsense"), None);
    }
}
