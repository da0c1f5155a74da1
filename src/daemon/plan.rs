//! Which queues there are, what feeds them, and where their messages go.

use crate::action::ActionOptions;
use crate::config::Config;
use crate::queue::{QueueKind, QueueOptions};
use crate::rules::Target;

/// The name of the main queue.
pub const MAIN: &str = "main";

/// One queue.
pub struct QueuePlan {
    /// `main`, or the name of its ruleset or action.
    pub name: String,
    pub options: QueueOptions,
    pub place: Place,
    /// Where its workers hand messages on to: indexes of queues.
    pub outlets: Vec<(Target, usize)>,
    /// Indexes of the actions that its workers drive themselves.
    pub actions: Vec<usize>,
    /// Queues of an earlier stage feed those of a later one.
    pub stage: usize,
}

/// What a queue stands in front of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Of rules: those of all rulesets without a queue, or of one ruleset.
    Rules,
    /// Of the action of this index.
    Action(usize),
}

/// All queues; the main queue is the first.
pub struct Plan {
    pub queues: Vec<QueuePlan>,
    /// For each ruleset the index of the queue that its messages go into.
    pub of_rulesets: Vec<usize>,
}

impl Plan {
    /// The queues of a configuration.
    pub fn of(config: &Config) -> Plan {
        let rulesets = &config.program.rulesets;
        let mut queues = vec![plan(MAIN, &config.main_queue, Place::Rules)];
        let mut of_rulesets = vec![0; rulesets.len()];
        for (index, options) in config.ruleset_queues.iter().enumerate() {
            if let Some(options) = options {
                of_rulesets[index] = queues.len();
                queues.push(plan(&rulesets[index].name, options, Place::Rules));
            }
        }
        let rules_count = queues.len();
        let mut of_actions = vec![None; config.actions.len()];
        for (index, action) in config.actions.iter().enumerate() {
            if action.queue.kind != QueueKind::Direct {
                of_actions[index] = Some(queues.len());
                queues.push(plan(&action.name, &action.queue, Place::Action(index)));
            }
        }
        for (queue, plan) in queues.iter_mut().enumerate() {
            if let Place::Action(action) = plan.place {
                plan.actions.push(action);
                continue;
            }
            let entries = of_rulesets.iter().enumerate();
            let entries = entries.filter(|(_, of)| **of == queue).map(|(at, _)| at);
            for target in config.program.targets(entries) {
                let outlet = match target {
                    Target::Action(action) => of_actions[action],
                    Target::Ruleset(ruleset) => Some(of_rulesets[ruleset]),
                };
                match (outlet, target) {
                    (Some(outlet), _) => plan.outlets.push((target, outlet)),
                    (None, Target::Action(action)) => plan.actions.push(action),
                    (None, Target::Ruleset(_)) => {}
                }
            }
        }
        set_stages(&mut queues, rules_count);
        Plan {
            queues,
            of_rulesets,
        }
    }

    /// The queues whose workers hand messages on to queue `index`.
    pub fn feeders(&self, index: usize) -> impl Iterator<Item = usize> {
        let queues = self.queues.iter().enumerate();
        queues
            .filter(move |(_, plan)| plan.outlets.iter().any(|(_, outlet)| *outlet == index))
            .map(|(feeder, _)| feeder)
    }

    /// How many workers may drive an instance of action `index` at a time.
    pub fn drivers(&self, index: usize) -> usize {
        let drives = |plan: &&QueuePlan| plan.actions.contains(&index);
        let queues = self.queues.iter().filter(drives);
        queues.map(|plan| plan.options.worker_threads).sum()
    }

    /// Workers at most.
    pub fn workers(&self) -> usize {
        let queues = self.queues.iter();
        queues.map(|plan| plan.options.worker_threads).sum()
    }
}

fn plan(name: &str, options: &QueueOptions, place: Place) -> QueuePlan {
    QueuePlan {
        name: name.to_owned(),
        options: options.clone(),
        place,
        outlets: Vec::new(),
        actions: Vec::new(),
        stage: 0,
    }
}

/// Each queue comes behind all that feed it. Calls lead in no circle.
fn set_stages(queues: &mut [QueuePlan], rules_count: usize) {
    for _ in 0..queues.len() {
        for feeder in 0..rules_count {
            let stage = queues[feeder].stage + 1;
            for outlet in 0..queues[feeder].outlets.len() {
                let (_, outlet) = queues[feeder].outlets[outlet];
                queues[outlet].stage = queues[outlet].stage.max(stage);
            }
        }
    }
    // Those of actions are drained when nothing feeds any of them.
    let last = queues[..rules_count].iter().map(|plan| plan.stage).max();
    for plan in &mut queues[rules_count..] {
        plan.stage = last.unwrap_or_default() + 1;
    }
}

/// Tells the actions which of their files others write too, or other workers.
pub fn mark_shared_files(actions: &mut [ActionOptions], plan: &Plan) {
    let mut writers = std::collections::HashMap::new();
    for (index, action) in actions.iter().enumerate() {
        if let Some(path) = action.file() {
            *writers.entry(path.to_owned()).or_insert(0) += plan.drivers(index);
        }
    }
    for action in actions {
        if let crate::action::DriverOptions::File(file) = &mut action.driver {
            file.is_shared = writers.get(&file.path).is_some_and(|count| *count > 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::DriverOptions;
    use crate::rules::{Program, Ruleset, Statement};

    fn with_queue(kind: QueueKind) -> ActionOptions {
        let name = format!("{kind:?}");
        let mut action = ActionOptions::new(name, DriverOptions::Discard, 0);
        action.queue.kind = kind;
        action
    }

    fn ruleset(name: &str, has_queue: bool, statements: Vec<Statement>) -> Ruleset {
        Ruleset {
            name: name.to_owned(),
            statements,
            has_queue,
        }
    }

    #[test]
    fn queues_come_behind_what_feeds_them() {
        let (mut config, _) = Config::from_text("t", "*.* /tmp/x").expect("a configuration");
        config.program = Program {
            rulesets: vec![
                ruleset("", false, vec![Statement::Call(1), Statement::Call(2)]),
                ruleset("plain", false, vec![Statement::Action(0)]),
                ruleset("far", true, vec![Statement::Call(3), Statement::Action(1)]),
                ruleset("farther", true, vec![Statement::Call(1)]),
            ],
            default: 0,
        };
        config.actions = vec![
            with_queue(QueueKind::Direct),
            with_queue(QueueKind::LinkedList),
        ];
        let queue = Some(QueueOptions::ruleset());
        config.ruleset_queues = vec![None, None, queue.clone(), queue];
        let plan = Plan::of(&config);
        let seen: Vec<_> = plan
            .queues
            .iter()
            .map(|plan| (plan.name.as_str(), plan.stage, plan.actions.clone()))
            .collect();
        let expected = [
            ("main", 0, vec![0]),
            ("far", 1, vec![]),
            ("farther", 2, vec![0]),
            ("LinkedList", 3, vec![1]),
        ];
        assert_eq!(seen, expected);
        assert_eq!(plan.of_rulesets, [0, 0, 1, 2]);
        assert_eq!(plan.queues[0].outlets, [(Target::Ruleset(2), 1)]);
        let outlets = [(Target::Ruleset(3), 2), (Target::Action(1), 3)];
        assert_eq!(plan.queues[1].outlets, outlets);
        assert_eq!(plan.feeders(3).collect::<Vec<_>>(), [1]);
        assert_eq!((plan.drivers(0), plan.drivers(1)), (2, 1));
    }
}
