//! Every parameter, once: both spellings lead to the same row.

mod action;
mod directive;
mod global;
mod imptcp;
mod imtcp;
mod imudp;
mod known;
mod listener;
mod module;
pub mod networks;
mod queue;
mod row;
mod values;

pub use action::{ACTION, FILE, FILE_MODULE};
pub use directive::{Command, Directive, directive, directive_names};
pub use global::GLOBAL;
pub use known::{RSYSLOG_MODULES, RSYSLOG_OBJECTS};
pub use module::{ListenerModule, ModuleOptions};
pub use queue::{CREATE_RULESET_QUEUE, QUEUE};
pub use row::{Row, Setting};

/// The parameters of one object.
pub struct Table<T: 'static> {
    /// The object, as an operator writes it.
    pub object: &'static str,
    pub rows: &'static [Row<T>],
    /// Parameters that rsyslog has here, without a row of their own.
    pub rsyslog: &'static [&'static str],
}

impl<T> Table<T> {
    /// The row of this name, in any case.
    pub fn find(&self, name: &str) -> Option<&'static Row<T>> {
        let mut rows = self.rows.iter();
        rows.find(|row| row.name.eq_ignore_ascii_case(name))
    }

    /// Whether rsyslog has such a parameter here and Splashdam has no row for
    /// it.
    pub fn is_rsyslogs(&self, name: &str) -> bool {
        let mut names = self.rsyslog.iter();
        names.any(|known| known.eq_ignore_ascii_case(name))
    }

    /// All names that may be meant by an unknown one.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        let rows = self.rows.iter().map(|row| row.name);
        rows.chain(self.rsyslog.iter().copied())
    }
}

#[cfg(test)]
mod tests;
