//! The parameters of an object, through the rows of its table.

use super::{Checker, Once};
use crate::config::diagnostic::Diagnostic;
use crate::config::parameters::{Row, Setting, Table};
use crate::config::span::{Span, Text};
use crate::config::syntax::tree::{Object, Parameter, Value};

impl Checker {
    /// Reads all parameters of `object` by `table`; each error is told.
    pub(super) fn settings<T>(
        &mut self,
        object: &Object,
        table: &'static Table<T>,
    ) -> Vec<Setting<T>> {
        let parameters = self.parameters(object, table).into_iter();
        parameters.map(|(_, _, setting)| setting).collect()
    }

    /// The same, each with the name of its row and the parameter that it is of.
    pub(super) fn parameters<'a, T>(
        &mut self,
        object: &'a Object,
        table: &'static Table<T>,
    ) -> Vec<(&'static str, &'a Parameter, Setting<T>)> {
        let mut once = Once::default();
        let mut settings = Vec::new();
        for parameter in &object.parameters {
            if !self.is_first(&mut once, parameter) {
                continue;
            }
            match table.find(&parameter.name.value) {
                Some(row) => {
                    let setting = self.setting(row, parameter);
                    settings.extend(setting.map(|setting| (row.name, parameter, setting)));
                }
                None => self.unknown(parameter, table.object, table.names(), |name| {
                    table.is_rsyslogs(name)
                }),
            }
        }
        settings
    }

    /// Reads one parameter by its row.
    pub(super) fn setting<T>(
        &mut self,
        row: &'static Row<T>,
        parameter: &Parameter,
    ) -> Option<Setting<T>> {
        if !row.is_built() {
            self.later(parameter, row.name);
            return None;
        }
        if row.take.has_no_effect() {
            let message = format!("`{}` has no effect in Splashdam", row.name);
            let warning = Diagnostic::warning(parameter.name.span, message);
            self.found.push(warning);
        }
        let read = match &parameter.value {
            Value::List { items, .. } if row.take.takes_list() => row.read_list(items),
            _ => {
                let text = self.text_of(parameter)?.clone();
                row.read(&text, false)
            }
        };
        match read {
            Ok(setting) => Some(setting),
            Err(error) => {
                self.found.push(error);
                None
            }
        }
    }

    /// The text that a parameter is set to; other values are not built.
    pub(super) fn text_of<'a>(&mut self, parameter: &'a Parameter) -> Option<&'a Text> {
        match &parameter.value {
            Value::Text(text) => Some(text),
            Value::List { span, .. } => self.not_taken(parameter, "a list of values", *span),
            Value::Other { what, span } => self.not_taken(parameter, what, *span),
        }
    }

    fn not_taken<T>(&mut self, parameter: &Parameter, what: &str, span: Span) -> Option<T> {
        let message = format!("`{}` does not take {what}", parameter.name.value);
        self.found.push(Diagnostic::error(span, message));
        None
    }

    /// Tells a parameter that is written twice; rsyslog takes it for unknown.
    pub(super) fn is_first(&mut self, once: &mut Once, parameter: &Parameter) -> bool {
        let is_first = once.is_first(&parameter.name.value);
        if !is_first {
            let message = format!("`{}` is set twice", parameter.name.value);
            self.found
                .push(Diagnostic::error(parameter.name.span, message));
        }
        is_first
    }

    /// Tells a parameter that is known and not built.
    pub(super) fn later(&mut self, parameter: &Parameter, name: &str) {
        let owner = if is_splashdams(name) {
            "is"
        } else {
            "is rsyslog's, and"
        };
        let message = format!("`{name}` {owner} not built in Splashdam yet");
        self.found
            .push(Diagnostic::error(parameter.name.span, message));
    }

    /// Tells a parameter that has no row.
    pub(super) fn unknown(
        &mut self,
        parameter: &Parameter,
        object: &str,
        names: impl Iterator<Item = &'static str>,
        is_rsyslogs: impl Fn(&str) -> bool,
    ) {
        let name = &parameter.name.value;
        if is_rsyslogs(name) {
            return self.later(parameter, name);
        }
        let hint = self.suggest(name, names);
        let message = format!("{object} has no parameter `{name}`");
        self.found
            .push(Diagnostic::error(parameter.name.span, message).maybe_hint(hint));
    }
}

/// Whether a parameter is not rsyslog's but Splashdam's own.
fn is_splashdams(name: &str) -> bool {
    let own = [
        "tcp_user_timeout",
        "idleTimeout",
        "queue.maxDiskSpaceAction",
        "unsupported",
    ];
    own.iter().any(|known| known.eq_ignore_ascii_case(name))
}
