//! The modules whose inputs are listeners: imptcp and imtcp, one TCP listener by
//! two sets of names, and imudp.

use super::Table;
use super::imptcp::IMPTCP;
use super::imtcp::IMTCP;
use super::imudp::IMUDP;
use super::row::{Row, Take};
use crate::receive::ListenerOptions;

/// A module whose inputs are listeners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenerModule {
    Imptcp,
    Imtcp,
    Imudp,
}

/// The names of such a module, and its defaults.
pub struct ModuleParameters {
    pub name: &'static str,
    /// `module(load="…")`: parameters of the module as a whole.
    pub own: Table<ModuleOptions>,
    /// Those of `module()` that each of its listeners has unless it sets them.
    pub inherited: Table<ListenerOptions>,
    /// `input(type="…")`.
    pub input: Table<ListenerOptions>,
    /// The directives' parameters that rsyslog takes beside `module()` too; all
    /// of them where this is `None`.
    pub beside_module: Option<&'static [&'static str]>,
    pub defaults: fn() -> ListenerOptions,
}

/// Parameters of a module as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModuleOptions {
    /// `threads`, `workerThreads`; one per core that is given to input if not
    /// set.
    pub reactors: Option<usize>,
    /// `maxSessionsTotal`.
    pub sessions_max: Option<u32>,
}

impl ListenerModule {
    pub const ALL: [ListenerModule; 3] = [
        ListenerModule::Imptcp,
        ListenerModule::Imtcp,
        ListenerModule::Imudp,
    ];

    /// The module of this name, in any case.
    pub fn named(name: &str) -> Option<ListenerModule> {
        let mut all = ListenerModule::ALL.into_iter();
        all.find(|module| module.parameters().name.eq_ignore_ascii_case(name))
    }

    pub fn parameters(self) -> &'static ModuleParameters {
        match self {
            ListenerModule::Imptcp => &IMPTCP,
            ListenerModule::Imtcp => &IMTCP,
            ListenerModule::Imudp => &IMUDP,
        }
    }
}

type ModuleRow = Row<ModuleOptions>;

/// A value of which 0 says the same as none.
pub(super) fn set_above_0(value: i64) -> Option<u32> {
    u32::try_from(value).ok().filter(|value| *value > 0)
}

pub(super) const LOAD: ModuleRow =
    ModuleRow::new("load", Take::ByObject("word"), "The module's name.").legacy(&["ModLoad"]);

pub(super) const THREADS: ModuleRow = ModuleRow::new(
    "threads",
    Take::Whole(1, 1024, |module, count| {
        module.reactors = usize::try_from(count).ok();
    }),
    "Threads that receive; one per core that is given to input if not set.",
);

pub(super) const MAX_SESSIONS_TOTAL: ModuleRow = ModuleRow::new(
    "maxSessionsTotal",
    Take::Whole(0, i32::MAX as i64, |module, connections| {
        module.sessions_max = set_above_0(connections);
    }),
    "Connections of all listeners together at a time; more are refused at once. 0 or not set: any number. Splashdam's own.",
)
.unit("connections");
