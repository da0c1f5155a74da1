//! `module()`, `input()`, `main_queue()`, `global()`.

use super::Checker;
use crate::config::diagnostic::Diagnostic;
use crate::config::parameters::{FILE, FILE_MODULE, GLOBAL, ListenerModule, RSYSLOG_MODULES};
use crate::config::span::Text;
use crate::config::syntax::tree::Object;

/// The modules that there are.
const MODULES: [&str; 5] = ["imptcp", "imtcp", "imudp", "builtin:omfile", "omdiscard"];

impl Checker {
    /// `module(load="…" …)`.
    pub(super) fn module(&mut self, object: &Object) {
        let Some(name) = self.required(object, "load").cloned() else {
            return;
        };
        let lower = name.value.to_ascii_lowercase();
        if let Some(module) = ListenerModule::named(lower.strip_suffix(".so").unwrap_or(&lower)) {
            self.load(&name);
            return self.listener_module(module, object);
        }
        match lower.as_str() {
            "builtin:omfile" | "omfile" => self.file_module(object),
            _ => self.load(&name),
        }
    }

    /// Loads the module of this name: `$ModLoad`, `module()`.
    pub(super) fn load(&mut self, name: &Text) {
        let lower = name.value.to_ascii_lowercase();
        let lower = lower.strip_suffix(".so").unwrap_or(&lower);
        if let Some(module) = ListenerModule::named(lower) {
            return self.load_listeners(module, name.span);
        }
        match lower {
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
        if let Some(module) = ListenerModule::named(&name.value) {
            return self.listener_object(module, object, name.span);
        }
        let lower = name.value.to_ascii_lowercase();
        if RSYSLOG_MODULES.contains(&lower.as_str()) {
            return self.not_built(name.span, &format!("the module {lower}"));
        }
        let own = ListenerModule::ALL.map(|module| module.parameters().name);
        let names = RSYSLOG_MODULES.iter().filter(|name| name.starts_with("im"));
        let hint = self.suggest(&lower, own.into_iter().chain(names.copied()));
        let message = format!("unknown input {}", name.value);
        let error = Diagnostic::error(name.span, message).maybe_hint(hint);
        self.found.push(error);
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
