//! Statements, and their evaluation for a batch.

use super::selections::{Selections, Target, word_of};
use super::selector::Selector;
use super::set::Set;
use crate::message::Message;

/// All rulesets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Program {
    /// Inputs and [`Statement::Call`] name them by their index.
    pub rulesets: Vec<Ruleset>,
    /// Index of the one for inputs that are bound to none (`$DefaultRuleset`).
    pub default: usize,
}

/// `ruleset(name="…") { … }`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ruleset {
    pub name: String,
    /// In the order of the configuration.
    pub statements: Vec<Statement>,
    /// Whether it has a queue of its own (`ruleset(queue.type=…)`,
    /// `$RulesetCreateMainQueue`): then a call is an enqueue.
    pub has_queue: bool,
}

/// One statement. `if … then … else …` is a [`Filter`](Statement::Filter), and
/// so is a selector or property line with the actions chained to it by `&`.
#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    /// The message goes to the action of this index.
    Action(usize),
    /// The message goes through the ruleset of this index, and then on; where that
    /// has a queue, into it, and on. No ruleset may reach itself by calls.
    Call(usize),
    /// Nothing that follows applies to the message, at no level; in a ruleset
    /// that was called, not behind the call either.
    Stop,
    /// Messages that the filter matches go one way, the others the other.
    Filter {
        filter: Filter,
        then: Vec<Statement>,
        otherwise: Vec<Statement>,
    },
}

/// A condition on a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// On its priority.
    Selector(Selector),
}

impl Program {
    /// A program of one ruleset.
    pub fn of(statements: Vec<Statement>) -> Program {
        let ruleset = Ruleset {
            name: String::new(),
            statements,
            has_queue: false,
        };
        Program {
            rulesets: vec![ruleset],
            default: 0,
        }
    }

    /// What the messages of these rulesets may go to, each once: all that a worker
    /// of theirs needs.
    pub fn targets(&self, rulesets: impl IntoIterator<Item = usize>) -> Vec<Target> {
        let mut found = Vec::new();
        for index in rulesets {
            if let Some(ruleset) = self.rulesets.get(index) {
                self.collect_targets(&ruleset.statements, &mut found);
            }
        }
        found
    }

    fn collect_targets(&self, statements: &[Statement], found: &mut Vec<Target>) {
        for statement in statements {
            let target = match statement {
                Statement::Action(action) => Target::Action(*action),
                Statement::Call(index) => match self.rulesets.get(*index) {
                    Some(ruleset) if ruleset.has_queue => Target::Ruleset(*index),
                    Some(ruleset) => {
                        self.collect_targets(&ruleset.statements, found);
                        continue;
                    }
                    None => continue,
                },
                Statement::Stop => continue,
                Statement::Filter {
                    then, otherwise, ..
                } => {
                    self.collect_targets(then, found);
                    self.collect_targets(otherwise, found);
                    continue;
                }
            };
            if !found.contains(&target) {
                found.push(target);
            }
        }
    }

    /// Finds out which of `count` messages of a ruleset go to which target;
    /// `message` gives them by index. A message goes to a target once at most.
    pub fn evaluate<'a>(
        &self,
        ruleset: usize,
        count: usize,
        message: impl Fn(usize) -> Message<'a>,
        selections: &mut Selections,
    ) {
        selections.begin(count);
        let Some(ruleset) = self.rulesets.get(ruleset).filter(|_| count > 0) else {
            return;
        };
        let mut scope = selections.spare();
        scope.set_all();
        self.run(&ruleset.statements, &mut scope, &message, selections);
        selections.put_back(scope);
    }

    /// Runs statements for the messages of `scope`, from which those that are
    /// stopped are taken.
    fn run<'a>(
        &self,
        statements: &[Statement],
        scope: &mut Set,
        message: &impl Fn(usize) -> Message<'a>,
        selections: &mut Selections,
    ) {
        for statement in statements {
            if scope.is_empty() {
                return;
            }
            match statement {
                Statement::Action(action) => selections.choose(Target::Action(*action), scope),
                Statement::Call(index) => match self.rulesets.get(*index) {
                    Some(ruleset) if ruleset.has_queue => {
                        selections.choose(Target::Ruleset(*index), scope);
                    }
                    Some(ruleset) => self.run(&ruleset.statements, scope, message, selections),
                    None => {}
                },
                Statement::Stop => {
                    let count = selections.count;
                    selections.stopped.unite(scope, count);
                    scope.set_none();
                }
                Statement::Filter {
                    filter,
                    then,
                    otherwise,
                } => {
                    let mut matching = selections.spare();
                    filter.select(&mut matching, scope, message, selections);
                    let mut others = selections.spare();
                    others.difference(scope, &matching, selections.count);
                    self.run(then, &mut matching, message, selections);
                    self.run(otherwise, &mut others, message, selections);
                    selections.put_back(others);
                    selections.put_back(matching);
                    scope.subtract(&selections.stopped, selections.count);
                }
            }
        }
    }
}

impl Filter {
    /// `matching` becomes the messages of `scope` that the filter matches.
    fn select<'a>(
        &self,
        matching: &mut Set,
        scope: &Set,
        message: &impl Fn(usize) -> Message<'a>,
        selections: &mut Selections,
    ) {
        let count = selections.count;
        match self {
            Filter::Selector(selector) if selector.matches_all() => matching.copy(scope),
            Filter::Selector(selector) if selector.matches_none() => matching.set_none(),
            Filter::Selector(selector) => {
                let priorities = selections.priorities(|index| message(index).header.priority);
                matching.select(scope, count, |index| {
                    word_of(index, priorities, |priority| selector.matches(priority))
                });
            }
        }
    }
}
