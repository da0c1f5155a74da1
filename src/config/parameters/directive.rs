//! Directives (`$Name argument`): which row each of them leads to.

use super::known::RSYSLOG_DIRECTIVES;
use super::{ACTION, FILE, GLOBAL, ListenerModule, ModuleOptions, QUEUE, Row, Table};
use crate::action::ActionOptions;
use crate::config::Globals;
use crate::output::file::FileOptions;
use crate::queue::QueueOptions;
use crate::receive::ListenerOptions;

/// What a directive is.
pub enum Directive {
    Global(&'static Row<Globals>),
    MainQueue(&'static Row<QueueOptions>),
    ActionQueue(&'static Row<QueueOptions>),
    Module(ListenerModule, &'static Row<ModuleOptions>),
    Listener(ListenerModule, &'static Row<ListenerOptions>),
    Action(&'static Row<ActionOptions>),
    File(&'static Row<FileOptions>),
    /// One that does something instead of setting a parameter.
    Command(Command),
    /// rsyslog's, and not built.
    NotBuilt,
}

/// A directive that does something instead of setting a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// `$ModLoad`.
    LoadModule,
    /// `$AllowedSender`.
    AllowedSender,
    /// `$InputPTCPServerRun`, `$InputTCPServerRun`, `$UDPServerRun`.
    Listen(ListenerModule),
    /// `$template`.
    Template,
    /// `$ActionFileDefaultTemplate`.
    DefaultTemplate,
    /// `$InputPTCPServerBindRuleset`, `$InputTCPServerBindRuleset`,
    /// `$InputUDPServerBindRuleset`.
    BindRuleset(ListenerModule),
    /// `$RuleSet`.
    Ruleset,
    /// `$DefaultRuleset`.
    DefaultRuleset,
    /// `$RulesetCreateMainQueue`.
    CreateRulesetQueue,
    /// `$IncludeConfig`.
    Include,
}

const COMMANDS: [(&str, Command); 14] = [
    ("AllowedSender", Command::AllowedSender),
    ("ModLoad", Command::LoadModule),
    (
        "InputPTCPServerRun",
        Command::Listen(ListenerModule::Imptcp),
    ),
    ("InputTCPServerRun", Command::Listen(ListenerModule::Imtcp)),
    ("UDPServerRun", Command::Listen(ListenerModule::Imudp)),
    ("Template", Command::Template),
    ("ActionFileDefaultTemplate", Command::DefaultTemplate),
    (
        "InputPTCPServerBindRuleset",
        Command::BindRuleset(ListenerModule::Imptcp),
    ),
    (
        "InputTCPServerBindRuleset",
        Command::BindRuleset(ListenerModule::Imtcp),
    ),
    (
        "InputUDPServerBindRuleset",
        Command::BindRuleset(ListenerModule::Imudp),
    ),
    ("RuleSet", Command::Ruleset),
    ("DefaultRuleset", Command::DefaultRuleset),
    ("RulesetCreateMainQueue", Command::CreateRulesetQueue),
    ("IncludeConfig", Command::Include),
];

/// The directive of this name (without `$`), in any case.
pub fn directive(name: &str) -> Option<Directive> {
    let is = |known: &&str| known.eq_ignore_ascii_case(name);
    if let Some((_, command)) = COMMANDS.iter().find(|(known, _)| is(known)) {
        return Some(Directive::Command(*command));
    }
    if let Some(row) = find(&QUEUE, |end| is_queue("MainMsg", end, name)) {
        return Some(built(row, Directive::MainQueue));
    }
    if let Some(row) = find(&QUEUE, |end| is_queue("Action", end, name)) {
        return Some(built(row, Directive::ActionQueue));
    }
    let is = |known: &str| known.eq_ignore_ascii_case(name);
    for module in ListenerModule::ALL {
        let parameters = module.parameters();
        if let Some(row) = find(&parameters.own, is) {
            return Some(built(row, |row| Directive::Module(module, row)));
        }
        if let Some(row) = find(&parameters.input, is) {
            return Some(built(row, |row| Directive::Listener(module, row)));
        }
    }
    if let Some(row) = find(&GLOBAL, is) {
        Some(built(row, Directive::Global))
    } else if let Some(row) = find(&ACTION, is) {
        Some(built(row, Directive::Action))
    } else if let Some(row) = find(&FILE, is) {
        Some(built(row, Directive::File))
    } else if RSYSLOG_DIRECTIVES.iter().any(|known| is(known)) {
        Some(Directive::NotBuilt)
    } else {
        None
    }
}

/// All directives with their `$`, for suggestions.
pub fn directive_names() -> Vec<String> {
    let mut names = Vec::new();
    for (name, _) in COMMANDS {
        names.push(format!("${name}"));
    }
    for end in QUEUE.rows.iter().flat_map(|row| row.legacy) {
        names.push(format!("$MainMsg{end}"));
        names.push(format!("$Action{end}"));
    }
    names.extend(legacy_names(&GLOBAL));
    for module in ListenerModule::ALL {
        names.extend(legacy_names(&module.parameters().own));
        names.extend(legacy_names(&module.parameters().input));
    }
    names.extend(legacy_names(&ACTION));
    names.extend(legacy_names(&FILE));
    names.extend(RSYSLOG_DIRECTIVES.iter().map(|name| format!("${name}")));
    names
}

fn legacy_names<T>(table: &'static Table<T>) -> impl Iterator<Item = String> {
    let names = table.rows.iter().flat_map(|row| row.legacy);
    names.map(|name| format!("${name}"))
}

fn find<T>(table: &'static Table<T>, is: impl Fn(&str) -> bool) -> Option<&'static Row<T>> {
    let mut rows = table.rows.iter();
    rows.find(|row| row.legacy.iter().any(|name| is(name)))
}

fn built<T>(
    row: &'static Row<T>,
    directive: impl FnOnce(&'static Row<T>) -> Directive,
) -> Directive {
    if row.is_built() {
        directive(row)
    } else {
        Directive::NotBuilt
    }
}

/// Whether `name` is the queue's directive with this end.
fn is_queue(prefix: &str, end: &str, name: &str) -> bool {
    match (name.get(..prefix.len()), name.get(prefix.len()..)) {
        (Some(head), Some(tail)) => {
            head.eq_ignore_ascii_case(prefix) && tail.eq_ignore_ascii_case(end)
        }
        _ => false,
    }
}
