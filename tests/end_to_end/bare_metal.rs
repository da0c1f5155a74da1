//! The daemon as a service: ordinary users, capabilities, sockets that are
//! handed over, what the service manager is told, the limit of descriptors.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::io::Write;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};

use crate::support::{
    Daemon, Disk, Namespace, SPLASHDAM, Scratch, Setup, connections, program, splashdam, to_file,
    wait_for, wait_for_text,
};

const FORMAT: &str = "RSYSLOG_TraditionalFileFormat";

const MESSAGE: &[u8] = b"<13>Oct 11 22:14:15 host tag: text\n";

/// `daemon` of every distribution: user and group.
const DAEMON: u32 = 1;

/// `nobody`.
const NOBODY: &str = "65534";

/// A scratch directory that others may use as well.
fn shared_scratch(mode: u32) -> Scratch {
    let scratch = Scratch::new();
    std::fs::set_permissions(scratch.path(), Permissions::from_mode(mode)).unwrap();
    scratch
}

/// One that has a directory `out` of the user `daemon`.
fn scratch_of_daemon() -> Scratch {
    let scratch = shared_scratch(0o755);
    std::fs::create_dir(scratch.join("out")).unwrap();
    lchown(scratch.join("out"), Some(DAEMON), Some(DAEMON)).unwrap();
    scratch
}

/// A field of `/proc/PID/task/*/status` of each thread, the kernel's workers
/// for io_uring among them, by its name and number.
fn credentials(pid: u32, field: &str) -> BTreeMap<String, String> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let mut all = BTreeMap::new();
    for task in tasks {
        let task = task.unwrap().path();
        // A worker of the kernel's may have ended meanwhile.
        let Ok(status) = std::fs::read_to_string(task.join("status")) else {
            continue;
        };
        let find = |name: &str| {
            let mut lines = status.lines();
            let line = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.unwrap_or_else(|| panic!("no {name}: {status}")).trim()
        };
        let thread = format!("{} {}", find("Name"), find("Pid"));
        let value: Vec<&str> = find(field).split_whitespace().collect();
        all.insert(thread, value.join(" "));
    }
    all
}

#[track_caller]
fn expect_credentials(pid: u32, field: &str, value: &str) {
    let all = credentials(pid, field);
    assert!(all.len() >= 3, "{all:?}");
    assert!(all.values().all(|is| is == value), "{field}: {all:?}");
}

#[track_caller]
fn expect_owner(path: &Path, owner: u32) {
    let metadata = std::fs::metadata(path).unwrap();
    let owners = (metadata.uid(), metadata.gid());
    assert_eq!(owners, (owner, owner), "{}", path.display());
}

#[test]
fn privileges_are_dropped_before_any_thread_and_any_output_file() {
    let scratch = scratch_of_daemon();
    let out = scratch.join("out/out.log");
    let rules = to_file("{dir}/out/out.log", FORMAT, "").replace("/own.log", "/out/own.log");
    // What root was given beside: groups, a capability to pass on, and that
    // setuid(2) takes no capability away.
    let given = "setpriv --groups 4,24 --inh-caps +net_raw --securebits +no_setuid_fixup";
    let given: Vec<&str> = given.split(' ').collect();
    let setup = Setup::new(rules)
        .statements("global(privdrop.user.name=\"daemon\" privdrop.group.name=\"daemon\")")
        .prefix(&given);
    let daemon = setup.splashdam(&scratch);
    let own = scratch.join("out/own.log");
    daemon.send(MESSAGE.repeat(50));
    daemon.wait_until_delivered(50);
    std::fs::rename(&out, scratch.join("out/old.log")).unwrap();
    daemon.signal("HUP");
    wait_for_text(&own, "reopening output files");
    daemon.send(MESSAGE.repeat(50));
    daemon.wait_until_delivered(100);
    for (field, value) in [
        ("Uid", "1 1 1 1"),
        ("Gid", "1 1 1 1"),
        ("Groups", ""),
        ("CapInh", "0000000000000000"),
        ("CapPrm", "0000000000000000"),
        ("CapEff", "0000000000000000"),
        ("CapAmb", "0000000000000000"),
    ] {
        expect_credentials(daemon.pid(), field, value);
    }
    for name in ["out/out.log", "out/old.log", "out/own.log", "ctl.sock"] {
        expect_owner(&scratch.join(name), DAEMON);
    }
    for name in ["port", "pid"] {
        expect_owner(&scratch.join(name), 0);
    }
    wait_for_text(&own, "splashdam's groupid changed to 1");
    wait_for_text(&own, "splashdam's userid changed to 1");

    // What it cannot remove it names, and leaves to the next start.
    daemon.stop();
    let errors = String::from_utf8(scratch.read("stderr")).unwrap();
    for file in ["the PID file", "the admin socket"] {
        assert!(
            errors.contains(&format!("{file} {}", scratch.path().display())),
            "{errors}"
        );
    }
    assert!(scratch.join("ctl.sock").exists() && scratch.join("pid").exists());
    setup.splashdam(&scratch).stop();
}

