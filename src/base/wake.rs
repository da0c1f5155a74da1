//! Waking a thread that sleeps, and only one that sleeps: a wake-up costs the
//! waker more than queueing a thousand messages.

use super::atomic::{AtomicBool, Ordering, fence};

/// The sleep state of one thread.
///
/// The sleeper calls [`prepare`](Sleeper::prepare), looks once more for work,
/// and only then sleeps. Who makes work calls [`wake`](Sleeper::wake) after the
/// work is visible. Either the sleeper sees the work, or the waker sees the
/// sleeper.
pub struct Sleeper {
    asleep: AtomicBool,
    call: Box<dyn Fn() + Send + Sync>,
}

impl Sleeper {
    /// A thread that is awake and is woken by `call`.
    pub fn new(call: impl Fn() + Send + Sync + 'static) -> Sleeper {
        Sleeper {
            asleep: AtomicBool::new(false),
            call: Box::new(call),
        }
    }

    /// Says that the thread is about to sleep. It must look for work once more
    /// after this call.
    pub fn prepare(&self) {
        self.asleep.store(true, Ordering::Relaxed);
        // Orders the store before the look at the work that follows; pairs
        // with the fence in `wake`.
        fence(Ordering::SeqCst);
    }

    /// Says that the thread is awake: it found work, or slept long enough.
    pub fn awake(&self) {
        self.asleep.store(false, Ordering::Relaxed);
    }

    /// Wakes the thread if it sleeps or is about to. Returns whether it did.
    pub fn wake(&self) -> bool {
        // Orders the work, stored before, ahead of the look at the flag.
        fence(Ordering::SeqCst);
        let is_asleep =
            self.asleep.load(Ordering::Relaxed) && self.asleep.swap(false, Ordering::Relaxed);
        if is_asleep {
            (self.call)();
        }
        is_asleep
    }
}
