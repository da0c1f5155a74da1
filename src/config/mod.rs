//! The configuration: rsyslog's language, in both its syntaxes, to plain data.
//!
//! `source` holds the files, `syntax` makes a tree of each, `check` makes the
//! options structs of the other folders of the trees. Nothing else of the
//! daemon sees syntax. What is not understood is an error: nothing is ignored
//! silently.

mod check;
mod diagnostic;
pub mod parameters;
mod queue_timeouts;
mod source;
mod span;
mod syntax;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use diagnostic::{Diagnostic, Diagnostics, Level};
pub use queue_timeouts::QueueTimeouts;
pub use source::{Place, Source, Sources};
pub use span::{FileId, Span, Spanned, Text};

use crate::action::{ActionOptions, DriverOptions};
use crate::base::PrivilegeOptions;
use crate::frame::{FramerOptions, OversizeMode};
use crate::limits::MESSAGE_BYTES_DEFAULT;
use crate::names::NameOptions;
use crate::queue::QueueOptions;
use crate::receive::ListenerOptions;
use crate::rules::Program;
use crate::template::Template;

/// The configuration that is used when none is given.
pub const DEFAULT: &str = include_str!("default.conf");

/// A configuration that was understood, as plain data.
#[derive(Debug)]
pub struct Config {
    pub globals: Globals,
    /// `threads` of imptcp, `workerThreads` of imtcp, whichever is more; one per
    /// core that is given to input if not set.
    pub reactors: Option<usize>,
    /// `maxSessionsTotal` of imptcp or imtcp, whichever is less.
    pub sessions_max: Option<u32>,
    /// The inputs, in the order of the configuration.
    pub listeners: Vec<ListenerOptions>,
    pub main_queue: QueueOptions,
    /// The queues that rulesets have of their own, by the ruleset's index in
    /// `program`; `None`: it has none.
    pub ruleset_queues: Vec<Option<QueueOptions>>,
    /// The templates that actions use; `ActionOptions::template` is an index.
    pub templates: Vec<Template>,
    /// The actions; `Statement::Action` is an index.
    pub actions: Vec<ActionOptions>,
    /// What is done with a message.
    pub program: Program,
}

/// Parameters of the daemon as a whole (`global()`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Globals {
    /// `maxMessageSize`, in bytes.
    pub max_message_size: usize,
    /// `oversizemsg.input.mode`.
    pub oversize_mode: OversizeMode,
    /// `oversizemsg.errorfile`.
    pub oversize_error_file: Option<PathBuf>,
    /// `oversizemsg.report`.
    pub oversize_report: bool,
    /// `workDirectory`. No queue keeps files yet.
    pub work_directory: PathBuf,
    /// Where the configuration sets it, for the warning that it has no effect.
    pub work_directory_span: Option<Span>,
    /// `umask`; that of the parent process if not set.
    pub umask: Option<u32>,
    /// `pinThreads`.
    pub pin_threads: PinThreads,
    /// `adminSocket`; `/run/splashdam.sock` if not set, and none where that
    /// cannot be opened.
    pub admin_socket: Option<PathBuf>,
    /// `metricsListen`: where metrics are read over HTTP; nowhere if not set.
    pub metrics_listen: Option<SocketAddr>,
    /// `localHostname`; the kernel's if not set.
    pub local_hostname: Option<String>,
    /// `halfOpenIdle`: silence after which a connection may be half-open;
    /// `None`: it is not looked for.
    pub half_open_idle: Option<Duration>,
    /// `privdrop.…`.
    pub privileges: PrivilegeOptions,
    /// `net.enableDNS` and `net.dnsTimeout`.
    pub names: NameOptions,
    /// `preserveFQDN`: whether the kernel's name of this host keeps its domain.
    pub preserve_fqdn: bool,
    /// `default.ruleset.queue.…`: of queues in front of rules.
    pub ruleset_queues: QueueTimeouts,
    /// `default.action.queue.…`.
    pub action_queues: QueueTimeouts,
}

/// `pinThreads`: whether threads keep to one core each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PinThreads {
    /// Where there are more cores than busy threads.
    #[default]
    Auto,
    On,
    Off,
}

impl Default for Globals {
    fn default() -> Self {
        Globals {
            max_message_size: MESSAGE_BYTES_DEFAULT,
            oversize_mode: OversizeMode::Truncate,
            oversize_error_file: None,
            oversize_report: true,
            work_directory: PathBuf::from("/var/lib/splashdam"),
            work_directory_span: None,
            umask: None,
            pin_threads: PinThreads::Auto,
            admin_socket: None,
            metrics_listen: None,
            local_hostname: None,
            names: NameOptions::default(),
            preserve_fqdn: false,
            ruleset_queues: QueueTimeouts::default(),
            action_queues: QueueTimeouts::default(),
            // FortiGate's session-ttl by default.
            half_open_idle: Some(Duration::from_secs(3600)),
            privileges: PrivilegeOptions::default(),
        }
    }
}

impl Globals {
    /// What holds for the framing of all listeners.
    pub fn framer(&self) -> FramerOptions {
        FramerOptions {
            message_bytes_max: self.max_message_size,
            oversize: self.oversize_mode,
            keeps_oversize: self.oversize_error_file.is_some(),
            ..FramerOptions::default()
        }
    }
}

impl Config {
    /// Reads a configuration and the files that it includes. Beside it come the
    /// warnings. The error has everything that is wrong with it.
    pub fn load(path: &Path) -> Result<(Config, Diagnostics), Diagnostics> {
        let mut sources = Sources::default();
        let file = sources.read(path);
        check::check(sources, file)
    }

    /// The same for a text. Files that it includes are searched from the
    /// working directory.
    pub fn from_text(name: &str, text: &str) -> Result<(Config, Diagnostics), Diagnostics> {
        let mut sources = Sources::default();
        let file = sources.add(name, text.as_bytes());
        check::check(sources, file)
    }

    /// Makes relative paths absolute; they are meant from `base`, an absolute
    /// path. For a daemon that is to change its working directory.
    pub fn resolve_paths(&mut self, base: &Path) {
        let globals = &mut self.globals;
        let of_globals = [
            Some(&mut globals.work_directory),
            globals.admin_socket.as_mut(),
            globals.oversize_error_file.as_mut(),
        ];
        let of_listeners = self
            .listeners
            .iter_mut()
            .flat_map(|listener| [listener.port_file.as_mut(), listener.unix.path.as_mut()]);
        let of_actions = self
            .actions
            .iter_mut()
            .map(|action| match &mut action.driver {
                DriverOptions::File(file) => Some(&mut file.path),
                DriverOptions::Discard => None,
            });
        let paths = of_globals.into_iter().chain(of_listeners).chain(of_actions);
        for path in paths.flatten() {
            // An absolute path takes the place of `base`.
            *path = base.join(&*path);
        }
    }
}

#[cfg(test)]
mod tests;
