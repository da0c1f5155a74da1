//! Keepalive of a listener: what is asked for, what is in force, and what to
//! tell the operator about it.

use std::fmt::Write;
use std::io;
use std::time::Duration;

use socket2::{Socket, TcpKeepalive};

use crate::base::{Liveness, liveness};

/// Largest `keepAlive.time` and `.interval` that the kernel takes, in seconds
/// (MAX_TCP_KEEPIDLE, MAX_TCP_KEEPINTVL of the kernel's `net/tcp.h`).
pub const SECONDS_MAX: u32 = 32_767;

/// Largest `keepAlive.probes` that the kernel takes (MAX_TCP_KEEPCNT).
pub const PROBES_MAX: u32 = 127;

/// The idle time after which common firewalls forget a flow, FortiGate's
/// session-ttl by default.
const FIREWALL_IDLE: Duration = Duration::from_secs(3600);

const ON: &str = "keepAlive";
const TIME: &str = "keepAlive.time";
const INTERVAL: &str = "keepAlive.interval";
const PROBES: &str = "keepAlive.probes";
const USER_TIMEOUT: &str = "tcp_user_timeout";

/// `keepAlive…` and `tcp_user_timeout` of a listener. What is `None` was not
/// set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeepAliveOptions {
    /// `keepAlive`; on if not set.
    pub is_on: Option<bool>,
    /// `keepAlive.time`: seconds; the kernel's `tcp_keepalive_time` if not set.
    pub time_s: Option<u32>,
    /// `keepAlive.interval`: seconds; the kernel's `tcp_keepalive_intvl` if not
    /// set.
    pub interval_s: Option<u32>,
    /// `keepAlive.probes`; the kernel's `tcp_keepalive_probes` if not set.
    pub probes: Option<u32>,
    /// `tcp_user_timeout`, in milliseconds; none if not set.
    pub user_timeout: Option<Duration>,
    /// Which of [`KeepAliveOptions::PARAMETERS`] the configuration sets, and
    /// where: file and line.
    pub places: Vec<(&'static str, String)>,
}

impl KeepAliveOptions {
    /// The names of all parameters.
    pub const PARAMETERS: [&str; 5] = [ON, TIME, INTERVAL, PROBES, USER_TIMEOUT];

    /// Sets the options on a listening socket, whose connections inherit them,
    /// and returns what the kernel made of them.
    ///
    /// # Errors
    /// Those of setsockopt(2); EINVAL where the kernel took another value than
    /// the one asked for.
    pub(super) fn apply(&self, socket: &Socket) -> io::Result<Liveness> {
        let mut parameters = TcpKeepalive::new();
        if let Some(time) = self.time_s {
            parameters = parameters.with_time(Duration::from_secs(time.into()));
        }
        if let Some(interval) = self.interval_s {
            parameters = parameters.with_interval(Duration::from_secs(interval.into()));
        }
        if let Some(probes) = self.probes {
            parameters = parameters.with_retries(probes);
        }
        // This switches SO_KEEPALIVE on, whatever is set.
        socket.set_tcp_keepalive(&parameters)?;
        socket.set_keepalive(self.is_on())?;
        socket.set_tcp_user_timeout(self.user_timeout)?;
        let found = liveness::of(socket)?;
        match self.differs(&found) {
            None => Ok(found),
            Some(what) => Err(io::Error::new(io::ErrorKind::InvalidInput, what)),
        }
    }

    /// What of `found` is not as asked for.
    pub(super) fn differs(&self, found: &Liveness) -> Option<String> {
        let seconds = |time: Option<u32>| time.map(|time| Duration::from_secs(time.into()));
        if found.keep_alive != self.is_on() {
            let (asked, found) = (on_off(self.is_on()), on_off(found.keep_alive));
            return Some(format!("{ON} is {found}, not {asked}"));
        }
        for (name, asked, found) in [
            (TIME, seconds(self.time_s), found.time),
            (INTERVAL, seconds(self.interval_s), found.interval),
        ] {
            if let Some(asked) = asked.filter(|asked| *asked != found) {
                let (asked, found) = (asked.as_secs(), found.as_secs());
                return Some(format!("{name} is {found}, not {asked}"));
            }
        }
        if let Some(asked) = self.probes.filter(|asked| *asked != found.probes) {
            return Some(format!("{PROBES} is {}, not {asked}", found.probes));
        }
        (found.user_timeout != self.user_timeout).then(|| {
            format!(
                "{USER_TIMEOUT} is {}, not {}",
                millis(found.user_timeout),
                millis(self.user_timeout)
            )
        })
    }

