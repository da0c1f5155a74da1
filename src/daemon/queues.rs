//! The queues, as they are shown, and what an operator does to them.

use serde::{Deserialize, Serialize};

use super::assemble::Daemon;
use super::rates::{Look, Rate};
use super::statistics::QueueStatistics;
use super::workers::Served;
use crate::base::clock::SystemClock;
use crate::base::nearest::nearest;
use crate::base::{Clock, Instant};
use crate::message::{LocalClock, Report, Severity, Timestamp};
use crate::queue::{QueueKind, Window};
use crate::template::time::DateFormat;

/// Minutes within which a window opens: one that the clock's change leaves out
/// opens on the day after.
const WINDOW_SEARCH_MINUTES: i64 = 50 * 60;

const MINUTE_NANOS: i64 = 60_000_000_000;

/// From when on a message has waited for longer than it takes to be woken.
const OLD_SECONDS: f64 = 1.0;

/// What a queue is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QueueState {
    /// Nothing feeds it any more: the daemon stops.
    Stopping,
    /// An operator holds its workers off.
    Paused,
    /// Its `queue.dequeueTimeBegin` has not come.
    WaitingForWindow,
    /// An action that its workers drive is suspended.
    Suspended,
    /// Messages wait for a second or more, or are not committed, and none was
    /// handed over within ten seconds, for none of the reasons above.
    Stalled,
    /// Messages came or went within ten seconds.
    Flowing,
    /// It has nothing, and nothing came within ten seconds.
    Idle,
    /// A producer was refused since there was ample room.
    PushingBack,
    /// What is not more important than `queue.discardSeverity` is discarded.
    Discarding,
}

/// A queue at one moment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct QueueStatus {
    #[serde(flatten)]
    pub account: QueueStatistics,
    /// What its workers do; then what its producers meet, if anything special.
    pub state: Vec<QueueState>,
    /// When its window opens (RFC 3339, local time), if it waits for that.
    pub window_opens: Option<String>,
    /// The actions that are suspended.
    pub suspended_actions: Vec<String>,
    /// Messages; none where `queue.type="Direct"`.
    pub light_delay_mark: Option<u64>,
    pub full_delay_mark: Option<u64>,
    /// None where no severity is set.
    pub discard_mark: Option<u64>,
    pub discard_severity: Option<String>,
    /// Time since the oldest message that waits was received.
    pub oldest_seconds: Option<f64>,
    /// Messages that came per second, discarded ones included; of the last ten
    /// seconds, as all that follows.
    pub enqueued_per_second: f64,
    /// Messages that were handed over per second.
    pub handed_over_per_second: f64,
    /// Time until it is empty, if it gets emptier.
    pub seconds_to_drain: Option<f64>,
    /// Time until it has no room, if it gets fuller.
    pub seconds_to_full: Option<f64>,
    /// Workers that run.
    pub workers: u64,
    /// `queue.workerThreads`.
    pub workers_max: u64,
}

/// What decides about the state of a queue.
#[derive(Clone, Copy, Debug, Default)]
struct Signs {
    is_closed: bool,
    is_paused: bool,
    waits_for_window: bool,
    has_suspended_action: bool,
    /// Messages wait, or were handed over and are not committed.
    has_any: bool,
    /// They do so for longer than a worker that is free needs to take them.
    has_old: bool,
    rate: Rate,
    is_full: bool,
    is_discarding: bool,
}

impl QueueState {
    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            QueueState::Stopping => "stopping",
            QueueState::Paused => "paused",
            QueueState::WaitingForWindow => "waiting for its window",
            QueueState::Suspended => "suspended",
            QueueState::Stalled => "stalled",
            QueueState::Flowing => "flowing",
            QueueState::Idle => "idle",
            QueueState::PushingBack => "pushing back",
            QueueState::Discarding => "discarding",
        }
    }

    fn of(signs: &Signs) -> Vec<QueueState> {
        let workers = if signs.is_closed {
            QueueState::Stopping
        } else if signs.is_paused {
            QueueState::Paused
        } else if signs.waits_for_window {
            QueueState::WaitingForWindow
        } else if signs.has_suspended_action {
            QueueState::Suspended
        } else if signs.has_old && signs.rate.handed_over == 0.0 {
            QueueState::Stalled
        } else if signs.has_any || signs.rate.is_moving() {
            QueueState::Flowing
        } else {
            QueueState::Idle
        };
        let producers = [
            (signs.is_discarding, QueueState::Discarding),
            (signs.is_full, QueueState::PushingBack),
        ];
        let producers = producers.into_iter().filter(|(is_so, _)| *is_so);
        let producers = producers.map(|(_, state)| state);
        [workers].into_iter().chain(producers).collect()
    }
}

