//! Actions: what is done with the messages that rules choose, and what happens
//! when it cannot be done.

mod driven;
mod options;
mod state;

pub use driven::{Action, ActionCounters};
pub use options::{ActionOptions, DriverOptions};
pub use state::{Resume, State};
