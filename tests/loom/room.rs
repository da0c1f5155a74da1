//! Room: never more is held than fits, and a producer that was refused is woken
//! when there is ample room again.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;

use crate::base::Sleeper;
use crate::bounded_model;
use crate::queue::room::{Class, Limit, Room};

/// The room of a queue, and wake-ups of its producer.
struct Shared {
    room: Room,
    producer: std::sync::Arc<Sleeper>,
    woken: Arc<AtomicU32>,
}

/// There is ample room where six messages and 300 bytes are held.
const LIMIT: Limit = Limit {
    messages: 8,
    bytes: 400,
};

/// Inputs that can wait do so from the second message on.
const LIGHT_LIMIT: Limit = Limit {
    messages: 2,
    bytes: 200,
};

impl Shared {
    fn new() -> Arc<Shared> {
        let woken = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&woken);
        let producer = std::sync::Arc::new(Sleeper::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
        }));
        Arc::new(Shared {
            room: Room::new([LIGHT_LIMIT, LIMIT, LIMIT], vec![producer.clone()]),
            producer,
            woken,
        })
    }

    /// Takes room for a message if there is some at first sight.
    fn take(&self, bytes: usize, class: Class) -> bool {
        let limit = self.room.limit(class);
        let (messages_held, bytes_held) = self.room.held();
        messages_held < limit.messages
            && bytes_held + bytes <= limit.bytes
            && self.room.hold(1, bytes, limit)
    }

    /// Offers a message as a queue does: says that it is refused, and looks once
    /// more. Returns whether there was room.
    fn offer(&self, bytes: usize, class: Class) -> bool {
        if self.take(bytes, class) {
            return true;
        }
        self.room.refuse(class);
        self.take(bytes, class)
    }

    /// Offers a message, and goes to sleep if there is no room. Returns whether
    /// it sleeps.
    fn offer_or_sleep(&self, bytes: usize, class: Class) -> bool {
        if self.offer(bytes, class) {
            return false;
        }
        self.producer.prepare();
        if self.offer(bytes, class) {
            self.producer.awake();
            return false;
        }
        true
    }
}

/// Two threads release, one of them most messages, the other one most bytes:
/// only both together make ample room.
#[test]
fn of_two_that_release_one_wakes_the_producer() {
    bounded_model(|| {
        let shared = Shared::new();
        assert!(shared.room.hold(7, 10, LIMIT));
        assert!(shared.room.hold(1, 390, LIMIT));
        shared.room.refuse(Class::Size);
        shared.producer.prepare();
        let other = Arc::clone(&shared);
        let other = thread::spawn(move || other.room.release(7, 10));
        shared.room.release(1, 390);
        other.join().unwrap();
        assert_eq!(shared.room.held(), (0, 0));
        assert_eq!(shared.woken.load(Ordering::Relaxed), 1, "nobody woke it");
    });
}

/// Two threads release a little: there is ample room for one class only, so that
/// the wake-up depends on the refusal.
#[test]
fn a_producer_that_is_refused_meanwhile_is_woken() {
    bounded_model(|| {
        let shared = Shared::new();
        assert!(shared.room.hold(4, 400, LIMIT));
        let other = Arc::clone(&shared);
        let other = thread::spawn(move || other.room.release(1, 100));
        let producer = Arc::clone(&shared);
        let producer = thread::spawn(move || producer.offer_or_sleep(100, Class::Size));
        let sleeps = producer.join().unwrap();
        other.join().unwrap();
        let woken = shared.woken.load(Ordering::Relaxed);
        assert!(!sleeps || woken == 1, "the wake-up was lost");
    });
}

/// A flag that another release has taken down is put up again before the sleep.
#[test]
fn a_refusal_is_not_forgotten_between_two_releases() {
    bounded_model(|| {
        let shared = Shared::new();
        assert!(shared.room.hold(4, 400, LIMIT));
        let other = Arc::clone(&shared);
        let other = thread::spawn(move || {
            other.room.release(1, 100);
            other.room.release(1, 100);
        });
        let sleeps = shared.offer_or_sleep(150, Class::Size);
        other.join().unwrap();
        let woken = shared.woken.load(Ordering::Relaxed);
        assert!(!sleeps || woken >= 1, "the wake-up was lost");
    });
}

/// Two producers want the last room at once: one gets it.
#[test]
fn no_more_is_held_than_fits() {
    bounded_model(|| {
        let shared = Shared::new();
        assert!(shared.room.hold(2, 250, LIMIT));
        let other = Arc::clone(&shared);
        let other = thread::spawn(move || other.room.hold(1, 100, LIMIT));
        let mine = shared.room.hold(1, 100, LIMIT);
        let (messages, bytes) = shared.room.held();
        assert!(messages <= 4 && bytes <= 400, "more held than fits");
        let other = other.join().unwrap();
        assert!(mine != other, "one of them fits");
        assert_eq!(shared.room.held(), (3, 350));
    });
}

/// A producer that takes a place for a moment, for which there are not enough
/// bytes, must not keep the last release from waking the one who sleeps.
#[test]
fn a_place_that_is_given_back_wakes_the_producer() {
    bounded_model(|| {
        let shared = Shared::new();
        assert!(shared.room.hold(7, 400, LIMIT));
        shared.room.refuse(Class::Size);
        shared.producer.prepare();
        let other = Arc::clone(&shared);
        let other = thread::spawn(move || other.room.hold(1, 300, LIMIT));
        shared.room.release(1, 300);
        // If the other one holds something, its release wakes.
        let is_held = other.join().unwrap();
        let woken = shared.woken.load(Ordering::Relaxed);
        assert!(is_held || woken == 1, "nobody woke it");
    });
}