impl QueueStatus {
    /// All queues of a running daemon, the main queue first.
    pub fn of(daemon: &Daemon) -> Vec<QueueStatus> {
        let mut calendar = LocalClock::system();
        let mut all = Vec::new();
        for (index, served) in daemon.queues.iter().enumerate() {
            let look = Look::at(served.queue());
            let rate = daemon.rates.of(index, &look);
            all.push(status(served, &look, rate, &mut calendar));
        }
        for (status, name) in all.iter_mut().zip(names(daemon)) {
            status.account.name = name;
        }
        all
    }
}

fn status(served: &Served, look: &Look, rate: Rate, calendar: &mut LocalClock) -> QueueStatus {
    let queue = served.queue();
    let options = queue.options();
    let unix_nanos = SystemClock.unix_nanos();
    let opens = options
        .window
        .and_then(|window| opens(window, unix_nanos, calendar));
    let actions = served.parts.actions.iter();
    let suspended = actions.filter(|(_, parts)| parts.counters.is_suspended.get() > 0);
    let suspended_actions: Vec<String> = suspended
        .map(|(_, parts)| parts.options.name.clone())
        .collect();
    let account = QueueStatistics::of(queue);
    let oldest_seconds = queue.oldest().map(seconds_since);
    let signs = Signs {
        is_closed: queue.is_closed(),
        is_paused: queue.is_paused(),
        waits_for_window: opens.is_some(),
        has_suspended_action: !suspended_actions.is_empty(),
        has_any: look.held > 0 || account.in_hand > 0,
        has_old: oldest_seconds.is_some_and(|age| age >= OLD_SECONDS) || account.in_hand > 0,
        rate,
        is_full: queue.is_full(),
        is_discarding: queue.is_discarding(),
    };
    // Direct: one batch is there or not; no mark is ever reached.
    let has_marks = options.kind != QueueKind::Direct;
    let discard_severity = options.discard_severity.filter(|_| has_marks);
    let mark = |mark: usize| has_marks.then_some(mark as u64);
    let messages_free = account.size.saturating_sub(look.held);
    let bytes_free = account.memory_bytes_max.saturating_sub(look.held_bytes);
    QueueStatus {
        state: QueueState::of(&signs),
        window_opens: opens.map(|time| DateFormat::Rfc3339.text(&time)),
        suspended_actions,
        light_delay_mark: mark(options.light_delay_mark()),
        full_delay_mark: mark(options.full_delay_mark()),
        discard_mark: discard_severity.and_then(|_| mark(options.discard_mark())),
        discard_severity: discard_severity.map(|severity| severity.name().to_owned()),
        oldest_seconds,
        enqueued_per_second: rounded(rate.enqueued),
        handed_over_per_second: rounded(rate.handed_over),
        seconds_to_drain: rate.seconds_to_drain(look.held).map(rounded),
        seconds_to_full: rate.seconds_to_full(messages_free, bytes_free).map(rounded),
        workers: queue.consumers().running() as u64,
        workers_max: options.worker_threads as u64,
        account,
    }
}

fn seconds_since(earlier: Instant) -> f64 {
    rounded(SystemClock.now().since(earlier).as_secs_f64())
}

/// To three decimals: more is no information.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// When a window that is not open now opens; none if it is.
fn opens(window: Window, unix_nanos: i64, calendar: &mut LocalClock) -> Option<Timestamp> {
    if window.contains(calendar.timestamp(unix_nanos).hour) {
        return None;
    }
    // The workers look again at each full minute.
    let minute = unix_nanos.div_euclid(MINUTE_NANOS);
    let mut times = (1..WINDOW_SEARCH_MINUTES)
        .map(|minutes| calendar.timestamp((minute + minutes) * MINUTE_NANOS));
    let time = times.find(|time| window.contains(time.hour))?;
    Some(Timestamp {
        fraction_digits: 0,
        ..time
    })
}

/// A name for each of the queues: a ruleset and an action may be called alike.
fn names(daemon: &Daemon) -> Vec<String> {
    let names = daemon.queues.iter().map(|served| served.queue().name());
    distinct(names)
}

/// The names, and those that were there before with a number: `NAME#2`.
pub fn distinct<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for name in names {
        let numbers = (2..).map(|number| format!("{name}#{number}"));
        let mut candidates = [name.to_owned()].into_iter().chain(numbers);
        // There is one that is free: they are as many as numbers.
        all.extend(candidates.find(|candidate| !all.contains(candidate)));
    }
    all
}