#[test]
fn a_user_without_a_group_has_its_own_and_groups_may_be_kept() {
    let scratch = scratch_of_daemon();
    let rules = to_file("{dir}/out/out.log", FORMAT, "").replace("/own.log", "/out/own.log");
    let daemon = Setup::new(rules)
        .statements("$PrivDropToUserID 1\nglobal(privdrop.group.keepSupplemental=\"on\")")
        .prefix(&["setpriv", "--groups", "4,24"])
        .splashdam(&scratch);
    expect_credentials(daemon.pid(), "Uid", "1 1 1 1");
    expect_credentials(daemon.pid(), "Gid", "1 1 1 1");
    expect_credentials(daemon.pid(), "Groups", "4 24");
    daemon.stop();
}

/// A configuration with one listener.
fn configuration(globals: &str, address: &str, port: u16) -> String {
    format!(
        "global(adminSocket=\"ctl.sock\" localHostname=\"here\" {globals})\n\
         module(load=\"imptcp\")\n\
         input(type=\"imptcp\" address=\"{address}\" port=\"{port}\")\n\
         syslog.* action(type=\"omfile\" file=\"own.log\")\n\
         & stop\n\
         *.* action(type=\"omfile\" file=\"out.log\")\n"
    )
}

/// `setpriv` that becomes the daemon as `nobody`, who may run this copy.
fn as_nobody(scratch: &Scratch, arguments: &[&str]) -> Command {
    let program = scratch.join("splashdam");
    std::fs::copy(SPLASHDAM, &program).unwrap();
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"])
        .args(arguments)
        .arg(program)
        .args(["-n", "-C", "-f", "daemon.conf"])
        .stdin(Stdio::null());
    command
}

/// Waits for the end of a daemon that must not start, and returns why.
#[track_caller]
fn expect_no_start(scratch: &Scratch, daemon: Daemon) -> String {
    let status = daemon.wait();
    let errors = String::from_utf8(scratch.read("stderr")).unwrap();
    assert_eq!(status.code(), Some(1), "{errors}");
    errors
}

#[test]
fn who_is_not_root_cannot_become_another() {
    let scratch = shared_scratch(0o777);
    for parameter in [
        "privdrop.group.id=\"7\"",
        "privdrop.user.id=\"7\" privdrop.group.id=\"65534\"",
    ] {
        scratch.write("daemon.conf", configuration(parameter, "127.0.0.1", 0));
        let daemon = Daemon::with_command(&scratch, as_nobody(&scratch, &[]));
        let errors = expect_no_start(&scratch, daemon);
        assert!(errors.contains("cannot drop privileges"), "{errors}");
        assert!(errors.contains("Operation not permitted"), "{errors}");
    }
    // Who is the user already need not.
    let same = "privdrop.user.id=\"65534\" privdrop.group.id=\"65534\"";
    scratch.write("daemon.conf", configuration(same, "127.0.0.1", 0));
    let mut daemon = Daemon::with_command(&scratch, as_nobody(&scratch, &[]));
    daemon.wait_for_admin();
    daemon.stop();
}

#[test]
fn an_ambient_capability_is_enough_for_port_514() {
    let scratch = shared_scratch(0o777);
    let namespace = Namespace::alone();
    scratch.write("daemon.conf", configuration("", "127.0.0.1", 514));
    let start = |arguments: &[&str]| {
        namespace.enter(|| Daemon::with_command(&scratch, as_nobody(&scratch, arguments)))
    };
    let errors = expect_no_start(&scratch, start(&[]));
    assert!(
        errors.contains("cannot listen on 127.0.0.1:514"),
        "{errors}"
    );

    let capability = "+net_bind_service";
    let mut daemon = start(&["--inh-caps", capability, "--ambient-caps", capability]);
    daemon.wait_for_admin();
    expect_credentials(daemon.pid(), "Uid", "65534 65534 65534 65534");
    namespace.enter(|| {
        let mut stream = TcpStream::connect("127.0.0.1:514").unwrap();
        stream.write_all(MESSAGE).unwrap();
    });
    daemon.wait_until_delivered(1);
    daemon.stop();
}

