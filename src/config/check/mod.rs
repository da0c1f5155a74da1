//! Trees to plain data. Files are checked in the order in which they are
//! written, because directives of the old syntax hold for what follows them.

mod access;
mod action;
mod apply;
mod directive;
mod finish;
mod include;
mod listen;
mod object;
mod queue;
mod queue_review;
mod ruleset;
mod template;
mod together;
mod udp;
mod written;

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use self::listen::ModuleState;
use self::queue::QueueSetting;
use self::ruleset::Rulesets;
use self::written::Written;
use super::diagnostic::did_you_mean;
use super::diagnostic::{Diagnostic, Diagnostics, Level};
use super::parameters::{ListenerModule, RSYSLOG_OBJECTS, Setting};
use super::source::Sources;
use super::span::{FileId, Span, Spanned, Text};
use super::syntax;
use super::syntax::tree::{Item, Object};
use super::{Config, Globals};
use crate::action::ActionOptions;
use crate::limits::DIAGNOSTICS_MAX;
use crate::output::file::FileOptions;
use crate::queue::QueueOptions;
use crate::receive::{ListenerOptions, Network};
use crate::rules::{Filter, Selector, Statement};
use crate::template::Template;

/// Checks a file that was read, and what it includes.
pub fn check(
    sources: Sources,
    file: Result<FileId, String>,
) -> Result<(Config, Diagnostics), Diagnostics> {
    let mut checker = Checker::new(sources);
    match file {
        Ok(file) => {
            checker.file(file, 0);
            checker.finish()
        }
        Err(reason) => {
            let error = Diagnostic::whole(Level::Error, reason);
            Err(Diagnostics::new(checker.sources, vec![error]))
        }
    }
}

/// What is known of the configuration so far.
struct Checker {
    sources: Sources,
    found: Vec<Diagnostic>,
    globals: Globals,
    /// In the order of [`ListenerModule::ALL`].
    modules: [ModuleState; ListenerModule::ALL.len()],
    listeners: Vec<PlannedListener>,
    /// `$AllowedSender TCP`.
    allowed_senders: Vec<Network>,
    /// `$AllowedSender UDP`.
    allowed_udp_senders: Vec<Network>,
    /// `main_queue()`.
    main_queue: Vec<QueueSetting>,
    main_queue_at: Option<Span>,
    /// `$MainMsgQueue…`.
    main_queue_legacy: Vec<Legacy<QueueOptions>>,
    templates: Vec<Template>,
    /// Where each template is defined, those with an error included.
    template_names: HashMap<String, Span>,
    /// `$ActionFileDefaultTemplate` or omfile's own; the last one holds.
    default_template: Option<Spanned<String>>,
    actions: Vec<PlannedAction>,
    rulesets: Rulesets,
    /// Directives for actions of the old syntax.
    action_legacy: Vec<Legacy<ActionOptions>>,
    /// `$ActionQueue…`.
    action_queue_legacy: Vec<Legacy<QueueOptions>>,
    /// Directives for omfile in the old syntax.
    file_legacy: Vec<Legacy<FileOptions>>,
    /// `module(load="builtin:omfile" …)`: for actions of the new syntax.
    file_module: Vec<Setting<FileOptions>>,
    /// Whether something was meant to be an action, an input; if it failed, its
    /// absence is not told again.
    saw_action: bool,
    saw_input: bool,
    /// Files that include the one that is being read.
    depth: usize,
}

/// A directive that holds for what follows it.
struct Legacy<T> {
    /// Its name with `$`, as written.
    directive: Spanned<String>,
    /// Where its value is.
    value: Span,
    /// RainerScript's name of the parameter.
    parameter: &'static str,
    /// Whether it holds for the next action only.
    is_once: bool,
    setting: Setting<T>,
    /// Whether it was told that it does not hold for an object of the new syntax,
    /// or need not be.
    told: bool,
}

/// A listener whose ruleset is not searched yet: it may be defined below.
struct PlannedListener {
    options: ListenerOptions,
    /// None: the default.
    ruleset: Option<Spanned<String>>,
    span: Span,
    /// What set its options, in the order in which that was done.
    written: Vec<Rc<Written>>,
}

/// An action whose template is not searched yet: it may be defined below.
struct PlannedAction {
    options: ActionOptions,
    queue: Vec<QueueSetting>,
    /// None: the default.
    template: Option<Spanned<String>>,
    span: Span,
}

impl Checker {
    fn new(sources: Sources) -> Checker {
        Checker {
            sources,
            found: Vec::new(),
            globals: Globals::default(),
            modules: Default::default(),
            listeners: Vec::new(),
            allowed_senders: Vec::new(),
            allowed_udp_senders: Vec::new(),
            main_queue: Vec::new(),
            main_queue_at: None,
            main_queue_legacy: Vec::new(),
            templates: Vec::new(),
            template_names: HashMap::new(),
            default_template: None,
            actions: Vec::new(),
            rulesets: Rulesets::default(),
            action_legacy: Vec::new(),
            action_queue_legacy: Vec::new(),
            file_legacy: Vec::new(),
            file_module: Vec::new(),
            saw_action: false,
            saw_input: false,
            depth: 0,
        }
    }

