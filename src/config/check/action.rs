//! Actions: `action()` and those of the old syntax.

use super::directive::words;
use super::queue::QueueSetting;
use super::{Checker, Legacy, Once, PlannedAction};
use crate::action::{ActionOptions, DriverOptions};
use crate::config::diagnostic::Diagnostic;
use crate::config::parameters::{ACTION, FILE, QUEUE, RSYSLOG_MODULES};
use crate::config::span::{Span, Spanned, Text};
use crate::config::syntax::tree::{Object, Parameter};
use crate::output::file::FileOptions;
use crate::rules::Statement;

impl Checker {
    /// `action(type="…" …)`.
    pub(super) fn action(&mut self, object: &Object) -> Option<Statement> {
        self.saw_action = true;
        let kind = self.required(object, "type")?.clone();
        let lower = kind.value.to_ascii_lowercase();
        let is_file = match lower.as_str() {
            "omfile" | "builtin:omfile" => true,
            "omdiscard" => false,
            _ if RSYSLOG_MODULES.contains(&lower.as_str()) => {
                self.not_built(kind.span, &format!("the module {lower}"));
                return None;
            }
            _ => {
                let outputs = RSYSLOG_MODULES.iter().filter(|name| name.starts_with("om"));
                let names = ["omfile", "omdiscard"].into_iter().chain(outputs.copied());
                let hint = self.suggest(&lower, names);
                let message = format!("unknown action type {}", kind.value);
                self.found
                    .push(Diagnostic::error(kind.span, message).maybe_hint(hint));
                return None;
            }
        };
        let path = object.text("file").map(|path| path.value.clone());
        let mut file = FileOptions::new(path.unwrap_or_default());
        self.file_module.iter().for_each(|set| set(&mut file));
        let driver = if is_file {
            DriverOptions::File(file)
        } else {
            DriverOptions::Discard
        };
        let mut options = self.new_action(driver);
        let errors = self.found.len();
        let mut queue = Vec::new();
        let mut once = Once::default();
        for parameter in &object.parameters {
            if self.is_first(&mut once, parameter) {
                self.action_parameter(parameter, &mut options, &mut queue);
            }
        }
        self.tell_legacy(object, is_file);
        let has_path = object.parameter("file").is_some();
        // A `dynaFile`, or a misspelt `file`, is told already.
        if is_file && !has_path && !object.is_broken && self.found[errors..].iter().all(is_warning)
        {
            let message = "action(type=\"omfile\") has no file";
            let hint = "write for example file=\"/var/log/messages\"";
            self.error(object.name.span, message, hint);
        }
        let template = object.text("template").map(Text::spanned);
        Some(self.plan(options, queue, template, object.name.span))
    }

    fn action_parameter(
        &mut self,
        parameter: &Parameter,
        options: &mut ActionOptions,
        queue: &mut Vec<QueueSetting>,
    ) {
        let name = &parameter.name.value;
        if let Some(row) = QUEUE.find(name) {
            return queue.extend(self.queue_setting(row, parameter));
        }
        if let Some(row) = ACTION.find(name) {
            if let Some(set) = self.setting(row, parameter) {
                set(options);
            }
            return;
        }
        let is_file = matches!(options.driver, DriverOptions::File(_));
        if is_file && name.eq_ignore_ascii_case("file") {
            let text = self.text_of(parameter);
            if let Some(text) = text.filter(|text| text.value.is_empty()) {
                self.found
                    .push(Diagnostic::error(text.span, "`file` is empty"));
            }
            return;
        }
        if let (DriverOptions::File(file), Some(row)) = (&mut options.driver, FILE.find(name)) {
            if let Some(set) = self.setting(row, parameter) {
                set(file);
            }
            return;
        }
        let object = if is_file {
            FILE.object
        } else {
            "action(type=\"omdiscard\")"
        };
        let own = FILE.names().filter(|_| is_file);
        let names = ACTION.names().chain(own).chain(QUEUE.names());
        self.unknown(parameter, object, names, |name| {
            ACTION.is_rsyslogs(name) || is_file && FILE.is_rsyslogs(name) || QUEUE.is_rsyslogs(name)
        });
    }

    /// Tells which directives do not hold for this action of the new syntax
    /// although they stand before it. In rsyslog they have no effect either,
    /// and those for the next action are spent.
    fn tell_legacy(&mut self, object: &Object, is_file: bool) {
        let mut found = Vec::new();
        for legacy in &mut self.action_legacy {
            found.extend(legacy.tell(object));
        }
        for legacy in &mut self.action_queue_legacy {
            found.extend(legacy.tell(object));
        }
        if is_file {
            for legacy in &mut self.file_legacy {
                found.extend(legacy.tell(object));
            }
        }
        self.found.extend(found);
        self.action_legacy.retain(|legacy| !legacy.is_once);
        self.action_queue_legacy.clear();
    }