/// A command that becomes the daemon, with `socket` as the one that the service
/// manager hands over.
fn activated(socket: impl Into<OwnedFd>) -> Command {
    // Its number is 3 and `LISTEN_PID` the daemon's, both only from inside.
    let script = "exec 3<&0 </dev/null; export LISTEN_PID=$$ LISTEN_FDS=1; \
                  exec \"$0\" -n -C -f daemon.conf";
    let mut command = Command::new("sh");
    command
        .args(["-c", script, SPLASHDAM])
        .env("LISTEN_FDNAMES", "splashdam.socket")
        .stdin(Stdio::from(socket.into()));
    command
}

#[test]
fn a_datagram_socket_that_is_handed_over_is_received_from() {
    let scratch = Scratch::new();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let directory = scratch.path().display();
    scratch.write(
        "daemon.conf",
        format!(
            "global(adminSocket=\"{directory}/ctl.sock\" net.enableDNS=\"off\")\n\
             module(load=\"imudp\")\n\
             input(type=\"imudp\" address=\"127.0.0.1\" port=\"{}\")\n\
             *.* {directory}/out.log\n",
            address.port()
        ),
    );
    // Who sent before the daemon came is received.
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    sender.send_to(MESSAGE, address).unwrap();
    let mut daemon = Daemon::with_command(&scratch, activated(socket));
    daemon.wait_for_admin();
    daemon.wait_for_accounts("the datagram", |now| now.listener("imudp", "received") == 1);
    daemon.stop();
}

#[test]
fn a_socket_that_is_handed_over_is_listened_on() {
    let scratch = Scratch::new();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    socket.set_nonblocking(true).unwrap();
    let address = socket.local_addr().unwrap();
    scratch.write(
        "daemon.conf",
        configuration("", "127.0.0.1", address.port()),
    );
    // Who came before the daemon waits for it.
    let mut early = TcpStream::connect(address).unwrap();
    early.write_all(MESSAGE).unwrap();
    drop(early);
    let waiting = TcpStream::connect(address).unwrap();
    let mut daemon = Daemon::with_command(&scratch, activated(socket.try_clone().unwrap()));
    daemon.wait_for_admin();
    daemon.wait_until_delivered(1);
    // The kernel gave it what the socket had then: no keepalive.
    wait_for("keepalive of one that came before", || {
        let table = connections(&scratch, &[]);
        let mut table = table.iter();
        table
            .any(|connection| connection["timer"] == "keepalive")
            .then_some(())
    });
    assert_eq!(daemon.accounts().input("liveness_differs"), 0);
    drop(waiting);
    // It is the same socket, and has the listener's options.
    assert!(SockRef::from(&socket).keepalive().unwrap());
    TcpStream::connect(address)
        .unwrap()
        .write_all(MESSAGE)
        .unwrap();
    daemon.wait_until_delivered(2);
    daemon.stop();
    assert!(SockRef::from(&socket).is_listener().unwrap());
}

#[test]
fn a_socket_that_no_input_takes_stops_the_start() {
    let scratch = Scratch::new();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    scratch.write("daemon.conf", configuration("", "127.0.0.1", 0));
    let daemon = Daemon::with_command(&scratch, activated(socket));
    let errors = expect_no_start(&scratch, daemon);
    let expected = format!("no input takes: stream {address} (splashdam.socket)");
    assert!(errors.contains(&expected), "{errors}");

    // One that takes IPv6 alone is less than the input asks for.
    let socket = Socket::new(Domain::IPV6, Type::STREAM, None).unwrap();
    socket.set_only_v6(true).unwrap();
    let address: std::net::SocketAddr = "[::]:0".parse().unwrap();
    socket.bind(&address.into()).unwrap();
    socket.listen(1).unwrap();
    let port = socket.local_addr().unwrap().as_socket().unwrap().port();
    scratch.write("daemon.conf", configuration("", "::", port));
    let daemon = Daemon::with_command(&scratch, activated(socket));
    let errors = expect_no_start(&scratch, daemon);
    assert!(errors.contains("BindIPv6Only=both"), "{errors}");
}

/// The service manager's end of `NOTIFY_SOCKET`.
struct Manager(UnixDatagram);

impl Manager {
    fn new(scratch: &Scratch) -> Manager {
        Manager(UnixDatagram::bind(scratch.join("notify")).unwrap())
    }

    /// The next message, if one comes in this time.
    fn hear(&self, patience: Duration) -> Option<String> {
        let mut bytes = [0; 4096];
        self.0.set_read_timeout(Some(patience)).unwrap();
        let len = self.0.recv(&mut bytes).ok()?;
        Some(String::from_utf8(bytes[..len].to_vec()).unwrap())
    }

    /// Waits for a message with this line.
    #[track_caller]
    fn wait_for(&self, line: &str) -> String {
        wait_for(line, || {
            let message = self.hear(Duration::from_secs(60))?;
            message.lines().any(|is| is == line).then_some(message)
        })
    }
}

