//! What the service manager is told (sd_notify(3)), and what its watchdog sees
//! (sd_watchdog_enabled(3)). Without `NOTIFY_SOCKET` nothing is.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::sleep;

use super::assemble::Daemon;
use super::terminal;
use crate::base::Heartbeat;
use crate::message::{Report, Severity};

/// Looks of the watchdog in the time that the service manager waits. A thread
/// that was busy at one look has two more before the time is over.
const LOOKS: u32 = 4;

/// All listeners are open and all threads run.
pub fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// The stop has begun.
pub fn stopping(status: &str) {
    tell(&[NotifyState::Stopping, NotifyState::Status(status)]);
}

fn tell(states: &[NotifyState]) {
    if let Err(error) = sd_notify::notify(states) {
        terminal::warn(format_args!("cannot notify the service manager: {error}"));
    }
}

/// The time after which the service manager takes a silent daemon for dead
/// (`WatchdogSec=`); none where it does not watch this process.
pub fn watchdog() -> Option<Duration> {
    // Zero is no time (sd_watchdog_enabled(3)), and would be a loop without rest.
    sd_notify::watchdog_enabled().filter(|timeout| !timeout.is_zero())
}

/// Tells the service manager that the daemon lives, as long as each of its
/// threads does: wakes them all, and tells it only once the loop of each has
/// made a turn. A disk that is slow is waited for in the kernel while the loops
/// turn on; a thread that hangs in a system call, or spins, is what is found.
pub async fn watch(daemon: Arc<Daemon>, timeout: Duration) {
    let mut round = Round::default();
    let mut is_told = false;
    loop {
        daemon.wake_all();
        sleep(timeout / LOOKS).await;
        match round.first_silent() {
            None => {
                round = Round::of(daemon.hearts.list());
                is_told = false;
                tell(&[NotifyState::Watchdog]);
            }
            Some(thread) if !is_told => {
                is_told = true;
                let text =
                    format!("the thread {thread} does not move; the watchdog's signal is withheld");
                daemon.own.report(Severity::ERROR, text);
            }
            Some(_) => {}
        }
    }
}

/// The threads that are watched.
#[derive(Clone, Default)]
pub struct Hearts(Arc<Mutex<Vec<Heart>>>);

impl Hearts {
    /// A heart for the thread `name`, which keeps it as long as it lives.
    pub fn add(&self, name: &str) -> Arc<Heartbeat> {
        let beat = Arc::<Heartbeat>::default();
        let mut hearts = self.lock();
        hearts.retain(|heart| heart.turns().is_some());
        hearts.push(Heart {
            thread: name.to_owned(),
            beat: Arc::downgrade(&beat),
        });
        beat
    }

    /// Threads that there are.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    fn list(&self) -> Vec<Heart> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Heart>> {
        // The list is whole at every moment, also where a thread died.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread and its heart.
#[derive(Clone)]
struct Heart {
    thread: String,
    beat: Weak<Heartbeat>,
}

impl Heart {
    /// Turns of its loop; none once it has ended.
    fn turns(&self) -> Option<u64> {
        self.beat.upgrade().map(|beat| beat.turns())
    }
}

/// The threads with their turns when the round began. In the first one there are
/// none: nobody has to make a turn at the start.
#[derive(Default)]
struct Round(Vec<(Heart, Option<u64>)>);

impl Round {
    fn of(hearts: Vec<Heart>) -> Round {
        let with_turns = |heart: Heart| (heart.clone(), heart.turns());
        Round(hearts.into_iter().map(with_turns).collect())
    }

    /// The first thread that lives and has made no turn in this round.
    fn first_silent(&self) -> Option<&str> {
        let is_silent = |(heart, before): &&(Heart, Option<u64>)| {
            let now = heart.turns();
            now.is_some() && *before == now
        };
        let silent = self.0.iter().find(is_silent);
        silent.map(|(heart, _)| heart.thread.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_ends_when_each_thread_that_lives_has_made_a_turn() {
        let hearts = Hearts::default();
        let (a, b) = (hearts.add("a"), hearts.add("b"));
        assert_eq!(Round::default().first_silent(), None);
        let round = Round::of(hearts.list());
        assert_eq!(round.first_silent(), Some("a"));
        a.beat();
        assert_eq!(round.first_silent(), Some("b"));
        b.beat();
        assert_eq!(round.first_silent(), None);
        let round = Round::of(hearts.list());
        b.beat();
        assert_eq!(round.first_silent(), Some("a"));
        // It has ended.
        drop(a);
        assert_eq!(round.first_silent(), None);
        hearts.add("c");
        assert_eq!(hearts.count(), 2);
    }
}