    /// What is in force, with where each value comes from: file and line where
    /// the configuration sets it.
    pub fn describe(&self, found: &Liveness) -> String {
        let from = |name: &str, is_set: bool, other: &'static str| {
            let mut places = self.places.iter();
            // 0 is written and sets nothing.
            let place = places.find(|(set, _)| is_set && *set == name);
            place.map_or(other, |(_, place)| place.as_str())
        };
        let mut text = format!(
            "keepalive {} ({})",
            on_off(found.keep_alive),
            from(ON, self.is_on.is_some(), "default")
        );
        if found.keep_alive {
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                ", time {} s ({}), interval {} s ({}), probes {} ({})",
                found.time.as_secs(),
                from(TIME, self.time_s.is_some(), "kernel"),
                found.interval.as_secs(),
                from(INTERVAL, self.interval_s.is_some(), "kernel"),
                found.probes,
                from(PROBES, self.probes.is_some(), "kernel")
            );
        }
        if found.user_timeout.is_some() {
            let _ = write!(
                text,
                ", user timeout {} ms ({})",
                millis(found.user_timeout),
                from(USER_TIMEOUT, self.user_timeout.is_some(), "kernel")
            );
        }
        text
    }

    /// What an operator has to know: an idle connection may be forgotten on its
    /// way before the first probe.
    pub fn warning(found: &Liveness) -> Option<String> {
        let advice = "common firewalls forget an idle connection after 3600 s without a word, \
                      and it stays half-open here; set keepAlive=\"on\" keepAlive.time=\"300\"";
        if !found.keep_alive {
            return Some(format!("keepalive is off: {advice}"));
        }
        (found.time >= FIREWALL_IDLE).then(|| {
            format!(
                "the first keepalive probe comes after {} s of silence: {advice}",
                found.time.as_secs()
            )
        })
    }

    fn is_on(&self) -> bool {
        // On, unlike rsyslog: half-open connections pile up without it.
        self.is_on.unwrap_or(true)
    }
}

fn on_off(is_on: bool) -> &'static str {
    if is_on { "on" } else { "off" }
}

fn millis(time: Option<Duration>) -> u128 {
    time.map_or(0, |time| time.as_millis())
}

#[cfg(test)]
mod tests {
    use super::*;
    use socket2::{Domain, Type};

    fn socket() -> Socket {
        Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket")
    }

    #[test]
    fn what_is_set_is_in_force_and_the_rest_is_the_kernels() {
        let kernel = liveness::of(&socket()).expect("its options");
        let options = KeepAliveOptions {
            time_s: Some(7),
            probes: Some(3),
            user_timeout: Some(Duration::from_millis(12_345)),
            places: vec![
                (TIME, "a.conf:3".to_owned()),
                (INTERVAL, "a.conf:4".to_owned()),
                (PROBES, "b.conf:5".to_owned()),
                (USER_TIMEOUT, "a.conf:6".to_owned()),
            ],
            ..KeepAliveOptions::default()
        };
        let found = options.apply(&socket()).expect("valid options");
        let expected = Liveness {
            keep_alive: true,
            time: Duration::from_secs(7),
            interval: kernel.interval,
            probes: 3,
            user_timeout: Some(Duration::from_millis(12_345)),
        };
        assert_eq!(found, expected);
        assert_eq!(
            options.describe(&found),
            format!(
                "keepalive on (default), time 7 s (a.conf:3), interval {} s (kernel), \
                 probes 3 (b.conf:5), user timeout 12345 ms (a.conf:6)",
                kernel.interval.as_secs()
            )
        );
    }

    #[test]
    fn it_is_off_only_where_that_is_said() {
        let mut options = KeepAliveOptions {
            is_on: Some(false),
            time_s: Some(5),
            ..KeepAliveOptions::default()
        };
        let found = options.apply(&socket()).expect("valid options");
        assert!(!found.keep_alive, "the other parameters switched it on");
        assert!(KeepAliveOptions::warning(&found).is_some());
        options.is_on = None;
        let found = options.apply(&socket()).expect("valid options");
        assert!(found.keep_alive);
        assert_eq!(KeepAliveOptions::warning(&found), None);
    }

    #[test]
    fn an_idle_time_beyond_a_firewalls_is_warned_of() {
        for (time, is_warned) in [(3599, false), (3600, true), (7200, true)] {
            let found = Liveness {
                keep_alive: true,
                time: Duration::from_secs(time),
                ..Liveness::default()
            };
            assert_eq!(KeepAliveOptions::warning(&found).is_some(), is_warned);
        }
    }

    #[test]
    fn the_kernel_takes_the_largest_values_and_no_larger_ones() {
        let with = |time, interval, probes| KeepAliveOptions {
            time_s: Some(time),
            interval_s: Some(interval),
            probes: Some(probes),
            ..KeepAliveOptions::default()
        };
        assert!(
            with(SECONDS_MAX, SECONDS_MAX, PROBES_MAX)
                .apply(&socket())
                .is_ok()
        );
        assert!(with(SECONDS_MAX + 1, 1, 1).apply(&socket()).is_err());
        assert!(with(1, SECONDS_MAX + 1, 1).apply(&socket()).is_err());
        assert!(with(1, 1, PROBES_MAX + 1).apply(&socket()).is_err());
    }

    #[test]
    fn any_other_value_than_the_one_asked_for_is_noticed() {
        let options = KeepAliveOptions {
            time_s: Some(7),
            interval_s: Some(8),
            probes: Some(9),
            ..KeepAliveOptions::default()
        };
        let asked = options.apply(&socket()).expect("valid options");
        assert_eq!(options.differs(&asked), None);
        let second = Duration::from_secs(1);
        for (found, name) in [
            (
                Liveness {
                    keep_alive: false,
                    ..asked
                },
                "keepAlive is",
            ),
            (
                Liveness {
                    time: second,
                    ..asked
                },
                "keepAlive.time",
            ),
            (
                Liveness {
                    interval: second,
                    ..asked
                },
                "keepAlive.interval",
            ),
            (Liveness { probes: 1, ..asked }, "keepAlive.probes"),
            (
                Liveness {
                    user_timeout: Some(second),
                    ..asked
                },
                "tcp_user_timeout",
            ),
        ] {
            let told = options.differs(&found).expect("a difference");
            assert!(told.starts_with(name), "{told}");
        }
    }
}