#[test]
fn the_service_manager_is_told_of_start_life_and_stop() {
    let scratch = Scratch::new();
    let manager = Manager::new(&scratch);
    let path = scratch.join("notify").display().to_string();
    let daemon = Setup::new(to_file("{dir}/out.log", FORMAT, ""))
        .environment("NOTIFY_SOCKET", &path)
        .environment("WATCHDOG_USEC", "400000")
        .splashdam(&scratch);
    let started = manager.wait_for("READY=1");
    let status = format!("STATUS=listening on 127.0.0.1:{}", daemon.port());
    assert!(started.lines().any(|line| line == status), "{started}");
    // Sleeping threads live, too.
    for _ in 0..5 {
        manager.wait_for("WATCHDOG=1");
    }
    daemon.stop();
    manager.wait_for("STOPPING=1");
}

#[test]
fn the_watchdog_is_not_answered_while_a_thread_hangs() {
    let scratch = Scratch::new();
    let disk = Disk::new(&scratch, 16 << 20);
    let manager = Manager::new(&scratch);
    let path = scratch.join("notify").display().to_string();
    let daemon = Setup::new(to_file("{dir}/disk/out.log", FORMAT, ""))
        .environment("NOTIFY_SOCKET", &path)
        .environment("WATCHDOG_USEC", "400000")
        .splashdam(&scratch);
    manager.wait_for("WATCHDOG=1");
    // To create a file there waits in the system call.
    let frozen = disk.freeze();
    daemon.send(MESSAGE);
    wait_for_text(
        &scratch.join("stderr"),
        "the thread worker-main does not move",
    );
    while manager.hear(Duration::from_millis(1)).is_some() {}
    assert_eq!(manager.hear(Duration::from_secs(1)), None);
    drop(frozen);
    manager.wait_for("WATCHDOG=1");
    daemon.wait_until_delivered(1);
    daemon.stop();
}

#[test]
fn the_admin_socket_is_in_the_runtime_directory() {
    let scratch = Scratch::new();
    let configuration = configuration("", "127.0.0.1", 0).replace("adminSocket=\"ctl.sock\"", "");
    scratch.write("daemon.conf", configuration);
    std::fs::create_dir(scratch.join("run")).unwrap();
    let mut command = Command::new(SPLASHDAM);
    let directories = format!("{}:/nonexistent", scratch.join("run").display());
    command
        .args(["-n", "-C", "-f", "daemon.conf"])
        .env("RUNTIME_DIRECTORY", directories)
        .stdin(Stdio::null());
    let daemon = Daemon::with_command(&scratch, command);
    let socket = scratch.join("run/splashdam.sock");
    wait_for("an answer on the admin socket", || {
        let mut ctl = splashdam(scratch.path());
        ctl.arg("ctl").arg("--socket").arg(&socket).arg("stats");
        ctl.output().unwrap().status.success().then_some(())
    });
    daemon.signal("TERM");
    assert!(daemon.wait().success());
    assert!(!socket.exists());
}

#[test]
fn the_limit_of_descriptors_is_compared_with_max_sessions() {
    let scratch = Scratch::new();
    let setup = Setup::new(to_file("{dir}/out.log", FORMAT, "")).descriptors(300);
    let daemon = setup
        .clone()
        .input("maxSessions=\"1000\"")
        .splashdam(&scratch);
    let told = "the limit of 300 descriptors is too low: maxSessions allows 1000";
    wait_for_text(&scratch.join("stderr"), told);
    assert!(
        daemon.stderr().contains("set LimitNOFILE=1"),
        "{}",
        daemon.stderr()
    );
    daemon.stop();

    let daemon = setup.splashdam(&scratch);
    let told = "the limit of 300 descriptors allows about 2";
    wait_for_text(&scratch.join("own.log"), told);
    assert!(!daemon.stderr().contains("descriptors"));
    daemon.stop();
}

#[test]
fn the_units_are_what_systemd_understands() {
    let scratch = Scratch::new();
    let packaging = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging");
    // The program is not installed here; all else is checked as it is.
    let service = std::fs::read_to_string(packaging.join("splashdam.service")).unwrap();
    let service = service.replace("/usr/bin/splashdam", SPLASHDAM);
    scratch.write("splashdam.service", service);
    let socket = std::fs::read_to_string(packaging.join("splashdam.socket")).unwrap();
    scratch.write("splashdam.socket", socket);
    let mut command = program("systemd-analyze");
    command.args(["verify", "--man=no"]).args([
        scratch.join("splashdam.service"),
        scratch.join("splashdam.socket"),
    ]);
    let output = command.output().expect("systemd-analyze");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let ours: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("splashdam"))
        .collect();
    assert_eq!(ours, Vec::<&str>::new());
}
