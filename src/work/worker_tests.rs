//! Workers of several queues, stepped by one thread against simulated disks.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::*;
use crate::action::{Action, ActionCounters, ActionOptions, DriverOptions};
use crate::base::simulated::{Random, SimulatedClock};
use crate::base::{Clock, Instant, Sleeper, Text};
use crate::message::{Batch, Body, Delay, LocalClock, Record, Report, Severity, Timestamp};
use crate::output::file::FileOptions;
use crate::output::simulated::{DiskFaults, SimulatedDisk, SimulatedExecutor};
use crate::queue::{Consumers, Queue, QueueKind, QueueOptions};
use crate::rules::{Program, Statement, Target};
use crate::template::Template;

/// EIO of errno(3).
pub(super) const ERRNO: i32 = 5;

struct Silent;

impl Report for Silent {
    fn report(&self, _: Severity, _: String) {}
}

/// A worker, its disk, and whether it has ended.
pub(super) struct Stepped {
    pub(super) worker: Worker<SimulatedExecutor, SimulatedClock>,
    pub(super) shared: Arc<WorkerShared>,
    pub(super) disk: SimulatedDisk,
    pub(super) actions: Vec<Arc<ActionCounters>>,
    pub(super) is_done: bool,
}

/// The clock and the workers.
pub(super) struct Scene {
    pub(super) clock: SimulatedClock,
    pub(super) random: Random,
    pub(super) workers: Vec<Stepped>,
}

fn options(size: usize) -> QueueOptions {
    QueueOptions {
        kind: QueueKind::LinkedList,
        size,
        light_delay_mark: Some(size),
        full_delay_mark: Some(size),
        ..QueueOptions::main()
    }
}

pub(super) fn queue(options: QueueOptions) -> Arc<Queue> {
    let sleeper = || Arc::new(Sleeper::new(|| {}));
    let sleepers = (0..options.worker_threads).map(|_| sleeper()).collect();
    let consumers = Consumers::new(sleepers, options.worker_thread_minimum_messages(), None);
    Arc::new(Queue::new("test", options, consumers, Vec::new()))
}

/// Messages `numbers` of equal length.
pub(super) fn batch(numbers: std::ops::Range<u32>, delay: Delay) -> Batch {
    let (mut bytes, mut records) = (Vec::new(), Vec::new());
    for number in numbers {
        records.push(Record {
            start: bytes.len() as u32,
            len: 8,
            ..Record::default()
        });
        bytes.extend_from_slice(format!("{number:08}").as_bytes());
    }
    let body = Body {
        used: 0..bytes.len(),
        text: Text::owned(bytes, 0),
        rewritten: Vec::new(),
        records,
        sources: vec![Arc::default()],
        received: Timestamp::default(),
        received_at: Instant::default(),
        delay,
        recycler: None,
    };
    Batch::new(body, 0)
}

impl Scene {
    pub(super) fn new() -> Scene {
        Scene {
            clock: SimulatedClock::new(),
            random: Random::new(7),
            workers: Vec::new(),
        }
    }

    /// Adds the worker of place `place` of a queue; it writes `/INDEX` for each of
    /// its actions.
    pub(super) fn add(
        &mut self,
        place: usize,
        shared: Arc<WorkerShared>,
        rules: Rules,
        outlets: Vec<Outlet>,
        actions: &[usize],
    ) -> usize {
        let faults = DiskFaults {
            short: 5,
            delay_max: Duration::from_millis(2),
            is_direct: true,
        };
        let disk = SimulatedDisk::new(self.clock.clone(), self.random.fork(), faults);
        let template = Template::compile("test", "%rawmsg%\\n").expect("a template");
        let template = Arc::new(template);
        let mut counters = Vec::new();
        let instances = actions.iter().enumerate().map(|(position, index)| {
            let file = FileOptions::new(format!("/{index}"));
            let options = ActionOptions {
                resume_interval: Duration::from_secs(1),
                ..ActionOptions::new(index.to_string(), DriverOptions::File(file), 0)
            };
            let account = Arc::new(ActionCounters::default());
            counters.push(Arc::clone(&account));
            let template = Arc::clone(&template);
            let action = Action::new(position, options, template, account, Arc::new(Silent));
            (*index, action)
        });
        let duties = Duties {
            place,
            rules,
            outlets,
            actions: instances.collect(),
            calendar: LocalClock::new(TimeZone::UTC),
        };
        let worker = Worker::new(
            disk.executor(),
            self.clock.clone(),
            Arc::clone(&shared),
            duties,
        );
        self.workers.push(Stepped {
            worker,
            shared,
            disk,
            actions: counters,
            is_done: false,
        });
        self.workers.len() - 1
    }

    /// Lets all workers work for so long.
    pub(super) fn run(&mut self, time: Duration) {
        let end = self.clock.now() + time;
        while self.clock.now() < end {
            for stepped in self.workers.iter_mut().filter(|stepped| !stepped.is_done) {
                stepped.disk.run();
                for turns in 0.. {
                    assert!(turns < 10_000, "it spins");
                    match stepped.worker.tick() {
                        Turn::Again => {}
                        Turn::Started => stepped.disk.run(),
                        Turn::Wait { .. } if stepped.worker.has_work() => {}
                        Turn::Wait { .. } => break,
                        Turn::Done => {
                            stepped.is_done = true;
                            break;
                        }
                    }
                }
            }
            self.clock.advance(Duration::from_millis(1));
        }
    }

