//! Directives: `$Name argument`.

use super::{Checker, Legacy};
use crate::config::diagnostic::Diagnostic;
use crate::config::parameters::{self, Command, Row, Setting, directive_names};
use crate::config::span::Text;
use crate::config::syntax::tree::Directive;
use crate::rules::Statement;

impl Checker {
    /// Does what a directive says. `$IncludeConfig` gives statements.
    pub(super) fn directive(&mut self, written: &Directive, blocks: usize) -> Vec<Statement> {
        use parameters::Directive as Known;
        let name = &written.name.value;
        match parameters::directive(name) {
            Some(Known::Global(row)) => {
                if let Some(set) = self.read(row, written) {
                    set(&mut self.globals);
                }
            }
            Some(Known::MainQueue(row)) => {
                let legacy = self.legacy(row, written);
                self.main_queue_legacy.extend(legacy);
            }
            Some(Known::ActionQueue(row)) => {
                let legacy = self.legacy(row, written);
                let legacy = legacy.map(Legacy::for_next_action);
                Legacy::hold(&mut self.action_queue_legacy, legacy);
            }
            Some(Known::Module(module, row)) => {
                self.needs_module(module, written.name.span);
                let setting = self.read(row, written);
                if let (Some(set), Some(options)) = (setting, &mut self.state(module).options) {
                    set(options);
                }
            }
            Some(Known::Listener(module, row)) => self.listener_directive(module, row, written),
            Some(Known::Action(row)) => {
                let legacy = self.legacy(row, written);
                Legacy::hold(&mut self.action_legacy, legacy);
            }
            Some(Known::File(row)) => {
                let legacy = self.legacy(row, written);
                Legacy::hold(&mut self.file_legacy, legacy);
            }
            Some(Known::Command(command)) => return self.command(command, written, blocks),
            Some(Known::NotBuilt) => self.not_built(written.name.span, &format!("${name}")),
            None => {
                let names = if self.found.len() > super::DIAGNOSTICS_MAX {
                    Vec::new()
                } else {
                    directive_names()
                };
                let hint = self.suggest(&format!("${name}"), names.iter().map(String::as_str));
                let message = format!("unknown directive ${name}");
                self.found
                    .push(Diagnostic::error(written.name.span, message).maybe_hint(hint));
            }
        }
        Vec::new()
    }

    fn command(&mut self, command: Command, written: &Directive, blocks: usize) -> Vec<Statement> {
        match command {
            Command::Template => self.template_directive(written),
            Command::LoadModule => {
                if let Some(name) = self.word(written) {
                    self.load(&name);
                }
            }
            Command::AllowedSender => self.allowed_sender(written),
            Command::Listen(module) => self.listen_directive(module, written),
            Command::DefaultTemplate => {
                if let Some(name) = self.word(written) {
                    self.default_template = Some(name.spanned());
                }
            }
            Command::BindRuleset(module) => {
                self.needs_module(module, written.name.span);
                if let Some(name) = self.word(written) {
                    self.state(module).bound_ruleset = Some(name.spanned());
                }
            }
            Command::Ruleset => {
                if let Some(name) = self.word(written) {
                    self.ruleset_directive(&name, blocks);
                }
            }
            Command::DefaultRuleset => {
                if let Some(name) = self.word(written) {
                    self.rulesets.set_default(name.spanned());
                }
            }
            Command::CreateRulesetQueue => self.create_ruleset_queue(written, blocks),
            Command::Include => {
                if let Some(pattern) = self.word(written) {
                    return self.include(&pattern, true, blocks);
                }
            }
        }
        Vec::new()
    }

    /// Reads the argument by a row.
    pub(super) fn read<T>(
        &mut self,
        row: &'static Row<T>,
        written: &Directive,
    ) -> Option<Setting<T>> {
        let word = self.word(written)?;
        if row.take.has_no_effect() {
            let message = format!("${} has no effect in Splashdam", written.name.value);
            let warning = Diagnostic::warning(written.name.span, message);
            self.found.push(warning);
        }
        match row.read(&word, true) {
            Ok(setting) => Some(setting),
            Err(error) => {
                self.found.push(error);
                None
            }
        }
    }

    /// Reads the argument by a row, for what follows.
    pub(super) fn legacy<T>(
        &mut self,
        row: &'static Row<T>,
        written: &Directive,
    ) -> Option<Legacy<T>> {
        let setting = self.read(row, written)?;
        let mut directive = written.name.clone();
        let value = words(&written.argument).next();
        directive.value.insert(0, '$');
        Some(Legacy {
            value: value.map_or(directive.span, |value| value.span),
            directive,
            parameter: row.name,
            is_once: row.is_once,
            setting,
            told: false,
        })
    }

    /// The one word that a directive takes. Behind it only a comment may stand.
    fn word(&mut self, written: &Directive) -> Option<Text> {
        let argument = &written.argument;
        let mut words = words(argument);
        let Some(word) = words.next() else {
            let message = format!("${} has no value", written.name.value);
            self.found
                .push(Diagnostic::error(written.name.span, message));
            return None;
        };
        if let Some(extra) = words.next() {
            let message = format!("${} takes one value", written.name.value);
            let hint = "a comment begins with #";
            let error = Diagnostic::error(extra.span, message).hint(hint);
            drop(words);
            self.found.push(error);
        }
        Some(word)
    }
}

/// The words of a line up to a comment.
pub(super) fn words(line: &Text) -> impl Iterator<Item = Text> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = &line.value[at..];
        let start = at + (rest.len() - rest.trim_start().len());
        let rest = &line.value[start..];
        let len = rest.find(char::is_whitespace).unwrap_or(rest.len());
        if len == 0 || rest.starts_with('#') {
            return None;
        }
        at = start + len;
        Some(line.slice(start..at))
    })
}