    /// Parses and checks a file. `blocks` is the depth of the blocks around the
    /// place that includes it. Statements outside of all blocks go to the
    /// ruleset in force at their place; the others are returned.
    fn file(&mut self, file: FileId, blocks: usize) -> Vec<Statement> {
        let (items, found) = syntax::parse(&self.sources, file);
        self.found.extend(found);
        self.items(&items, blocks)
    }

    fn items(&mut self, items: &[Item], blocks: usize) -> Vec<Statement> {
        let mut statements = Vec::new();
        for item in items {
            self.item(item, blocks, &mut statements);
            if blocks == 0 {
                self.rulesets.extend_current(&mut statements);
            }
        }
        statements
    }

    fn item(&mut self, item: &Item, blocks: usize, statements: &mut Vec<Statement>) {
        match item {
            Item::Directive(directive) => {
                statements.extend(self.directive(directive, blocks));
            }
            Item::Object(object) => self.object(object, blocks, statements),
            Item::Selector { selector, then } => {
                let filter = self.selector(selector);
                let then = self.items(then, blocks + 1);
                if let Some(filter) = filter {
                    statements.push(Statement::Filter {
                        filter,
                        then,
                        otherwise: Vec::new(),
                    });
                }
            }
            Item::LegacyAction(text) => statements.extend(self.legacy_action(text)),
            Item::Stop(_) => {
                // To discard everything is something to do with a message.
                self.saw_action = true;
                statements.push(Statement::Stop);
            }
            Item::Call { name, span } => {
                // The action may be in what is called.
                self.saw_action = true;
                statements.extend(self.call(name, *span));
            }
            Item::Unbuilt { what, span, inside } => {
                self.not_built(*span, what);
                self.items(inside, blocks + 1);
            }
        }
    }

    fn object(&mut self, object: &Object, blocks: usize, statements: &mut Vec<Statement>) {
        let name = object.name.value.to_ascii_lowercase();
        match name.as_str() {
            "action" => return statements.extend(self.action(object)),
            "include" => return statements.extend(self.include_object(object, blocks)),
            _ => {}
        }
        if blocks > 0 {
            let message = format!("{name}() is not allowed within a block or behind a selector");
            let hint = "move it to a line of its own, outside";
            return self.error(object.name.span, message, hint);
        }
        match name.as_str() {
            "module" => self.module(object),
            "input" => self.input(object),
            "main_queue" => self.main_queue(object),
            "global" => self.global(object),
            "template" => self.template_object(object),
            "ruleset" => self.ruleset_object(object),
            _ if RSYSLOG_OBJECTS.contains(&name.as_str()) => {
                self.not_built(object.name.span, &format!("{name}()"));
            }
            _ => {
                let own = [
                    "module",
                    "input",
                    "main_queue",
                    "global",
                    "template",
                    "ruleset",
                    "action",
                    "include",
                ];
                let names = own.into_iter().chain(RSYSLOG_OBJECTS.iter().copied());
                let hint = self.suggest(&name, names);
                let message = format!("unknown object {}()", object.name.value);
                self.found
                    .push(Diagnostic::error(object.name.span, message).maybe_hint(hint));
            }
        }
    }

    fn selector(&mut self, text: &Text) -> Option<Filter> {
        match Selector::parse(&text.value) {
            Ok(selector) => Some(Filter::Selector(selector)),
            Err(error) => {
                let span = text.part(error.range);
                let hint = error.nearest.map(|name| format!("did you mean {name}?"));
                let error = Diagnostic::error(span, error.message).maybe_hint(hint);
                self.found.push(error);
                None
            }
        }
    }

    fn error(&mut self, span: Span, message: impl Into<String>, hint: impl Into<String>) {
        self.found.push(Diagnostic::error(span, message).hint(hint));
    }

    /// Something of rsyslog's language that is known and not built.
    fn not_built(&mut self, span: Span, what: &str) {
        let message = format!("{what} is rsyslog's, and not built in Splashdam yet");
        self.found.push(Diagnostic::error(span, message));
    }

    /// The hint with the known name that is nearest. Searching is slow; behind
    /// the errors that are shown nobody reads it.
    fn suggest<'a>(
        &self,
        written: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Option<String> {
        if self.found.len() > DIAGNOSTICS_MAX {
            return None;
        }
        did_you_mean(written, known)
    }
}

impl<T> Legacy<T> {
    /// Sets the directive for what follows, instead of what it was set to.
    fn hold(list: &mut Vec<Legacy<T>>, new: Option<Legacy<T>>) {
        if let Some(new) = new {
            list.retain(|old| old.parameter != new.parameter);
            list.push(new);
        }
    }

    /// A directive that holds for the next action, whatever its row says.
    fn for_next_action(self) -> Legacy<T> {
        Legacy {
            is_once: true,
            ..self
        }
    }

    fn setting(&self) -> Setting<T> {
        Rc::clone(&self.setting)
    }
}

/// Notes the names of an object's parameters and finds those that are written
/// twice.
#[derive(Default)]
struct Once(HashSet<String>);

impl Once {
    /// Whether the name is new.
    fn is_first(&mut self, name: &str) -> bool {
        self.0.insert(name.to_ascii_lowercase())
    }
}
