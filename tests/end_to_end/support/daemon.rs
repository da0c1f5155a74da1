//! A running daemon.

use std::fs::File;
use std::io::Write;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use super::command::SPLASHDAM;
use super::{Accounts, Scratch, program, splashdam, wait_for};

/// Which daemon it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Splashdam,
    Rsyslog,
}

/// A daemon that is killed when the value goes away.
pub struct Daemon {
    kind: Kind,
    child: Child,
    directory: PathBuf,
    port: u16,
}

impl Daemon {
    /// Starts a daemon in `scratch` by a command that becomes it, and waits
    /// until it can be used.
    pub(super) fn start(
        kind: Kind,
        configuration: &str,
        scratch: &Scratch,
        prefix: &[String],
        environment: &[(&'static str, String)],
    ) -> Daemon {
        let file = scratch.write("daemon.conf", configuration);
        let port_file = scratch.join("port");
        // That of a daemon that was here before.
        let _ = std::fs::remove_file(&port_file);
        let program = match kind {
            Kind::Splashdam => SPLASHDAM,
            Kind::Rsyslog => "/usr/sbin/rsyslogd",
        };
        let mut words = prefix.iter().map(String::as_str).chain([program]);
        let mut command = Command::new(words.next().unwrap_or(program));
        command
            .args(words)
            .args(["-n", "-C", "-f"])
            .arg(&file)
            .arg("-i")
            .arg(scratch.join("pid"))
            .current_dir(scratch.path())
            .stdin(Stdio::null())
            .envs(environment.iter().map(|(name, value)| (name, value)));
        let mut daemon = Daemon::spawn(kind, command, scratch);
        let what = format!("the port of a daemon with this configuration:\n{configuration}");
        daemon.port = wait_for(&what, || {
            daemon.expect_alive();
            let port = std::fs::read_to_string(&port_file).ok()?;
            port.trim().parse().ok()
        });
        match kind {
            Kind::Splashdam => daemon.wait_for_admin(),
            // It writes the port to the file before it listens.
            Kind::Rsyslog => wait_for("rsyslog to listen", || daemon.listens().then_some(())),
        }
        daemon
    }

    /// Starts Splashdam in `scratch` with these arguments.
    pub fn with_arguments(scratch: &Scratch, arguments: &[&str]) -> Daemon {
        let mut command = Command::new(SPLASHDAM);
        command
            .args(arguments)
            .current_dir(scratch.path())
            .stdin(Stdio::null());
        Daemon::spawn(Kind::Splashdam, command, scratch)
    }

    /// Starts Splashdam by a command that becomes it, in `scratch`. A
    /// configuration there has its admin socket at `ctl.sock`.
    pub fn with_command(scratch: &Scratch, mut command: Command) -> Daemon {
        command.current_dir(scratch.path());
        Daemon::spawn(Kind::Splashdam, command, scratch)
    }

    fn spawn(kind: Kind, mut command: Command, scratch: &Scratch) -> Daemon {
        let output = |name: &str| File::create(scratch.join(name)).unwrap();
        let child = command
            .stdout(output("stdout"))
            .stderr(output("stderr"))
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {kind:?}: {error}"));
        Daemon {
            kind,
            child,
            directory: scratch.path().to_owned(),
            port: 0,
        }
    }

    /// Waits until it answers on `ctl.sock`.
    pub fn wait_for_admin(&mut self) {
        wait_for("an answer on the admin socket", || {
            self.expect_alive();
            let mut command = splashdam(&self.directory);
            command.args(["ctl", "--socket", "ctl.sock", "stats"]);
            command.output().unwrap().status.success().then_some(())
        });
    }

    /// Whether a TCP socket listens on its port, as the kernel lists them (proc(5)):
    /// to connect would count as a connection.
    fn listens(&self) -> bool {
        const LISTEN: &str = "0A";
        let port = format!(":{:04X}", self.port);
        let tables = ["tcp", "tcp6"].map(|name| {
            let path = format!("/proc/{}/net/{name}", self.pid());
            std::fs::read_to_string(path).unwrap_or_default()
        });
        let mut lines = tables.iter().flat_map(|table| table.lines());
        lines.any(|line| {
            let mut fields = line.split_whitespace().skip(1);
            let local = fields.next().unwrap_or_default();
            let state = fields.nth(1).unwrap_or_default();
            local.ends_with(&port) && state == LISTEN
        })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has written to standard error.
    pub fn stderr(&self) -> String {
        let stderr = std::fs::read(self.directory.join("stderr")).unwrap_or_default();
        String::from_utf8_lossy(&stderr).into_owned()
    }

    /// A connection to it.
    pub fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).unwrap()
    }

    /// Sends bytes over a connection of their own, and closes it.
    pub fn send(&self, bytes: impl AsRef<[u8]>) {
        self.connect().write_all(bytes.as_ref()).unwrap();
    }

    /// Its accounts now.
    pub fn accounts(&self) -> Accounts {
        let mut command = splashdam(&self.directory);
        command.args(["ctl", "--socket", "ctl.sock", "stats", "--json"]);
        let output = command.output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "ctl stats: {error}{}",
            self.stderr()
        );
        Accounts::parse(&output.stdout)
    }

