//! What the service manager is told (sd_notify(3)), and what its watchdog sees
//! (sd_watchdog_enabled(3)). Without `NOTIFY_SOCKET` nothing is.

use std::sync::Arc;
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
    let mut round = Round::new(daemon.hearts.len());
    let mut is_told = false;
    loop {
        daemon.wake_all();
        sleep(timeout / LOOKS).await;
        let hearts = || daemon.hearts.iter().map(Heart::turns);
        match round.first_silent(hearts()) {
            None => {
                round.restart(hearts());
                is_told = false;
                tell(&[NotifyState::Watchdog]);
            }
            Some(index) if !is_told => {
                is_told = true;
                let text = format!(
                    "the thread {} does not move; the watchdog's signal is withheld",
                    daemon.hearts[index].thread
                );
                daemon.own.report(Severity::ERROR, text);
            }
            Some(_) => {}
        }
    }
}

/// A thread and its heart.
pub struct Heart {
    pub thread: String,
    pub beat: Arc<Heartbeat>,
}

impl Heart {
    /// Turns of its loop; none once it has ended, and its clone is gone.
    fn turns(&self) -> Option<u64> {
        (Arc::strong_count(&self.beat) > 1).then(|| self.beat.turns())
    }
}

/// The turns of each thread when the round began.
struct Round(Vec<Option<u64>>);

impl Round {
    /// A round in which nobody has to make a turn: each has at its start.
    fn new(count: usize) -> Round {
        Round(vec![None; count])
    }

    fn restart(&mut self, turns: impl Iterator<Item = Option<u64>>) {
        self.0 = turns.collect();
    }

    /// The first thread that lives and has made no turn in this round.
    fn first_silent(&self, turns: impl Iterator<Item = Option<u64>>) -> Option<usize> {
        let mut both = self.0.iter().zip(turns);
        both.position(|(before, now)| now.is_some() && *before == now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_ends_when_each_thread_that_lives_has_made_a_turn() {
        let mut round = Round::new(2);
        assert_eq!(round.first_silent([Some(0), Some(0)].into_iter()), None);
        round.restart([Some(7), Some(0)].into_iter());
        assert_eq!(round.first_silent([Some(8), Some(0)].into_iter()), Some(1));
        assert_eq!(round.first_silent([Some(7), Some(1)].into_iter()), Some(0));
        assert_eq!(round.first_silent([Some(8), Some(1)].into_iter()), None);
        assert_eq!(round.first_silent([Some(8), None].into_iter()), None);
    }

    #[test]
    fn a_heart_whose_thread_has_ended_has_no_turns() {
        let heart = Heart {
            thread: "x".to_owned(),
            beat: Arc::default(),
        };
        let thread = Arc::clone(&heart.beat);
        thread.beat();
        assert_eq!(heart.turns(), Some(1));
        drop(thread);
        assert_eq!(heart.turns(), None);
    }
}