    /// The numbers in the file of an action, in whole lines.
    pub(super) fn written(&self, worker: usize, action: usize) -> Vec<u32> {
        let path = format!("/{action}");
        let bytes = self.workers[worker].disk.written(Path::new(&path));
        let mut text = String::from_utf8(bytes).expect("text");
        text.truncate(text.rfind('\n').map_or(0, |end| end + 1));
        text.lines()
            .map(|line| line.parse().expect("a number"))
            .collect()
    }
}

/// A main queue whose action 0 is direct, and whose action 1 has a queue of `size`.
fn two_actions(scene: &mut Scene, size: usize) -> (Arc<Queue>, Arc<Queue>) {
    let main = queue(options(1_000_000));
    let behind = queue(options(size));
    let program = Program::of(vec![Statement::Action(0), Statement::Action(1)]);
    scene.add(
        0,
        Arc::new(WorkerShared::new(Arc::clone(&main))),
        Rules::Program(Arc::new(program)),
        vec![Outlet::new(Target::Action(1), Arc::clone(&behind))],
        &[0],
    );
    let shared = Arc::new(WorkerShared::new(Arc::clone(&behind)));
    scene.add(0, shared, Rules::Action(1), Vec::new(), &[1]);
    (main, behind)
}

pub(super) fn balances(queue: &Queue) -> bool {
    let counters = &queue.counters;
    let discarded = counters.discarded_full.get()
        + counters.discarded_mark.get()
        + counters.discarded_purged.get()
        + counters.discarded_shutdown.get();
    let held = queue.held().0 as u64 + counters.in_hand.get();
    counters.enqueued.get() == counters.acknowledged.get() + discarded + held
}

/// Messages of one step.
const STEP: u32 = 20_000;

#[test]
fn a_stalled_action_delays_nobody_until_its_queue_is_full() {
    let mut scene = Scene::new();
    let (main, behind) = two_actions(&mut scene, 1000);
    let fail_until = scene.clock.now() + Duration::from_secs(10);
    scene.workers[1].disk.fail(ERRNO, fail_until);
    // The action has buffers of its own; the queue is full behind them.
    let mut sent = 0;
    while sent < 3_000_000 {
        assert!(
            main.enqueue(batch(sent..sent + STEP, Delay::Delayable))
                .is_none()
        );
        sent += STEP;
        scene.run(Duration::from_millis(100));
        assert!(balances(&main) && balances(&behind));
        let (held, _) = behind.held();
        assert!(held <= 1000);
        if held == 1000 {
            break;
        }
        let written = scene.written(0, 0).len();
        assert_eq!(written, sent as usize, "the other one is delayed");
    }
    assert_eq!(behind.held().0, 1000, "it never became full");
    // What comes now waits in the main queue.
    assert!(
        main.enqueue(batch(sent..sent + STEP, Delay::Delayable))
            .is_none()
    );
    sent += STEP;
    scene.run(Duration::from_secs(5));
    assert!(main.held().0 >= STEP as usize);
    scene.run(Duration::from_secs(8));
    let all: Vec<u32> = (0..sent).collect();
    assert_eq!(scene.written(0, 0), all);
    assert_eq!(scene.written(1, 1), all);
    assert!(balances(&main) && balances(&behind));
    assert_eq!((main.held().0, behind.held().0), (0, 0));
}

#[test]
fn what_cannot_wait_is_discarded_after_its_time() {
    let mut scene = Scene::new();
    let (main, behind) = two_actions(&mut scene, 1000);
    behind.enqueue(batch(0..1000, Delay::Delayable));
    let fail_until = scene.clock.now() + Duration::from_secs(60);
    scene.workers[1].disk.fail(ERRNO, fail_until);
    // Fills the action's hands, and its queue.
    scene.run(Duration::from_millis(50));
    while behind.enqueue(batch(0..1000, Delay::Delayable)).is_none() {
        scene.run(Duration::from_millis(20));
    }
    assert!(main.enqueue(batch(0..300, Delay::NotDelayable)).is_none());
    scene.run(Duration::from_millis(1990));
    assert_eq!(behind.counters.discarded_full.get(), 0);
    assert_eq!(main.held().0, 300);
    scene.run(Duration::from_millis(20));
    assert_eq!(behind.counters.discarded_full.get(), 300);
    scene.run(Duration::from_millis(50));
    assert_eq!(scene.written(0, 0), (0..300).collect::<Vec<_>>());
    assert_eq!(main.counters.acknowledged.get(), 300);
    assert!(balances(&main) && balances(&behind));
    // What can wait does.
    assert!(main.enqueue(batch(300..400, Delay::Delayable)).is_none());
    scene.run(Duration::from_secs(10));
    assert_eq!(
        (main.held().0, behind.counters.discarded_full.get()),
        (100, 300)
    );
}

