//! The configuration of a daemon under test.

use std::path::Path;

use super::daemon::{Daemon, Kind};
use super::{Namespace, Scratch};

/// What a daemon is started with. `{dir}` in any text stands for its scratch
/// directory. The same setup starts Splashdam and rsyslog.
#[derive(Clone)]
pub struct Setup {
    rules: String,
    statements: String,
    module: String,
    input: String,
    /// The statement that configures the main queue.
    queue: String,
    environment: Vec<(&'static str, String)>,
    /// A command that becomes the daemon.
    prefix: Vec<String>,
    resolves_names: bool,
    /// Parameters of `global()`.
    global: String,
    /// `localHostname` of Splashdam.
    hostname: Option<&'static str>,
}

impl Setup {
    /// A daemon with one TCP listener on a port of the kernel's choice and
    /// these rules. The time to stop is long: what is tested is that all is
    /// delivered, not how fast.
    pub fn new(rules: impl Into<String>) -> Setup {
        Setup {
            rules: rules.into(),
            statements: String::new(),
            module: String::new(),
            input: String::new(),
            queue: main_queue("queue.size=\"20000\" queue.timeoutShutdown=\"60000\""),
            environment: Vec::new(),
            prefix: Vec::new(),
            resolves_names: false,
            global: String::new(),
            hostname: Some("here"),
        }
    }

    /// Statements that stand outside of the rules.
    pub fn statements(mut self, text: impl Into<String>) -> Setup {
        self.statements = text.into();
        self
    }

    /// More parameters of the input's module.
    pub fn module(mut self, parameters: &str) -> Setup {
        self.module = parameters.to_owned();
        self
    }

    /// More parameters of the listener.
    pub fn input(mut self, parameters: &str) -> Setup {
        self.input = parameters.to_owned();
        self
    }

    /// Parameters of the main queue instead of those of [`Setup::new`].
    pub fn queue(mut self, parameters: &str) -> Setup {
        self.queue = main_queue(parameters);
        self
    }

    /// Directives of the main queue instead of `main_queue()`.
    pub fn queue_directives(mut self, directives: &str) -> Setup {
        self.queue = directives.to_owned();
        self
    }

    /// A variable of the environment.
    pub fn environment(mut self, name: &'static str, value: &str) -> Setup {
        self.environment.push((name, value.to_owned()));
        self
    }

    /// The network namespace that it runs in, with the files that stand for
    /// those of `/etc` there.
    pub fn namespace(mut self, namespace: &Namespace) -> Setup {
        self.prefix = ["/usr/sbin/ip", "netns", "exec", namespace.name()]
            .map(str::to_owned)
            .into();
        self
    }

    /// A command that becomes the daemon: what it is given is the daemon's.
    pub fn prefix(mut self, words: &[&str]) -> Setup {
        self.prefix = words.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// The largest number of descriptors that it may have.
    pub fn descriptors(mut self, count: u32) -> Setup {
        self.prefix = vec!["prlimit".to_owned(), format!("--nofile={count}:{count}")];
        self
    }

    /// Leaves the lookup of senders' names on.
    pub fn resolve_names(mut self) -> Setup {
        self.resolves_names = true;
        self
    }

    /// Leaves the host its own name, with these parameters of `global()`.
    pub fn own_hostname(mut self, parameters: &str) -> Setup {
        self.hostname = None;
        self.global = parameters.to_owned();
        self
    }

    /// Starts Splashdam and waits until it answers.
    pub fn splashdam(&self, scratch: &Scratch) -> Daemon {
        self.start(Kind::Splashdam, scratch)
    }

    /// Starts the distribution's rsyslog and waits until it listens.
    pub fn rsyslog(&self, scratch: &Scratch) -> Daemon {
        self.start(Kind::Rsyslog, scratch)
    }

    fn start(&self, kind: Kind, scratch: &Scratch) -> Daemon {
        let text = self.text(kind, scratch.path());
        Daemon::start(kind, &text, scratch, &self.prefix, &self.environment)
    }

    /// The configuration. rsyslog's own messages do not go through a ruleset
    /// that is bound to an input; Splashdam's do, and are told apart by
    /// [`to_file`] or by their text.
    fn text(&self, kind: Kind, directory: &Path) -> String {
        let Setup {
            rules,
            statements,
            module,
            input,
            queue,
            ..
        } = self;
        let (own, bind, rules) = match kind {
            Kind::Splashdam => ("adminSocket=\"{dir}/ctl.sock\"", "", rules.clone()),
            Kind::Rsyslog => (
                "workDirectory=\"{dir}\"",
                "ruleset=\"received\"",
                format!("ruleset(name=\"received\") {{\n{rules}\n}}"),
            ),
        };
        let names = match self.resolves_names {
            true => "",
            false => "net.enableDNS=\"off\"",
        };
        let hostname = self.hostname.filter(|_| kind == Kind::Splashdam);
        let hostname = hostname.map(|name| format!("localHostname=\"{name}\""));
        let global = [hostname.unwrap_or_default(), self.global.clone()].join(" ");
        let text = format!(
            "global({names} {own} {global})\n\
             module(load=\"imptcp\" {module})\n\
             {queue}\n\
             {statements}\n\
             {rules}\n\
             input(type=\"imptcp\" address=\"127.0.0.1\" port=\"0\" \
             listenPortFileName=\"{{dir}}/port\" {bind} {input})\n"
        );
        text.replace("{dir}", &directory.display().to_string())
    }
}

fn main_queue(parameters: &str) -> String {
    format!("main_queue(queue.type=\"FixedArray\" {parameters})")
}

/// Rules that write the daemon's own messages to `own.log` and all others to
/// `path` by `template`; the action is named `out`. `parameters` are the
/// action's.
pub fn to_file(path: &str, template: &str, parameters: &str) -> String {
    format!(
        "syslog.* action(type=\"omfile\" name=\"own\" file=\"{{dir}}/own.log\")\n\
         & stop\n\
         *.* action(type=\"omfile\" name=\"out\" file=\"{path}\" template=\"{template}\" \
         {parameters})\n"
    )
}
