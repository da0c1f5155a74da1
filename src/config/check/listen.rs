//! The modules of listeners and their inputs, in both syntaxes.

use std::rc::Rc;

use super::{Checker, Legacy, Once, PlannedListener, Written, udp};
use crate::config::diagnostic::Diagnostic;
use crate::config::parameters::{ListenerModule, ModuleOptions, Row};
use crate::config::span::{Span, Spanned};
use crate::config::syntax::tree::{Directive, Object};
use crate::receive::ListenerOptions;

/// What is known of a module of listeners so far.
#[derive(Default)]
pub(super) struct ModuleState {
    /// None: it is not loaded.
    pub options: Option<ModuleOptions>,
    /// Whether `module()` has loaded it.
    by_object: bool,
    /// Whether it was told that it is not loaded.
    told_to_load: bool,
    /// Parameters of `module()` that hold for each listener.
    inherited: Vec<Rc<Written>>,
    /// Directives for listeners so far.
    pub legacy: Vec<Legacy<ListenerOptions>>,
    /// The directive that binds to a ruleset.
    pub bound_ruleset: Option<Spanned<String>>,
}

impl Checker {
    /// The state of a module.
    pub(super) fn state(&mut self, module: ListenerModule) -> &mut ModuleState {
        &mut self.modules[module as usize]
    }

    /// Loads a module: `$ModLoad`, `module()`.
    pub(super) fn load_listeners(&mut self, module: ListenerModule, span: Span) {
        if self.state(module).options.is_none() {
            self.state(module).options = Some(ModuleOptions::default());
            return;
        }
        let message = format!("{} is loaded twice", module.parameters().name);
        self.found.push(Diagnostic::warning(span, message));
    }

    /// The parameters of `module(load="…" …)`.
    pub(super) fn listener_module(&mut self, module: ListenerModule, object: &Object) {
        let parameters = module.parameters();
        let (own, inherited) = (&parameters.own, &parameters.inherited);
        let mut once = Once::default();
        let mut options = self.state(module).options.clone().unwrap_or_default();
        for parameter in &object.parameters {
            let name = &parameter.name.value;
            if !self.is_first(&mut once, parameter) {
                continue;
            }
            if let Some(row) = own.find(name) {
                if let Some(set) = self.setting(row, parameter) {
                    set(&mut options);
                }
            } else if let Some(row) = inherited.find(name) {
                if let Some(setting) = self.setting(row, parameter) {
                    let written = Written::of_object(row.name, parameter, setting);
                    Written::hold(&mut self.state(module).inherited, written);
                }
            } else {
                let names = own.names().chain(inherited.names());
                self.unknown(parameter, own.object, names, |name| {
                    own.is_rsyslogs(name) || inherited.is_rsyslogs(name)
                });
            }
        }
        let state = self.state(module);
        state.options = Some(options);
        state.by_object = true;
    }

    /// `input(type="…" …)` of a module of listeners.
    pub(super) fn listener_object(&mut self, module: ListenerModule, object: &Object, name: Span) {
        let parameters = module.parameters();
        self.needs_module(module, name);
        let read = self.parameters(object, &parameters.input).into_iter();
        let written = read
            .map(|(name, parameter, setting)| Written::of_object(name, parameter, setting))
            .collect();
        let has_place = ["port", "path"]
            .iter()
            .any(|name| object.parameter(name).is_some());
        if !has_place && !object.is_broken {
            let message = format!("{} has no port", parameters.input.object);
            return self.error(object.name.span, message, "write for example port=\"514\"");
        }
        self.tell_mixed(object);
        let ruleset = object.text("ruleset").map(|text| text.spanned());
        self.listen(module, written, ruleset, object.name.span);
    }

    /// A directive about a module's listeners that follow.
    pub(super) fn listener_directive(
        &mut self,
        module: ListenerModule,
        row: &'static Row<ListenerOptions>,
        written: &Directive,
    ) {
        self.needs_module(module, written.name.span);
        let parameters = module.parameters();
        let is_taken = parameters
            .beside_module
            .is_none_or(|names| names.contains(&row.name));
        if self.state(module).by_object && !is_taken {
            let (directive, name) = (&written.name.value, parameters.name);
            let message =
                format!("${directive} does not go with module(load=\"{name}\"), as in rsyslog");
            let hint = format!("write `{}` in input() or module()", row.name);
            return self.error(written.name.span, message, hint);
        }
        let legacy = self.legacy(row, written);
        Legacy::hold(&mut self.state(module).legacy, legacy);
    }

    /// `$InputPTCPServerRun`, `$InputTCPServerRun`, `$UDPServerRun`: a listener with what was set
    /// before. What was set stays so for the next one, as in rsyslog.
    pub(super) fn listen_directive(&mut self, module: ListenerModule, written: &Directive) {
        self.saw_input = true;
        self.needs_module(module, written.name.span);
        let Some(row) = module.parameters().input.find("port") else {
            return;
        };
        if let Some(port) = self.legacy(row, written) {
            let state = self.state(module);
            let directives = state.legacy.iter().chain([&port]);
            let settings = directives.map(Written::of_directive).collect();
            let ruleset = state.bound_ruleset.clone();
            self.listen(module, settings, ruleset, written.name.span);
        }
    }

    /// Tells, once, that a module is used and not loaded.
    pub(super) fn needs_module(&mut self, module: ListenerModule, span: Span) {
        let state = self.state(module);
        if state.options.is_none() && !state.told_to_load {
            state.told_to_load = true;
            let name = module.parameters().name;
            let hint = format!("load it first: module(load=\"{name}\")");
            self.error(span, format!("{name} is not loaded"), hint);
        }
    }

    /// Adds a listener: the module's defaults, then what `module()` says, then
    /// its own settings.
    fn listen(
        &mut self,
        module: ListenerModule,
        settings: Vec<Rc<Written>>,
        ruleset: Option<Spanned<String>>,
        span: Span,
    ) {
        let mut listener = (module.parameters().defaults)();
        let mut written = self.state(module).inherited.clone();
        written.extend(settings);
        for written in &written {
            (written.setting)(&mut listener);
        }
        self.note_keep_alive(&mut listener.keep_alive, &written);
        if let Some(name) = listener.delimiters.without_meaning() {
            let message = format!("`{name}` has no meaning beside `framing.delimiter.regex`");
            let hint = "only lines that the expression matches begin a message";
            self.error(span, message, hint);
        } else if listener.delimiters.has_none() {
            let message = "`disableLFDelimiter` without `addtlFrameDelimiter`: \
                           nothing but an octet count or the close ends a frame";
            self.found.push(Diagnostic::warning(span, message));
        }
        listener.place = self.place(span);
        for listener in udp::one_for_each_port(listener) {
            self.listeners.push(PlannedListener {
                options: listener,
                ruleset: ruleset.clone(),
                span,
                written: written.clone(),
            });
        }
    }
}

#[cfg(test)]
#[path = "listen_tests.rs"]
mod tests;
