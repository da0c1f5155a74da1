//! Queues: the main one, those of rulesets, and those of actions.

use super::queue_review::{Place, review, without_effect};
use super::{Checker, Legacy, Once};
use crate::config::diagnostic::{Diagnostic, Level};
use crate::config::parameters::{CREATE_RULESET_QUEUE, QUEUE, Row, Setting};
use crate::config::span::Span;
use crate::config::syntax::tree::{Directive, Object, Parameter};
use crate::queue::{QueueKind, QueueOptions, Window};

/// A parameter of a queue, and where it is written.
#[derive(Clone)]
pub(super) struct QueueSetting {
    /// RainerScript's name.
    pub parameter: &'static str,
    /// Its name in the configuration.
    pub span: Span,
    set: Setting<QueueOptions>,
}

impl From<&Legacy<QueueOptions>> for QueueSetting {
    fn from(legacy: &Legacy<QueueOptions>) -> QueueSetting {
        QueueSetting {
            parameter: legacy.parameter,
            span: legacy.directive.span,
            set: legacy.setting(),
        }
    }
}

impl Checker {
    /// A parameter of a queue within an object.
    pub(super) fn queue_setting(
        &mut self,
        row: &'static Row<QueueOptions>,
        parameter: &Parameter,
    ) -> Option<QueueSetting> {
        let set = self.setting(row, parameter)?;
        Some(QueueSetting {
            parameter: row.name,
            span: parameter.name.span,
            set,
        })
    }

    /// `main_queue(…)`.
    pub(super) fn main_queue(&mut self, object: &Object) {
        let mut once = Once::default();
        let mut settings = Vec::new();
        for parameter in &object.parameters {
            if !self.is_first(&mut once, parameter) {
                continue;
            }
            match QUEUE.find(&parameter.name.value) {
                Some(row) => settings.extend(self.queue_setting(row, parameter)),
                None => self.unknown(parameter, QUEUE.object, QUEUE.names(), |name| {
                    QUEUE.is_rsyslogs(name)
                }),
            }
        }
        if self.main_queue_at.is_some() {
            return self.error(
                object.name.span,
                "there is a main_queue() already",
                "there is one main queue; set all its parameters in one place",
            );
        }
        self.main_queue_at = Some(object.name.span);
        self.main_queue = settings;
    }

    /// `$RulesetCreateMainQueue`: the queue has what `$MainMsgQueue…` has set so
    /// far, as in rsyslog.
    pub(super) fn create_ruleset_queue(&mut self, written: &Directive, blocks: usize) {
        let span = written.name.span;
        let mut creates = false;
        if let Some(set) = self.read(&CREATE_RULESET_QUEUE, written) {
            set(&mut creates);
        }
        if blocks > 0 {
            let message = "$RulesetCreateMainQueue is not allowed within a block";
            let hint = "write it behind $RuleSet, or queue.type=\"…\" in ruleset()";
            return self.error(span, message, hint);
        }
        if !creates {
            return;
        }
        if self.rulesets.is_default_current() {
            let message = "$RulesetCreateMainQueue has no effect on the default ruleset";
            let hint = "that has the main queue; write $RuleSet before it";
            let warning = Diagnostic::warning(span, message).hint(hint);
            return self.found.push(warning);
        }
        let settings = self.main_queue_legacy.iter().map(QueueSetting::from);
        if let Err(name) = self.rulesets.create_queue(settings.collect()) {
            let message = format!("the ruleset {name} has a queue already");
            let hint = "set all its parameters in one place";
            return self.error(span, message, hint);
        }
        // They have their effect, whether there is a main_queue() or not.
        for legacy in &mut self.main_queue_legacy {
            legacy.told = true;
        }
    }

    /// What `$ActionQueue…` has set for the next action; it is spent.
    pub(super) fn next_action_queue(&mut self) -> Vec<QueueSetting> {
        let legacy = std::mem::take(&mut self.action_queue_legacy);
        legacy.iter().map(QueueSetting::from).collect()
    }

