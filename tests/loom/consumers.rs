//! Consumers: a worker that ends is not counted on.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;

use crate::base::Sleeper;
use crate::bounded_model;
use crate::queue::consumers::Consumers;

/// A queue of messages with two places for workers.
struct Shared {
    waiting: AtomicU32,
    consumers: Consumers,
    starter: std::sync::Arc<Sleeper>,
    started: Arc<AtomicU32>,
}

impl Shared {
    /// One more worker is wanted for each message.
    fn new() -> Arc<Shared> {
        let started = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&started);
        let starter = std::sync::Arc::new(Sleeper::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
        }));
        let places = (0..2).map(|_| std::sync::Arc::new(Sleeper::new(|| {})));
        Arc::new(Shared {
            waiting: AtomicU32::new(0),
            consumers: Consumers::new(places.collect(), 1, Some(starter.clone())),
            starter,
            started,
        })
    }

    fn enqueue(&self) {
        let waiting = self.waiting.fetch_add(1, Ordering::Relaxed) + 1;
        self.consumers.wake(waiting as usize);
    }
}

/// The second worker found nothing and ends while a message comes for which two
/// are wanted: the starter hears of it from the one or the other.
#[test]
fn a_worker_that_ends_is_replaced_if_it_is_wanted() {
    bounded_model(|| {
        let shared = Shared::new();
        shared.starter.prepare();
        assert_eq!(shared.consumers.begin(), Some(1));
        let producer = Arc::clone(&shared);
        let producer = thread::spawn(move || producer.enqueue());
        shared.consumers.end(1);
        let waiting = shared.waiting.load(Ordering::Relaxed);
        if waiting > 0 {
            shared.consumers.wake(waiting as usize);
        }
        producer.join().unwrap();
        assert_eq!(shared.started.load(Ordering::Relaxed), 1);
    });
}

/// Two that look for a place at once get different ones.
#[test]
fn a_place_is_taken_once() {
    bounded_model(|| {
        let shared = Shared::new();
        let other = Arc::clone(&shared);
        let other = thread::spawn(move || other.consumers.begin());
        let mine = shared.consumers.begin();
        let other = other.join().unwrap();
        assert!(mine.is_some() != other.is_some());
        assert_eq!(shared.consumers.running(), 2);
    });
}
