//! Sending at a given rate, in small writes close together.

use std::collections::VecDeque;
use std::io::{ErrorKind, Write};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use super::{Connection, Outcome, Plan};

/// Between two writes: short enough to look like a stream, long enough that the
/// sender's own CPU time does not count beside the receiver's.
const TICK: Duration = Duration::from_micros(500);

/// Latencies that are recorded of one write at most; each stands for its
/// neighbours.
const SAMPLES_PER_WRITE: u64 = 64;

/// How long what is due may stay unsent after the end.
const LAST_MESSAGES_TIMEOUT: Duration = Duration::from_secs(10);

/// Messages that a block should hold for this rate (messages per second of one
/// thread): what is due in a tick, as a rule.
pub fn block_messages(rate: f64) -> usize {
    let due = rate * TICK.as_secs_f64();
    if due > 100.0 {
        1000
    } else if due > 10.0 {
        100
    } else {
        10
    }
}

/// Messages that were due together, numbered in the order of the schedule.
struct Due {
    first: u64,
    count: u64,
}

/// A connection and what it has still to send.
struct Lane {
    connection: Connection,
    due: VecDeque<Due>,
    /// Messages that were ever due here.
    assigned: u64,
    error: Option<String>,
}

/// Sends `rate` messages per second in all. What is due at a tick goes to one
/// connection, the next tick's to the next one: 200 connections would else need
/// 200 writes per tick. A latency counts from the message's time in the schedule,
/// not from its write: a stalled receiver must not slow down the clock that it
/// is measured with.
pub fn send(mut plan: Plan, rate: f64) -> Outcome {
    let mut outcome = Outcome::new();
    let mut lanes: Vec<Lane> = std::mem::take(&mut plan.connections)
        .into_iter()
        .map(|connection| Lane {
            connection,
            due: VecDeque::new(),
            assigned: 0,
            error: None,
        })
        .collect();
    let total: u64 = lanes
        .iter()
        .fold(0, |sum, lane| sum.saturating_add(lane.connection.limit));
    let end = plan
        .deadline
        .map_or(total, |deadline| {
            ((deadline - plan.started).as_secs_f64() * rate) as u64
        })
        .min(total);
    let mut scheduled = 0;
    let mut turn = 0;
    let mut exhausted = false;
    let mut give_up = None;
    loop {
        let now = Instant::now();
        let mut due = (((now - plan.started).as_secs_f64() * rate) as u64).min(end);
        if plan.stop.requested() {
            due = scheduled;
        }
        while scheduled < due {
            let Some(lane) = next_lane(&mut lanes, &mut turn) else {
                // The rest of the count was a broken connection's.
                exhausted = true;
                break;
            };
            let room = lane.connection.limit - lane.assigned;
            let count = (due - scheduled).min(plan.messages_per_write).min(room);
            lane.due.push_back(Due {
                first: scheduled,
                count,
            });
            lane.assigned += count;
            scheduled += count;
            lane.write(&mut plan, &mut outcome, rate);
        }
        for lane in &mut lanes {
            lane.write(&mut plan, &mut outcome, rate);
        }
        if exhausted || scheduled == end || plan.stop.requested() {
            if lanes.iter().all(|lane| lane.due.is_empty()) {
                break;
            }
            let give_up = *give_up.get_or_insert(now + LAST_MESSAGES_TIMEOUT);
            if now >= give_up {
                for lane in lanes.iter_mut().filter(|lane| !lane.due.is_empty()) {
                    lane.fail("the receiver took no more".into());
                }
                break;
            }
        }
        thread::sleep(TICK);
    }
    outcome.finished = Instant::now();
    for lane in lanes {
        outcome.add_connection(&lane.connection.progress, lane.error);
    }
    outcome
}

/// The next connection in turn that is alive and has messages left.
fn next_lane<'a>(lanes: &'a mut [Lane], turn: &mut usize) -> Option<&'a mut Lane> {
    let index = (0..lanes.len())
        .map(|step| (*turn + step) % lanes.len())
        .find(|&index| {
            let lane = &lanes[index];
            lane.error.is_none() && lane.assigned < lane.connection.limit
        })?;
    *turn = index + 1;
    Some(&mut lanes[index])
}

impl Lane {
    fn fail(&mut self, error: String) {
        self.error = Some(format!("connection {}: {error}", self.connection.number));
        self.due.clear();
    }

    /// Writes what is due, as far as the kernel takes it.
    fn write(&mut self, plan: &mut Plan, outcome: &mut Outcome, rate: f64) {
        while !self.due.is_empty() {
            let progress = &mut self.connection.progress;
            let before = progress.messages();
            let bytes = progress.next(
                &mut plan.block,
                plan.messages_per_write,
                self.assigned,
                false,
            );
            match (&self.connection.socket).write(bytes) {
                Ok(bytes) => {
                    progress.advance(bytes);
                    plan.sent.fetch_add(bytes as u64, Ordering::Relaxed);
                    let messages = progress.messages() - before;
                    self.settle(messages, plan.started, outcome, rate);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => self.fail(error.to_string()),
            }
        }
    }

    /// The oldest `messages` that were due are sent.
    fn settle(&mut self, mut messages: u64, started: Instant, outcome: &mut Outcome, rate: f64) {
        let elapsed = started.elapsed();
        while let Some(due) = self.due.front_mut().filter(|_| messages > 0) {
            let count = due.count.min(messages);
            let step = count.div_ceil(SAMPLES_PER_WRITE);
            for offset in (0..count).step_by(step as usize) {
                let scheduled = Duration::from_secs_f64((due.first + offset) as f64 / rate);
                let latency = elapsed.saturating_sub(scheduled);
                outcome.latency.record(latency, step.min(count - offset));
            }
            messages -= count;
            due.first += count;
            due.count -= count;
            if due.count == 0 {
                self.due.pop_front();
            }
        }
    }
}
