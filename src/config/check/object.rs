//! `module()`, `input()`, `main_queue()`, `global()`.

use super::{Checker, PlannedListener};
use crate::config::diagnostic::Diagnostic;
use crate::config::parameters::{
    FILE, FILE_MODULE, GLOBAL, ImptcpModule, LISTENER, MODULE, QUEUE, RSYSLOG_MODULES, Setting,
};
use crate::config::span::{Span, Spanned, Text};
use crate::config::syntax::tree::Object;
use crate::receive::ListenerOptions;

/// The modules that there are.
const MODULES: [&str; 3] = ["imptcp", "builtin:omfile", "omdiscard"];

const LOAD_HINT: &str = "load it first: module(load=\"imptcp\")";

impl Checker {
    /// `module(load="…" …)`.
    pub(super) fn module(&mut self, object: &Object) {
        let Some(name) = self.required(object, "load").cloned() else {
            return;
        };
        match name.value.to_ascii_lowercase().as_str() {
            "builtin:omfile" | "omfile" => self.file_module(object),
            "imptcp" => {
                self.load(&name);
                let settings = self.settings(object, &MODULE);
                let module = self.imptcp.get_or_insert_default();
                settings.iter().for_each(|set| set(module));
            }
            _ => self.load(&name),
        }
    }

    /// Loads the module of this name: `$ModLoad`, `module()`.
    pub(super) fn load(&mut self, name: &Text) {
        let lower = name.value.to_ascii_lowercase();
        let lower = lower.strip_suffix(".so").unwrap_or(&lower);
        match lower {
            "imptcp" if self.imptcp.is_some() => {
                let warning = Diagnostic::warning(name.span, "imptcp is loaded twice");
                self.found.push(warning);
            }
            "imptcp" => self.imptcp = Some(ImptcpModule::default()),
            // Always there.
            "omdiscard" | "omfile" | "builtin:omfile" => {}
            _ if RSYSLOG_MODULES.contains(&lower) => {
                self.not_built(name.span, &format!("the module {lower}"));
            }
            _ => {
                let names = MODULES.into_iter().chain(RSYSLOG_MODULES.iter().copied());
                let hint = self.suggest(lower, names);
                let message = format!("unknown module {}", name.value);
                self.found
                    .push(Diagnostic::error(name.span, message).maybe_hint(hint));
            }
        }
    }

    /// `module(load="builtin:omfile" …)`: defaults of omfile.
    fn file_module(&mut self, object: &Object) {
        let mut once = super::Once::default();
        for parameter in &object.parameters {
            let name = parameter.name.value.as_str();
            if !self.is_first(&mut once, parameter) || name.eq_ignore_ascii_case("load") {
                continue;
            }
            if name.eq_ignore_ascii_case("template") {
                let text = self.text_of(parameter).map(Text::spanned);
                self.default_template = text.or(self.default_template.take());
                continue;
            }
            let is_taken = FILE_MODULE
                .iter()
                .any(|known| known.eq_ignore_ascii_case(name));
            match FILE.find(name) {
                Some(row) if is_taken => {
                    let setting = self.setting(row, parameter);
                    self.file_module.extend(setting);
                }
                row => {
                    let object = "module(load=\"builtin:omfile\")";
                    let is_rsyslogs = row.is_some_and(|row| !row.is_built());
                    let names = FILE_MODULE.iter().copied();
                    self.unknown(parameter, object, names, |name| {
                        is_rsyslogs || FILE.is_rsyslogs(name)
                    });
                }
            }
        }
    }

    /// `input(type="…" …)`.
    pub(super) fn input(&mut self, object: &Object) {
        self.saw_input = true;
        let Some(name) = self.required(object, "type").cloned() else {
            return;
        };
        let lower = name.value.to_ascii_lowercase();
        if lower != "imptcp" {
            if RSYSLOG_MODULES.contains(&lower.as_str()) {
                return self.not_built(name.span, &format!("the module {lower}"));
            }
            let names = RSYSLOG_MODULES.iter().filter(|name| name.starts_with("im"));
            let hint = self.suggest(&lower, ["imptcp"].into_iter().chain(names.copied()));
            let message = format!("unknown input {}", name.value);
            let error = Diagnostic::error(name.span, message).maybe_hint(hint);
            return self.found.push(error);
        }
        self.needs_imptcp(name.span);
        let settings = self.settings(object, &LISTENER);
        let has_place = ["port", "path"]
            .iter()
            .any(|name| object.parameter(name).is_some());
        if !has_place && !object.is_broken {
            let message = "input(type=\"imptcp\") has no port";
            return self.error(object.name.span, message, "write for example port=\"514\"");
        }
        self.tell_mixed(object);
        let ruleset = object.text("ruleset").map(Text::spanned);
        self.listen(&settings, ruleset, object.name.span);
    }

    /// Tells, once, that imptcp is used and not loaded.
    pub(super) fn needs_imptcp(&mut self, span: Span) {
        if self.imptcp.is_none() && !self.told_to_load {
            self.told_to_load = true;
            self.error(span, "imptcp is not loaded", LOAD_HINT);
        }
    }

    /// Adds a listener.
    pub(super) fn listen(
        &mut self,
        settings: &[Setting<ListenerOptions>],
        ruleset: Option<Spanned<String>>,
        span: Span,
    ) {
        let mut listener = ListenerOptions::default();
        settings.iter().for_each(|set| set(&mut listener));
        if let Some(name) = listener.delimiters.without_meaning() {
            let message = format!("`{name}` has no meaning beside `framing.delimiter.regex`");
            let hint = "only lines that the expression matches begin a message";
            self.error(span, message, hint);
        }
        let place = self.sources.place(span.file, span.start as usize);
        if let Some(source) = self.sources.get(span.file) {
            listener.place = format!("{}:{}", source.name, place.line);
        }
        self.listeners.push(PlannedListener {
            options: listener,
            ruleset,
            span,
        });
    }

    /// `main_queue(…)`.
    pub(super) fn main_queue(&mut self, object: &Object) {
        let settings = self.settings(object, &QUEUE);
        if self.main_queue_at.is_some() {
            return self.error(
                object.name.span,
                "there is a main_queue() already",
                "there is one main queue; set all its parameters in one place",
            );
        }
        self.main_queue_at = Some(object.name.span);
        settings.iter().for_each(|set| set(&mut self.main_queue));
    }

    /// `global(…)`.
    pub(super) fn global(&mut self, object: &Object) {
        let settings = self.settings(object, &GLOBAL);
        settings.iter().for_each(|set| set(&mut self.globals));
    }

    /// A parameter without which an object says nothing.
    pub(super) fn required<'a>(&mut self, object: &'a Object, name: &str) -> Option<&'a Text> {
        if object.parameter(name).is_none() && !object.is_broken {
            // The nearest of what is there may be the misspelt name.
            let written = object.parameters.iter().take(100);
            let slip = written
                .filter(|parameter| self.suggest(&parameter.name.value, [name]).is_some())
                .map(|parameter| parameter.name.clone())
                .next();
            match slip {
                Some(slip) => {
                    let message =
                        format!("{}() has no parameter `{}`", object.name.value, slip.value);
                    self.error(slip.span, message, format!("did you mean {name}?"));
                }
                None => {
                    let message = format!("{}() has no `{name}`", object.name.value);
                    let hint = format!("write {name}=\"…\"");
                    self.error(object.name.span, message, hint);
                }
            }
        }
        object.text(name)
    }
}