#[test]
fn a_further_worker_ends_when_it_is_idle_and_the_first_one_stays() {
    let mut scene = Scene::new();
    let queue = queue(QueueOptions {
        worker_threads: 2,
        timeout_worker_thread_shutdown: Some(Duration::from_millis(100)),
        ..options(100_000)
    });
    let shared = Arc::new(WorkerShared::new(Arc::clone(&queue)));
    let program = Arc::new(Program::of(vec![Statement::Action(0)]));
    for place in 0..2 {
        let rules = Rules::Program(Arc::clone(&program));
        scene.add(place, Arc::clone(&shared), rules, Vec::new(), &[0]);
    }
    assert_eq!(queue.consumers().begin(), Some(1));
    for first in (0..20_000).step_by(500) {
        assert!(
            queue
                .enqueue(batch(first..first + 500, Delay::Delayable))
                .is_none()
        );
    }
    scene.run(Duration::from_millis(60));
    assert!(!scene.workers[1].is_done);
    scene.run(Duration::from_millis(200));
    assert!(scene.workers[1].is_done && !scene.workers[0].is_done);
    assert_eq!(queue.consumers().running(), 1);
    let mut all = [scene.written(0, 0), scene.written(1, 0)].concat();
    all.sort_unstable();
    assert_eq!(all, (0..20_000).collect::<Vec<_>>());
    let delivered = scene
        .workers
        .iter()
        .map(|stepped| stepped.actions[0].delivered.get());
    assert_eq!(delivered.sum::<u64>(), 20_000);
    // It goes on alone, and to the end.
    assert!(queue.enqueue(batch(0..10, Delay::Delayable)).is_none());
    queue.close();
    scene.run(Duration::from_millis(20));
    assert!(scene.workers[0].is_done);
    assert_eq!(queue.counters.acknowledged.get(), 20_010);
    assert!(
        scene
            .workers
            .iter()
            .all(|stepped| balances(&stepped.shared.queue))
    );
}

#[test]
fn messages_that_come_before_the_worker_sleeps_are_not_slept_past() {
    let few = QueueOptions {
        dequeue_batch_size_min: 10,
        ..options(1000)
    };
    let slow = QueueOptions {
        dequeue_slow_down: Duration::from_millis(100),
        ..options(1000)
    };
    for options in [few, slow] {
        let mut scene = Scene::new();
        let queue = queue(options);
        let program = Program::of(vec![Statement::Action(0)]);
        let rules = Rules::Program(Arc::new(program));
        let shared = Arc::new(WorkerShared::new(Arc::clone(&queue)));
        scene.add(0, shared, rules, Vec::new(), &[0]);
        // The slow one rests after these.
        assert!(queue.enqueue(batch(0..10, Delay::Delayable)).is_none());
        scene.run(Duration::from_millis(50));
        let worker = &mut scene.workers[0].worker;
        assert_eq!(worker.tick(), Turn::Wait { until: None });
        // A producer that does not see the worker asleep wakes nobody.
        assert!(queue.enqueue(batch(10..11, Delay::Delayable)).is_none());
        assert!(worker.has_work(), "it sleeps for ever");
        let Turn::Wait { until } = worker.tick() else {
            panic!("nothing can be taken yet");
        };
        assert!(until.is_some() && !worker.has_work());
    }
}

#[test]
fn a_worker_whose_outlet_is_full_sees_that_files_are_to_be_reopened() {
    let mut scene = Scene::new();
    let (main, behind) = two_actions(&mut scene, 1);
    // Nobody takes from the queue behind.
    scene.workers.truncate(1);
    assert!(behind.enqueue(batch(0..1, Delay::Delayable)).is_none());
    assert!(main.enqueue(batch(0..1, Delay::Delayable)).is_none());
    let Stepped { worker, shared, .. } = &mut scene.workers[0];
    while worker.tick() == Turn::Again {}
    assert!(!worker.has_work());
    shared.reopen_generation.fetch_add(1, Ordering::AcqRel);
    assert!(worker.has_work());
}

#[test]
fn a_worker_that_rests_does_not_end() {
    let mut scene = Scene::new();
    let queue = queue(QueueOptions {
        worker_threads: 2,
        timeout_worker_thread_shutdown: Some(Duration::ZERO),
        dequeue_slow_down: Duration::from_millis(100),
        ..options(1000)
    });
    let shared = Arc::new(WorkerShared::new(Arc::clone(&queue)));
    let program = Program::of(vec![Statement::Action(0)]);
    let rules = Rules::Program(Arc::new(program));
    assert_eq!(queue.consumers().begin(), Some(1));
    scene.add(1, shared, rules, Vec::new(), &[0]);
    assert!(queue.enqueue(batch(0..10, Delay::Delayable)).is_none());
    scene.run(Duration::from_millis(990));
    assert!(!scene.workers[0].is_done, "the next one would not rest");
    scene.run(Duration::from_millis(50));
    assert!(scene.workers[0].is_done);
}
