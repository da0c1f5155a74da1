//! Production reactors and a worker on a simulated network, disk and clock:
//! one thread, one seed, everything goes wrong.
//!
//! `SPLASHDAM_SEED=17` runs one seed, `SPLASHDAM_SEEDS=100000` that many
//! (the default is a few seconds' worth).

mod check;
mod datagrams;
mod model;
mod post;
mod resolver;
mod script;
mod spread;
mod world;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use world::World;

/// Seeds of a run that nobody asked to be long.
const SEEDS: u64 = 200;

#[test]
fn nothing_is_lost_whatever_goes_wrong() {
    if let Some(seed) = variable("SPLASHDAM_SEED") {
        return run(seed);
    }
    for seed in 0..variable("SPLASHDAM_SEEDS").unwrap_or(SEEDS) {
        run(seed);
    }
}

fn run(seed: u64) {
    let result = catch_unwind(AssertUnwindSafe(|| World::new(seed).run()));
    if let Err(panic) = result {
        panic!("SPLASHDAM_SEED={seed}: {}", text(panic.as_ref()));
    }
}

fn text(panic: &(dyn Any + Send)) -> &str {
    match (
        panic.downcast_ref::<String>(),
        panic.downcast_ref::<&'static str>(),
    ) {
        (Some(text), _) => text,
        (_, Some(text)) => text,
        _ => "a panic without a text",
    }
}

fn variable(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().expect("a number"))
}
