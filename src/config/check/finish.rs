//! What can only be checked when all files are read.

use std::collections::HashMap;

use super::Checker;
use crate::action::ActionOptions;
use crate::config::Config;
use crate::config::diagnostic::{Diagnostic, Diagnostics, Level};
use crate::config::span::{Span, Spanned};
use crate::template::Template;

/// omfile's template in rsyslog.
const DEFAULT_TEMPLATE: &str = "RSYSLOG_FileFormat";

impl Checker {
    /// The configuration, if nothing is wrong with it.
    pub(super) fn finish(mut self) -> Result<(Config, Diagnostics), Diagnostics> {
        let message_bytes_max = self.message_bytes_max();
        let main_queue = self.finish_main_queue(message_bytes_max);
        self.tell_unused();
        self.tell_work_directory();
        self.tell_taken_twice();
        self.tell_useless();
        if !self.saw_action {
            let message = "no action is configured: every message would be lost";
            self.whole(
                Level::Error,
                message,
                "write for example: *.* /var/log/messages",
            );
        }
        if !self.saw_input {
            let message = "no input is configured: nothing will be received";
            let hint =
                "write for example: module(load=\"imptcp\") input(type=\"imptcp\" port=\"514\")";
            self.whole(Level::Warning, message, hint);
        }
        let (actions, templates) = self.actions_and_templates(message_bytes_max);
        let (listeners, program, ruleset_queues) = self.listeners_and_program(message_bytes_max);
        let is_wrong = self.found.iter().any(|found| found.level == Level::Error);
        let diagnostics = Diagnostics::new(self.sources, self.found);
        if is_wrong {
            return Err(diagnostics);
        }
        // They share threads and connections: each shall have what it asks for.
        let states = self.modules.iter();
        let modules = states.filter_map(|state| state.options.as_ref());
        let config = Config {
            globals: self.globals,
            reactors: modules.clone().filter_map(|module| module.reactors).max(),
            sessions_max: modules.filter_map(|module| module.sessions_max).min(),
            listeners,
            main_queue,
            ruleset_queues,
            templates,
            actions,
            program,
        };
        Ok((config, diagnostics))
    }

    /// Bytes of the longest message that a queue may have to hold.
    fn message_bytes_max(&self) -> usize {
        let base = self.globals.framer();
        let listeners = self.listeners.iter();
        listeners
            .map(|planned| planned.options.framer(&base).text_bytes_max())
            .fold(self.globals.max_message_size, usize::max)
    }

    /// Directives for the next action that no action follows.
    fn tell_unused(&mut self) {
        let of_actions = self.action_legacy.iter().filter(|legacy| legacy.is_once);
        let of_actions = of_actions.map(|legacy| &legacy.directive);
        let of_queues = self.action_queue_legacy.iter();
        for directive in of_actions.chain(of_queues.map(|legacy| &legacy.directive)) {
            let message = format!("no action follows {}", directive.value);
            let hint = "it holds for the next action";
            self.found
                .push(Diagnostic::warning(directive.span, message).hint(hint));
        }
    }

    fn tell_work_directory(&mut self) {
        if let Some(span) = self.globals.work_directory_span {
            let message = "workDirectory has no effect yet: no queue keeps files";
            self.found.push(Diagnostic::warning(span, message));
        }
    }

    /// The actions with their templates found, and the templates they use.
    fn actions_and_templates(
        &mut self,
        message_bytes_max: usize,
    ) -> (Vec<ActionOptions>, Vec<Template>) {
        let mut index: HashMap<String, usize> = HashMap::new();
        let mut templates = Vec::new();
        for template in std::mem::take(&mut self.templates) {
            index.insert(template.name().to_owned(), templates.len());
            templates.push(template);
        }
        let mut names: HashMap<String, Span> = HashMap::new();
        let mut actions = Vec::new();
        for planned in std::mem::take(&mut self.actions) {
            let wanted = planned.template.unwrap_or(Spanned {
                value: DEFAULT_TEMPLATE.to_owned(),
                span: planned.span,
            });
            let known = index.get(&wanted.value).copied();
            let found = known.or_else(|| {
                templates.push(Template::builtin(&wanted.value)?);
                index.insert(wanted.value.clone(), templates.len() - 1);
                Some(templates.len() - 1)
            });
            let mut options = planned.options;
            options.queue = self.action_queue(&planned.queue, message_bytes_max);
            match found {
                Some(template) => options.template = template,
                None => self.unknown_template(&wanted, &index),
            }
            if let Some(first) = names.insert(options.name.clone(), planned.span) {
                let line = self.sources.place(first.file, first.start as usize).line;
                let message = format!("two actions are called {}", options.name);
                let hint = format!(
                    "the other is on line {line}; statistics have a number behind this one's name"
                );
                self.found
                    .push(Diagnostic::warning(planned.span, message).hint(hint));
            }
            actions.push(options);
        }
        (actions, templates)
    }

    fn unknown_template(&mut self, wanted: &Spanned<String>, known: &HashMap<String, usize>) {
        // Its definition is what is wrong, and was told.
        if self.template_names.contains_key(&wanted.value) {
            return;
        }
        let mut names: Vec<&str> = known.keys().map(String::as_str).collect();
        for name in Template::builtin_names() {
            names.push(name);
        }
        names.sort_unstable();
        let hint = self.suggest(&wanted.value, names);
        let message = format!("there is no template {}", wanted.value);
        self.found
            .push(Diagnostic::error(wanted.span, message).maybe_hint(hint));
    }

    fn whole(&mut self, level: Level, message: &str, hint: &str) {
        self.found
            .push(Diagnostic::whole(level, message).hint(hint));
    }
}