    /// Without `main_queue()` the directives hold; with it they do not, as in
    /// rsyslog.
    pub(super) fn finish_main_queue(&mut self, message_bytes_max: usize) -> QueueOptions {
        let mut settings = std::mem::take(&mut self.main_queue);
        for legacy in &self.main_queue_legacy {
            if self.main_queue_at.is_none() {
                settings.push(QueueSetting::from(legacy));
                continue;
            }
            if legacy.told {
                continue;
            }
            let name = &legacy.directive.value;
            let message = format!("{name} has no effect beside main_queue(), as in rsyslog");
            let hint = format!("write {}=\"…\" in main_queue()", legacy.parameter);
            self.found
                .push(Diagnostic::warning(legacy.directive.span, message).hint(hint));
        }
        self.queue(Place::Main, &settings, message_bytes_max)
    }

    /// The queue of a ruleset, unless it is none.
    pub(super) fn ruleset_queue(
        &mut self,
        settings: &[QueueSetting],
        message_bytes_max: usize,
    ) -> Option<QueueOptions> {
        let options = self.queue(Place::Ruleset, settings, message_bytes_max);
        Some(options).filter(|options| options.kind != QueueKind::Direct)
    }

    /// The queue of an action.
    pub(super) fn action_queue(
        &mut self,
        settings: &[QueueSetting],
        message_bytes_max: usize,
    ) -> QueueOptions {
        self.queue(Place::Action, settings, message_bytes_max)
    }

    /// A queue with these parameters; tells which of them do not go together.
    /// It has to hold a message of `message_bytes_max` bytes.
    fn queue(
        &mut self,
        place: Place,
        settings: &[QueueSetting],
        message_bytes_max: usize,
    ) -> QueueOptions {
        let mut defaults = match place {
            Place::Main => QueueOptions::main(),
            Place::Ruleset => QueueOptions::ruleset(),
            Place::Action => QueueOptions::action(),
        };
        match place {
            Place::Main | Place::Ruleset => self.globals.ruleset_queues.apply(&mut defaults),
            Place::Action => self.globals.action_queues.apply(&mut defaults),
        }
        let mut wanted = defaults.clone();
        settings.iter().for_each(|each| (each.set)(&mut wanted));
        // A parameter that has no effect shall have none.
        let (idle, settings): (Vec<_>, Vec<_>) = settings
            .iter()
            .cloned()
            .partition(|each| without_effect(place, wanted.kind, each.parameter));
        for each in idle {
            let name = each.parameter;
            let message =
                format!("`{name}` has no effect on a Direct queue, which keeps no messages");
            let hint = "set the type too: queue.type=\"LinkedList\"";
            let warning = Diagnostic::warning(each.span, message).hint(hint);
            self.found.push(warning);
        }
        let mut options = defaults;
        settings.iter().for_each(|each| (each.set)(&mut options));
        self.found.extend(review(place, &settings, &options));
        correct(&mut options);
        if place == Place::Main || options.kind != QueueKind::Direct {
            self.tell_memory(&settings, &options, message_bytes_max);
        }
        options
    }

    fn tell_memory(
        &mut self,
        settings: &[QueueSetting],
        options: &QueueOptions,
        message_bytes_max: usize,
    ) {
        if options.memory_bytes_max >= message_bytes_max {
            return;
        }
        let what = match message_bytes_max > self.globals.max_message_size {
            true => "the longest message that oversizemsg.input.mode accepts",
            false => "maxMessageSize",
        };
        let message = format!("queue.maxMemory is below {what}, {message_bytes_max} bytes");
        let error = match place_of(settings, "queue.maxMemory") {
            Some(span) => Diagnostic::error(span, message),
            None => Diagnostic::whole(Level::Error, message),
        };
        let hint = "the queue must hold one message of any size";
        self.found.push(error.hint(hint));
    }
}

/// Where a parameter is written; the last place holds.
pub(super) fn place_of(settings: &[QueueSetting], parameter: &str) -> Option<Span> {
    let mut settings = settings.iter().rev();
    let found = settings.find(|each| each.parameter == parameter);
    found.map(|each| each.span)
}

/// Bounds what would wait for what never comes. Of the marks the functions of
/// [`QueueOptions`] say what is in force.
fn correct(options: &mut QueueOptions) {
    let batch = options.dequeue_batch_size.min(options.size);
    options.dequeue_batch_size_min = options.dequeue_batch_size_min.min(batch);
    options.worker_threads = options.worker_threads.min(options.size);
    let is_bounded = |window: &Window| window.is_bounded();
    options.window = options.window.filter(is_bounded);
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
