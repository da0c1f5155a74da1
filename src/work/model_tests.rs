//! Workers and queues as they come and go, against what must be true of them: the
//! accounts balance at every step, and each message is in each file once or counted
//! as discarded.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use proptest::prelude::*;

use super::worker_tests::{ERRNO, Scene, balances, batch, queue};
use super::*;
use crate::base::Clock;
use crate::message::Delay;
use crate::queue::{QueueKind, QueueOptions};
use crate::rules::{Program, Statement, Target};

#[derive(Clone, Debug)]
enum Step {
    Enqueue {
        messages: u32,
        delay: Delay,
    },
    Time(u64),
    /// The disk of the first or the second action fails for so long.
    Fail {
        disk: usize,
        millis: u64,
    },
    Pause,
    Resume,
    /// A second worker of the main queue.
    Join,
}

fn step() -> impl Strategy<Value = Step> {
    let delay = prop_oneof![Just(Delay::Delayable), Just(Delay::NotDelayable)];
    prop_oneof![
        8 => (1u32..400, delay).prop_map(|(messages, delay)| Step::Enqueue { messages, delay }),
        8 => (1u64..60).prop_map(Step::Time),
        1 => (1000u64..4000).prop_map(Step::Time),
        2 => (0usize..2, 1u64..3000).prop_map(|(disk, millis)| Step::Fail { disk, millis }),
        1 => Just(Step::Pause),
        2 => Just(Step::Resume),
        1 => Just(Step::Join),
    ]
}

fn kind() -> impl Strategy<Value = QueueKind> {
    prop_oneof![Just(QueueKind::FixedArray), Just(QueueKind::LinkedList)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn accounts_balance_and_nothing_is_lost_or_twice(
        kinds in (kind(), kind()),
        sizes in (100usize..3000, 50usize..1000),
        batch_size in 1usize..500,
        slow_down in prop_oneof![Just(0u64), 1u64..20],
        steps in prop::collection::vec(step(), 1..60),
        is_patient in any::<bool>(),
    ) {
        let options = |kind, size| QueueOptions {
            kind,
            size,
            dequeue_batch_size: batch_size,
            worker_threads: 2,
            timeout_worker_thread_shutdown: Some(Duration::from_millis(20)),
            timeout_enqueue: Duration::from_millis(500),
            ..QueueOptions::main()
        };
        let main = queue(QueueOptions {
            dequeue_slow_down: Duration::from_micros(slow_down),
            ..options(kinds.0, sizes.0)
        });
        let behind = queue(options(kinds.1, sizes.1));
        let mut scene = Scene::new();
        let program = Program::of(vec![Statement::Action(0), Statement::Action(1)]);
        let rules = Rules::Program(Arc::new(program));
        let shared = Arc::new(WorkerShared::new(Arc::clone(&main)));
        let outlet = || vec![Outlet::new(Target::Action(1), Arc::clone(&behind))];
        let first = scene.add(0, Arc::clone(&shared), rules.clone(), outlet(), &[0]);
        let behind_shared = Arc::new(WorkerShared::new(Arc::clone(&behind)));
        let second = scene.add(0, Arc::clone(&behind_shared), Rules::Action(1), Vec::new(), &[1]);
        let mut direct = vec![first];
        let mut next = 0;
        for step in steps {
            match step {
                Step::Enqueue { messages, delay } => {
                    let offered = batch(next..next + messages, delay);
                    let rest = main.enqueue(offered).map_or(0, |rest| rest.len() as u32);
                    // The producer forgets what was refused.
                    next += messages - rest;
                }
                Step::Time(millis) => scene.run(Duration::from_millis(millis)),
                Step::Fail { disk, millis } => {
                    let until = scene.clock.now() + Duration::from_millis(millis);
                    for worker in match disk {
                        0 => direct.clone(),
                        _ => vec![second],
                    } {
                        scene.workers[worker].disk.fail(ERRNO, until);
                    }
                }
                Step::Pause => main.pause(),
                Step::Resume => main.resume(),
                Step::Join => {
                    if let Some(place) = main.consumers().begin() {
                        let rules = rules.clone();
                        direct.push(scene.add(place, Arc::clone(&shared), rules, outlet(), &[0]));
                    }
                }
            }
            prop_assert!(balances(&main), "{:?}", main.counters);
            prop_assert!(balances(&behind), "{:?}", behind.counters);
            prop_assert!(main.held().0 <= sizes.0 && behind.held().0 <= sizes.1);
        }
        // The stop, as the daemon does it; it ends the pause.
        for (queue, shared) in [(&main, &shared), (&behind, &behind_shared)] {
            queue.close();
            if is_patient {
                scene.run(Duration::from_secs(30));
            } else {
                scene.run(Duration::from_millis(5));
                shared.must_abandon.store(true, Ordering::Release);
                scene.run(Duration::from_millis(100));
            }
        }
        prop_assert!(scene.workers.iter().all(|stepped| stepped.is_done));
        prop_assert!(balances(&main) && balances(&behind));
        prop_assert_eq!((main.held().0, behind.held().0), (0, 0));
        prop_assert_eq!(main.counters.enqueued.get(), u64::from(next));
        let mut written: Vec<u32> = Vec::new();
        for &worker in &direct {
            let lines = scene.written(worker, 0);
            // One worker keeps the order.
            prop_assert!(lines.is_sorted());
            written.extend(lines);
        }
        let behind_written = scene.written(second, 1);
        prop_assert!(direct.len() > 1 || behind_written.is_sorted());
        for lines in [&written, &behind_written] {
            let once: BTreeSet<u32> = lines.iter().copied().collect();
            prop_assert_eq!(once.len(), lines.len(), "a message is there twice");
        }
        if is_patient {
            prop_assert_eq!(written.len() as u64, main.counters.acknowledged.get());
            prop_assert_eq!(written.len() as u64, u64::from(next));
            prop_assert_eq!(behind.counters.enqueued.get(), u64::from(next));
            prop_assert_eq!(behind_written.len() as u64, behind.counters.acknowledged.get());
            let late = behind.counters.discarded_full.get();
            prop_assert_eq!(behind_written.len() as u64 + late, u64::from(next));
        } else {
            prop_assert!(written.len() as u64 >= main.counters.acknowledged.get());
        }
    }
}
