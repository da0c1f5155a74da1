//! Rulesets: `ruleset()`, `$RuleSet`, `call`, and what is bound to them.

use super::queue::QueueSetting;
use super::{Checker, Once};
use crate::config::diagnostic::Diagnostic;
use crate::config::parameters::QUEUE;
use crate::config::span::{Span, Spanned, Text};
use crate::config::syntax::tree::Object;
use crate::limits::CALL_DEPTH_MAX;
use crate::queue::QueueOptions;
use crate::receive::ListenerOptions;
use crate::rules::{Program, Ruleset, Statement};

/// rsyslog's name of the ruleset that is there from the start.
const DEFAULT_NAME: &str = "RSYSLOG_DefaultRuleset";

/// The rulesets so far: those that are defined, and those that are only named,
/// which may be defined below.
pub(super) struct Rulesets {
    all: Vec<PlannedRuleset>,
    /// The one that statements outside of all blocks go to: `$RuleSet`.
    current: usize,
    /// `$DefaultRuleset`.
    default: Option<Spanned<String>>,
}

struct PlannedRuleset {
    name: String,
    statements: Vec<Statement>,
    defined_at: Option<Span>,
    /// The first place that names it.
    used_at: Option<Span>,
    /// What makes the queue of its own, if it has one.
    queue: Option<Vec<QueueSetting>>,
}

impl Default for Rulesets {
    fn default() -> Rulesets {
        let default = PlannedRuleset {
            name: DEFAULT_NAME.to_owned(),
            statements: Vec::new(),
            defined_at: None,
            used_at: None,
            queue: None,
        };
        Rulesets {
            all: vec![default],
            current: 0,
            default: None,
        }
    }
}

impl Rulesets {
    /// Moves statements to the ruleset in force.
    pub fn extend_current(&mut self, statements: &mut Vec<Statement>) {
        self.all[self.current].statements.append(statements);
    }

    /// `$DefaultRuleset`; the last one holds.
    pub fn set_default(&mut self, name: Spanned<String>) {
        self.default = Some(name);
    }

    /// Whether the default ruleset is in force: it has the main queue.
    pub fn is_default_current(&self) -> bool {
        self.current == 0
    }

    /// Gives the ruleset in force a queue. The name of one that has one is
    /// returned.
    pub fn create_queue(&mut self, settings: Vec<QueueSetting>) -> Result<(), &str> {
        let ruleset = &mut self.all[self.current];
        if ruleset.queue.is_some() {
            return Err(&ruleset.name);
        }
        ruleset.queue = Some(settings);
        Ok(())
    }

    /// The index of the ruleset of this name, in any case.
    fn index(&mut self, name: &str) -> usize {
        let is = |ruleset: &PlannedRuleset| ruleset.name.eq_ignore_ascii_case(name);
        self.all.iter().position(is).unwrap_or_else(|| {
            self.all.push(PlannedRuleset {
                name: name.to_owned(),
                statements: Vec::new(),
                defined_at: None,
                used_at: None,
                queue: None,
            });
            self.all.len() - 1
        })
    }

    /// The index of a ruleset that is named at `span`.
    fn used(&mut self, name: &Spanned<String>) -> usize {
        let index = self.index(&name.value);
        self.all[index].used_at.get_or_insert(name.span);
        index
    }
}

impl Checker {
    /// `ruleset(name="…") { … }`.
    pub(super) fn ruleset_object(&mut self, object: &Object) {
        let mut once = Once::default();
        let mut queue = Vec::new();
        for parameter in &object.parameters {
            if !self.is_first(&mut once, parameter) {
                continue;
            }
            if let Some(row) = QUEUE.find(&parameter.name.value) {
                queue.extend(self.queue_setting(row, parameter));
                continue;
            }
            if parameter.name.value.eq_ignore_ascii_case("name") {
                let text = self.text_of(parameter);
                if let Some(text) = text.filter(|text| text.value.is_empty()) {
                    self.found
                        .push(Diagnostic::error(text.span, "`name` is empty"));
                }
                continue;
            }
            let names = ["name", "parser"].into_iter().chain(QUEUE.names());
            self.unknown(parameter, "ruleset()", names, |name| {
                name.eq_ignore_ascii_case("parser") || QUEUE.is_rsyslogs(name)
            });
        }
        let name = self.required(object, "name").cloned();
        let mut statements = self.items(object.block.as_deref().unwrap_or(&[]), 1);
        let Some(name) = name.filter(|name| !name.value.is_empty()) else {
            return;
        };
        let index = self.rulesets.index(&name.value);
        let is_default = index == 0;
        let ruleset = &mut self.rulesets.all[index];
        if let Some(first) = ruleset.defined_at {
            let line = self.sources.place(first.file, first.start as usize).line;
            let message = format!("there is a ruleset {} already", name.value);
            let hint = format!("it is on line {line}; $RuleSet {} adds to it", name.value);
            return self.error(name.span, message, hint);
        }
        if is_default {
            let message = format!("{DEFAULT_NAME} is there already");
            let hint = "it is what stands outside of all rulesets";
            return self.error(name.span, message, hint);
        }
        ruleset.defined_at = Some(name.span);
        ruleset.statements.append(&mut statements);
        ruleset.queue = Some(queue).filter(|queue| !queue.is_empty());
    }

    /// `$RuleSet`: what follows goes to this ruleset, in files that include this
    /// one as well, as in rsyslog.
    pub(super) fn ruleset_directive(&mut self, name: &Text, blocks: usize) {
        if blocks > 0 {
            let message = "$RuleSet is not allowed within a block";
            let hint = "move it to a line of its own, outside";
            return self.error(name.span, message, hint);
        }
        let index = self.rulesets.index(&name.value);
        self.rulesets.all[index].defined_at.get_or_insert(name.span);
        self.rulesets.current = index;
    }

