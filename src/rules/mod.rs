//! Rules: which messages go to which actions, and into which rulesets' queues.
//!
//! A [`Program`] is evaluated for a whole batch at once, statement by
//! statement, over sets of messages ([`Selections`]): what applies to all
//! messages costs nothing for each of them.

mod program;
mod selections;
mod selector;
mod set;

#[cfg(test)]
mod program_tests;
#[cfg(test)]
mod selector_tests;

pub use program::{Filter, Program, Ruleset, Statement};
pub use selections::{Selected, Selections, Target};
pub use selector::{Selector, SelectorError};