    /// What stands in the place of an action in the old syntax.
    pub(super) fn legacy_action(&mut self, text: &Text) -> Option<Statement> {
        self.saw_action = true;
        let mut letters = text.value.chars();
        let what = match (letters.next(), letters.next()) {
            (Some('~'), _) => return Some(Statement::Stop),
            (Some('/' | '.'), _) => return self.file_action(text, false),
            (Some('-'), Some('/' | '.')) => return self.file_action(text, true),
            (Some('?'), _) => "a file whose name is a template (`?name`)".to_owned(),
            (Some('@'), Some('@')) => "forwarding over TCP (`@@host`)".to_owned(),
            (Some('@'), _) => "forwarding over UDP (`@host`)".to_owned(),
            (Some('|'), _) => "a pipe (`|path`)".to_owned(),
            (Some('^'), _) => "to start a program (`^path`)".to_owned(),
            (Some('>'), _) => "writing to a database (`>host`)".to_owned(),
            (Some('*'), _) => "a message to everyone who is logged in (`*`)".to_owned(),
            (Some(':'), _) => {
                let module = text.value[1..].split(':').next().unwrap_or("");
                format!("the action :{module}:")
            }
            (Some(first), _) if first.is_ascii_alphanumeric() || first == '_' => {
                return self.users(text);
            }
            _ => {
                let hint = "write for example: *.* /var/log/messages";
                self.error(text.span, "this is no action", hint);
                return None;
            }
        };
        self.not_built(text.span, &what);
        None
    }

    /// Names in the place of an action: users, or a keyword misspelt.
    fn users(&mut self, text: &Text) -> Option<Statement> {
        let word = words(text).next()?;
        if let Some(hint) = self.suggest(&word.value, ["stop", "action", "call"]) {
            let message = format!("unknown statement {}", word.value);
            self.error(word.span, message, hint);
        } else {
            let what = format!("a message to users (`{}`)", word.value);
            self.not_built(word.span, &what);
        }
        None
    }

    /// `/path;template`, `-/path`.
    fn file_action(&mut self, text: &Text, has_dash: bool) -> Option<Statement> {
        let start = usize::from(has_dash);
        let rest = &text.value[start..];
        let len = rest.find([' ', '\t', ';']).unwrap_or(rest.len());
        let path = &rest[..len];
        let template = self.template_suffix(text, start + len);
        let mut file = FileOptions::new(path);
        self.file_legacy
            .iter()
            .for_each(|legacy| legacy.setting()(&mut file));
        file.sync &= !has_dash;
        let mut options = self.new_action(DriverOptions::File(file));
        self.action_legacy
            .iter()
            .for_each(|legacy| legacy.setting()(&mut options));
        self.action_legacy.retain(|legacy| !legacy.is_once);
        let queue = self.next_action_queue();
        let span = text.part(0..start + len);
        Some(self.plan(options, queue, template, span))
    }

    /// `;template` behind a path, and nothing else but a comment.
    fn template_suffix(&mut self, text: &Text, at: usize) -> Option<Spanned<String>> {
        let rest = text.value[at..].trim_start();
        let Some(name) = rest.strip_prefix(';') else {
            if !rest.is_empty() && !rest.starts_with('#') {
                let span = text.part(text.value.len() - rest.len()..text.value.len());
                let hint = "`;template` or a comment with # may follow a path";
                self.error(span, "this is behind the action", hint);
            }
            return None;
        };
        let start = text.value.len() - name.trim_start().len();
        let name = &text.value[start..];
        let end = name.find(['#', ' ', '\t']).unwrap_or(name.len());
        let behind = name[end..].trim_start();
        if !behind.is_empty() && !behind.starts_with('#') {
            let span = text.part(text.value.len() - behind.len()..text.value.len());
            self.error(span, "this is behind the action", "a comment begins with #");
        }
        (end > 0).then(|| text.slice(start..start + end).spanned())
    }

    /// An action with the defaults of its place.
    fn new_action(&self, driver: DriverOptions) -> ActionOptions {
        let module = match driver {
            DriverOptions::File(_) => "omfile",
            DriverOptions::Discard => "omdiscard",
        };
        let name = format!("action-{}-{module}", self.actions.len());
        ActionOptions::new(name, driver, 0)
    }

    fn plan(
        &mut self,
        options: ActionOptions,
        queue: Vec<QueueSetting>,
        template: Option<Spanned<String>>,
        span: Span,
    ) -> Statement {
        let template = template.or_else(|| self.default_template.clone());
        self.actions.push(PlannedAction {
            options,
            queue,
            template,
            span,
        });
        Statement::Action(self.actions.len() - 1)
    }
}

impl<T> Legacy<T> {
    /// Says, once, that the directive does not hold for an `action()`, unless
    /// that sets the parameter itself.
    fn tell(&mut self, object: &Object) -> Option<Diagnostic> {
        if self.told || object.parameter(self.parameter).is_some() {
            return None;
        }
        self.told = true;
        let name = &self.directive.value;
        let message = format!("{name} has no effect on action(), as in rsyslog");
        let hint = format!("write {}=\"…\" in the action", self.parameter);
        Some(Diagnostic::warning(self.directive.span, message).hint(hint))
    }
}

fn is_warning(found: &Diagnostic) -> bool {
    found.level == crate::config::diagnostic::Level::Warning
}