/// What an operator does to a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Its workers take no more from it.
    Pause,
    /// They go on.
    Resume,
    /// The waiting messages of this severity or less important are discarded; all,
    /// if none is given.
    Purge(Option<Severity>),
}

/// Does it, and reports it as a message of the daemon's own. Returns what was done.
///
/// # Errors
/// There is no queue of this name; a near one is suggested.
pub fn obey(daemon: &Daemon, name: &str, order: Order) -> Result<String, String> {
    let names = names(daemon);
    let Some(index) = names.iter().position(|known| known == name) else {
        let near = nearest(name, names.iter().map(String::as_str));
        return Err(match near {
            Some(near) => format!("there is no queue '{name}'; did you mean '{near}'?"),
            None => format!("there is no queue '{name}', but {}", names.join(", ")),
        });
    };
    let queue = daemon.queues[index].queue();
    let (severity, done) = match order {
        Order::Pause => {
            queue.pause();
            let held = queue.held().0;
            let done = format!("paused; {held} messages are in it");
            (Severity::NOTICE, done)
        }
        Order::Resume => {
            queue.resume();
            (Severity::NOTICE, "resumed".to_owned())
        }
        Order::Purge(least) => {
            let count = queue.purge(least);
            let which = match least {
                Some(least) => format!(" of severity {} or less important", least.name()),
                None => String::new(),
            };
            let done = format!("{count} messages{which} were discarded");
            (Severity::WARNING, done)
        }
    };
    let report = format!("queue '{name}': {done} (by ctl)");
    daemon.own.report(severity, report);
    Ok(format!("queue '{name}': {done}"))
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    #[test]
    fn a_state_says_what_hinders_and_what_producers_meet() {
        let name = |signs: Signs| {
            let states = QueueState::of(&signs);
            let names: Vec<&str> = states.into_iter().map(QueueState::name).collect();
            names.join(", ")
        };
        let none = Signs::default();
        let moving = Rate {
            enqueued: 1.0,
            handed_over: 1.0,
            ..Rate::default()
        };
        let full = Signs {
            has_any: true,
            has_old: true,
            is_full: true,
            ..none
        };
        assert_eq!(name(none), "idle");
        assert_eq!(
            name(Signs {
                rate: moving,
                ..none
            }),
            "flowing"
        );
        assert_eq!(name(full), "stalled, pushing back");
        let fresh = Signs {
            has_any: true,
            ..none
        };
        assert_eq!(name(fresh), "flowing");
        assert_eq!(
            name(Signs {
                rate: moving,
                ..full
            }),
            "flowing, pushing back"
        );
        let suspended = Signs {
            has_suspended_action: true,
            is_discarding: true,
            ..full
        };
        assert_eq!(name(suspended), "suspended, discarding, pushing back");
        let window = Signs {
            waits_for_window: true,
            has_suspended_action: true,
            ..none
        };
        assert_eq!(name(window), "waiting for its window");
        let paused = Signs {
            is_paused: true,
            ..window
        };
        assert_eq!(name(paused), "paused");
        let stopping = Signs {
            is_closed: true,
            ..paused
        };
        assert_eq!(name(stopping), "stopping");
    }

    #[test]
    fn a_closed_window_has_a_time_at_which_it_opens() {
        let mut calendar = LocalClock::new(TimeZone::get("Europe/Paris").expect("a zone"));
        // 2026-03-28 12:30:15.5 UTC, 13:30 in Paris, where 2 o'clock of the next
        // day does not exist.
        let noon = 1_774_701_015_500_000_000;
        let mut opens = |begin, end| {
            let time = opens(Window { begin, end }, noon, &mut calendar);
            time.map(|time| DateFormat::Rfc3339.text(&time))
        };
        assert_eq!(opens(13, 14), None);
        assert_eq!(opens(14, 15).as_deref(), Some("2026-03-28T14:00:00+01:00"));
        assert_eq!(opens(22, 6).as_deref(), Some("2026-03-28T22:00:00+01:00"));
        assert_eq!(opens(1, 4).as_deref(), Some("2026-03-29T01:00:00+01:00"));
        assert_eq!(opens(2, 4).as_deref(), Some("2026-03-29T03:00:00+02:00"));
        assert_eq!(opens(2, 3).as_deref(), Some("2026-03-30T02:00:00+02:00"));
    }

    #[test]
    fn names_that_are_there_twice_get_a_number() {
        let names = distinct(["main", "a", "main", "main#2", "main"]);
        assert_eq!(names, ["main", "a", "main#2", "main#2#2", "main#3"]);
    }
}
