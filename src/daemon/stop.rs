//! The stop in order: no more input, drain stage by stage, commit; what is not done
//! in time is given up and counted.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::assemble::Daemon;
use super::workers::Served;
use crate::message::{Report, Severity};

/// How often it is looked whether a thread has ended.
const JOIN_POLL: Duration = Duration::from_millis(2);

/// Time that is given to operations under way when all other time is over, of all
/// queues together: a stop takes no longer than their times and a second.
const LAST_WAIT: Duration = Duration::from_millis(900);

/// Stops the threads of a daemon. Each queue has its `queue.timeoutShutdown`, and
/// then its `queue.timeoutActionCompletion`, from when nothing feeds it any more.
pub async fn stop(daemon: &Daemon) {
    let text = "stopping: draining the queues".to_owned();
    daemon.own.report(Severity::INFO, text);
    let started = Instant::now();
    let mut spare = LAST_WAIT;
    let fed_by_inputs = daemon.queues.iter().filter(|served| served.stage == 0);
    let times = fed_by_inputs.map(|served| served.queue().options().timeout_shutdown);
    let drained_by = started + times.max().unwrap_or_default();
    daemon.reactors.is_stopping.store(true, Ordering::Release);
    daemon.wake_reactors();
    if !reactors_end(daemon, drained_by).await {
        daemon.reactors.must_abandon.store(true, Ordering::Release);
        daemon.wake_reactors();
        reactors_end(daemon, drained_by + LAST_WAIT).await;
        spare = spare.saturating_sub(Instant::now().saturating_duration_since(drained_by));
    }
    while daemon.own.is_waiting() && Instant::now() < drained_by {
        sleep(JOIN_POLL).await;
    }
    daemon.own.abandon();
    if let Some(file) = &daemon.oversize_file {
        file.queue.close();
    }
    let last = daemon.queues.iter().map(|served| served.stage).max();
    for stage in 0..=last.unwrap_or_default() {
        let begun = if stage == 0 { started } else { Instant::now() };
        let stage = daemon.queues.iter().filter(|served| served.stage == stage);
        drain(&stage.collect::<Vec<_>>(), begun, &mut spare).await;
    }
    if !oversize_file_ends(daemon, Instant::now() + spare).await {
        let text = "oversizemsg.errorfile: not all could be written before the stop".to_owned();
        daemon.own.report(Severity::ERROR, text);
    }
    tell_losses(daemon);
}

/// Ends queues that nothing feeds any more. `spare` is what is left of the time for
/// operations that are under way when all other time is over.
async fn drain(stage: &[&Served], begun: Instant, spare: &mut Duration) {
    let mut latest = begun;
    for served in stage {
        served.queue().close();
        latest = latest.max(abandon_at(served, begun));
    }
    loop {
        let now = Instant::now();
        let mut are_finished = true;
        for served in stage.iter().filter(|served| !served.is_finished()) {
            are_finished = false;
            let must_abandon = &served.shared.must_abandon;
            if now >= abandon_at(served, begun) && !must_abandon.swap(true, Ordering::AcqRel) {
                served.queue().wake_consumers();
            }
        }
        if are_finished || now >= latest + *spare {
            *spare = spare.saturating_sub(now.saturating_duration_since(latest));
            return;
        }
        sleep(JOIN_POLL).await;
    }
}

/// When the time of a queue's workers is over.
fn abandon_at(served: &Served, begun: Instant) -> Instant {
    let options = served.queue().options();
    begun + options.timeout_shutdown + options.timeout_action_completion
}

/// Tells what was given up.
fn tell_losses(daemon: &Daemon) {
    let tell = |text: String| daemon.own.report(Severity::ERROR, text);
    let listeners = daemon.reactors.listeners.iter();
    let uninflated: u64 = listeners
        .clone()
        .map(|listener| listener.counters.uninflated_bytes.get())
        .sum();
    if uninflated > 0 {
        tell(format!(
            "{uninflated} received bytes of compressed streams were discarded: the time to stop \
             was over before they were inflated"
        ));
    }
    let in_inputs: u64 = listeners
        .map(|listener| &*listener.counters)
        .chain([&daemon.own.counters])
        .map(|counters| counters.discarded_shutdown.get())
        .sum();
    for (index, served) in daemon.queues.iter().enumerate() {
        let queue = served.queue();
        // A worker that hangs in the kernel still has what it was given.
        let in_hand = match served.is_finished() {
            true => 0,
            false => queue.held().0 as u64 + queue.counters.in_hand.get(),
        };
        let in_queue = queue.counters.discarded_shutdown.get() + in_hand;
        let name = queue.name();
        let mut parts = format!("{in_queue} in the queue '{name}'");
        let mut lost = in_queue;
        if index == 0 {
            lost += in_inputs;
            parts.push_str(&format!(", {in_inputs} in front of it"));
        }
        if lost > 0 {
            tell(format!(
                "{lost} messages were discarded: the time to stop was over ({parts})"
            ));
        }
    }
}

async fn reactors_end(daemon: &Daemon, by: Instant) -> bool {
    let ended = async {
        let mut threads = daemon.reactor_threads.iter();
        while !threads.all(|thread| thread.is_finished()) {
            sleep(JOIN_POLL).await;
            threads = daemon.reactor_threads.iter();
        }
    };
    timeout_at(by, ended).await.is_ok()
}

async fn oversize_file_ends(daemon: &Daemon, by: Instant) -> bool {
    let Some(file) = &daemon.oversize_file else {
        return true;
    };
    let ended = async {
        while !file.is_finished() {
            sleep(JOIN_POLL).await;
        }
    };
    timeout_at(by, ended).await.is_ok()
}