    /// `call name`.
    pub(super) fn call(&mut self, name: &Spanned<String>, span: Span) -> Option<Statement> {
        if name.value.is_empty() {
            self.error(
                span,
                "`call` has no ruleset",
                "write for example: call remote",
            );
            return None;
        }
        Some(Statement::Call(self.rulesets.used(name)))
    }

    /// The listeners with their rulesets found, all rulesets, and the queues that
    /// these have of their own.
    pub(super) fn listeners_and_program(
        &mut self,
        message_bytes_max: usize,
    ) -> (Vec<ListenerOptions>, Program, Vec<Option<QueueOptions>>) {
        let default = self.rulesets.default.take();
        let default = default.map_or(0, |name| self.rulesets.used(&name));
        let mut listeners = Vec::new();
        for planned in std::mem::take(&mut self.listeners) {
            let mut options = planned.options;
            let bound = planned.ruleset.map(|name| self.rulesets.used(&name));
            options.ruleset = bound.unwrap_or(default);
            // It holds for all of them, wherever it stands.
            options.access.allowed_senders = match options.udp {
                Some(_) => self.allowed_udp_senders.clone(),
                None => self.allowed_senders.clone(),
            };
            listeners.push(options);
        }
        self.tell_unknown_rulesets();
        self.tell_unused_rulesets();
        let rulesets = std::mem::take(&mut self.rulesets.all);
        self.tell_rounds(&rulesets);
        let mut queues = Vec::new();
        for planned in &rulesets {
            let settings = planned.queue.as_ref();
            queues.push(settings.and_then(|queue| self.ruleset_queue(queue, message_bytes_max)));
        }
        let rulesets = rulesets
            .into_iter()
            .zip(&queues)
            .map(|(planned, queue)| Ruleset {
                name: planned.name,
                statements: planned.statements,
                has_queue: queue.is_some(),
            })
            .collect();
        (listeners, Program { rulesets, default }, queues)
    }

    fn tell_unknown_rulesets(&mut self) {
        let (known, unknown): (Vec<_>, Vec<_>) = self.rulesets.all[1..]
            .iter()
            .partition(|ruleset| ruleset.defined_at.is_some());
        let mut errors = Vec::new();
        for ruleset in unknown {
            let Some(span) = ruleset.used_at else {
                continue;
            };
            let names = known.iter().map(|ruleset| ruleset.name.as_str());
            let hint = self.suggest(&ruleset.name, names.chain([DEFAULT_NAME]));
            let message = format!("there is no ruleset {}", ruleset.name);
            errors.push(Diagnostic::error(span, message).maybe_hint(hint));
        }
        self.found.extend(errors);
    }

    fn tell_unused_rulesets(&mut self) {
        for ruleset in &self.rulesets.all[1..] {
            let Some(span) = ruleset.defined_at.filter(|_| ruleset.used_at.is_none()) else {
                continue;
            };
            let name = &ruleset.name;
            let message = format!("no input and no call uses the ruleset {name}");
            let hint = format!("bind an input to it: input(… ruleset=\"{name}\")");
            self.found
                .push(Diagnostic::warning(span, message).hint(hint));
        }
    }

    /// Calls that lead back to where they began would never end; chains of them
    /// that are too long could end the stack.
    fn tell_rounds(&mut self, rulesets: &[PlannedRuleset]) {
        let calls: Vec<Vec<usize>> = rulesets
            .iter()
            .map(|ruleset| {
                let mut calls = Vec::new();
                collect_calls(&ruleset.statements, &mut calls);
                calls.sort_unstable();
                calls.dedup();
                calls
            })
            .collect();
        // Longest chain of calls below each ruleset; found when all below are.
        let mut depths: Vec<Option<usize>> = vec![None; rulesets.len()];
        loop {
            let mut has_found = false;
            for (index, calls) in calls.iter().enumerate() {
                if depths[index].is_some() {
                    continue;
                }
                let below: Option<Vec<usize>> = calls.iter().map(|call| depths[*call]).collect();
                if let Some(below) = below {
                    depths[index] = Some(below.into_iter().max().map_or(0, |depth| depth + 1));
                    has_found = true;
                }
            }
            if !has_found {
                break;
            }
        }
        for (ruleset, depth) in rulesets.iter().zip(depths) {
            let name = &ruleset.name;
            let message = match depth {
                None => format!("the calls of the ruleset {name} never end"),
                Some(depth) if depth > CALL_DEPTH_MAX => {
                    format!("the calls of the ruleset {name} are more than {CALL_DEPTH_MAX} deep")
                }
                Some(_) => continue,
            };
            let error = match ruleset.defined_at.or(ruleset.used_at) {
                Some(span) => Diagnostic::error(span, message),
                None => Diagnostic::whole(crate::config::Level::Error, message),
            };
            let hint = "a ruleset cannot call itself, not by way of others either";
            self.found.push(error.hint(hint));
        }
    }
}

fn collect_calls(statements: &[Statement], calls: &mut Vec<usize>) {
    for statement in statements {
        match statement {
            Statement::Call(ruleset) => calls.push(*ruleset),
            Statement::Filter {
                then, otherwise, ..
            } => {
                collect_calls(then, calls);
                collect_calls(otherwise, calls);
            }
            Statement::Action(_) | Statement::Stop => {}
        }
    }
}