    /// Waits until its accounts satisfy a condition, and returns them.
    #[track_caller]
    pub fn wait_for_accounts(&self, what: &str, is: impl Fn(&Accounts) -> bool) -> Accounts {
        let mut last = None;
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            wait_for(what, || {
                let accounts = last.insert(self.accounts());
                is(accounts).then(|| accounts.clone())
            })
        }));
        found.unwrap_or_else(|_| panic!("waited in vain for {what}: {last:?}"))
    }

    /// Waits until it has received so many messages over TCP and all of them
    /// are where they belong.
    #[track_caller]
    pub fn wait_until_delivered(&self, messages: u64) -> Accounts {
        self.wait_for_accounts(&format!("{messages} messages to be delivered"), |now| {
            now.input("received") >= messages && !now.is_anything_held()
        })
    }

    /// Sends it a signal, `TERM` for example.
    pub fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait(mut self) -> ExitStatus {
        wait_for("the daemon's end", || self.child.try_wait().unwrap())
    }

    /// Checks the account where there is one, ends it with SIGTERM, and expects
    /// exit code 0.
    #[track_caller]
    pub fn stop(self) {
        self.check_accounts();
        self.signal("TERM");
        let errors = self.stderr();
        let status = self.wait();
        assert!(status.success(), "{status}: {errors}");
    }

    /// Waits for a moment at which the account balances. It must come: nothing
    /// is under way for long.
    #[track_caller]
    pub fn check_accounts(&self) {
        if self.kind == Kind::Splashdam {
            self.wait_for_accounts("accounts that balance", |now| now.balance().is_ok());
        }
    }

    /// Ends it as a power cut would.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    #[track_caller]
    fn expect_alive(&mut self) {
        if let Some(status) = self.child.try_wait().unwrap() {
            panic!("{:?} ended: {status}: {}", self.kind, self.stderr());
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("standard error of {:?}: {}", self.kind, self.stderr());
        }
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a process a signal.
fn signal(pid: u32, name: &str) {
    let arguments = [format!("-{name}"), pid.to_string()];
    program("kill").args(arguments).assert().success();
}

/// A field of `/proc/PID/status` in KiB.
pub fn memory_kib(pid: u32, field: &str) -> u64 {
    let status = std::fs::read_to_string(Path::new(&format!("/proc/{pid}/status"))).unwrap();
    let mut lines = status.lines();
    let value = lines.find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let value = value.unwrap_or_else(|| panic!("no {field} in {status}"));
    value.trim().trim_end_matches(" kB").parse().unwrap()
}
