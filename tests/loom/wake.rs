//! Sleeper: a wake-up is never lost.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;

use crate::base::wake::Sleeper;
use crate::bounded_model;

/// Work that is there, and wake-ups that were made.
struct Shared {
    work: AtomicU32,
    woken: Arc<AtomicU32>,
    sleeper: Sleeper,
}

impl Shared {
    fn new() -> Arc<Shared> {
        let woken = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&woken);
        Arc::new(Shared {
            work: AtomicU32::new(0),
            sleeper: Sleeper::new(move || {
                count.fetch_add(1, Ordering::Relaxed);
            }),
            woken,
        })
    }

    fn make_work(&self) {
        self.work.fetch_add(1, Ordering::Relaxed);
        self.sleeper.wake();
    }
}

/// The sleeper goes to sleep once. Returns whether it sleeps, having seen less
/// than all work.
fn go_to_sleep(shared: &Shared, all: u32) -> bool {
    shared.sleeper.prepare();
    if shared.work.load(Ordering::Relaxed) == all {
        shared.sleeper.awake();
        return false;
    }
    true
}

#[test]
fn a_sleeper_that_missed_the_work_is_woken() {
    loom::model(|| {
        let shared = Shared::new();
        let waker = Arc::clone(&shared);
        let waker = thread::spawn(move || waker.make_work());
        let sleeps = go_to_sleep(&shared, 1);
        waker.join().unwrap();
        let woken = shared.woken.load(Ordering::Relaxed);
        assert!(!sleeps || woken == 1, "the wake-up was lost");
    });
}

#[test]
fn two_wakers_wake_once_and_not_too_early() {
    bounded_model(|| {
        let shared = Shared::new();
        let wakers: Vec<_> = (0..2)
            .map(|_| {
                let waker = Arc::clone(&shared);
                thread::spawn(move || waker.make_work())
            })
            .collect();
        let sleeps = go_to_sleep(&shared, 2);
        for waker in wakers {
            waker.join().unwrap();
        }
        let woken = shared.woken.load(Ordering::Relaxed);
        assert!(!sleeps || woken >= 1, "the wake-up was lost");
        assert!(woken <= 1, "woken twice for one sleep");
    });
}
