//! Models of the lock-free parts: loom runs each through every interleaving,
//! and every order that the memory model allows.
//!
//! The sources are those of the daemon; only their atomics are loom's.

#[expect(dead_code, reason = "the models use a part of the interfaces")]
#[path = "../../src/base"]
mod base {
    /// As `src/base/atomic.rs`, of loom's types.
    pub mod atomic {
        pub use loom::cell::UnsafeCell;
        pub use loom::hint::spin_loop;
        pub use loom::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering, fence};
    }

    pub mod text;
    pub mod wake;

    pub use wake::Sleeper;
}

#[expect(dead_code, reason = "the models use a part of the interfaces")]
#[path = "../../src/queue"]
mod queue {
    pub mod consumers;
    pub mod room;
}

mod consumers;
mod room;
mod text;
mod wake;

/// A model in which at most two times a thread is interrupted where it need not
/// be: without a bound the models of three threads take minutes.
fn bounded_model(run: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(2);
    builder.check(run);
}
