//! What a user types, and what is answered.

use std::net::TcpListener;
use std::os::unix::net::UnixListener;

use crate::support::{
    Daemon, SPLASHDAM, Scratch, Setup, program, splashdam, to_file, wait_for, wait_for_text,
};

/// The end of a configuration that is about something else.
const REST: &str = "module(load=\"imptcp\")\n\
                    input(type=\"imptcp\" address=\"127.0.0.1\" port=\"0\")\n\
                    *.* /tmp/never-written\n";

#[test]
fn the_version_is_printed() {
    let scratch = Scratch::new();
    let output = splashdam(scratch.path()).arg("-v").output().unwrap();
    assert!(output.status.success());
    let version = format!("splashdam {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), version);
}

#[test]
fn the_default_configuration_is_printed_and_is_valid() {
    let scratch = Scratch::new();
    let output = splashdam(scratch.path())
        .arg("--print-default-config")
        .output()
        .unwrap();
    assert!(output.status.success());
    scratch.write("default.conf", &output.stdout);
    splashdam(scratch.path())
        .args(["-N1", "-f", "default.conf"])
        .assert()
        .success();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("input(type=\"imptcp\""), "{text}");
}

#[test]
fn a_command_that_the_default_configuration_names_exists() {
    let scratch = Scratch::new();
    let output = splashdam(scratch.path())
        .arg("--print-default-config")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut commands = text
        .lines()
        .filter_map(|line| line.split_once("splashdam --"));
    let (_, command) = commands.next().expect("it says how it was made");
    let option = format!("--{}", command.split_whitespace().next().unwrap());
    let printed = splashdam(scratch.path()).arg(&option).output().unwrap();
    assert!(printed.status.success(), "{option}");
    assert_eq!(String::from_utf8(printed.stdout).unwrap(), text);
}

#[test]
fn a_valid_configuration_passes_the_check_and_nothing_is_started() {
    let scratch = Scratch::new();
    scratch.write(
        "valid.conf",
        format!("{REST}*.* {}\n", scratch.join("out.log").display()),
    );
    let mut command = splashdam(scratch.path());
    let output = command
        .args(["-N1", "-f", "valid.conf", "-i", "pid"])
        .output()
        .unwrap();
    assert!(output.status.success());
    assert_eq!(output.stdout, b"");
    assert!(String::from_utf8(output.stderr).unwrap().contains("valid"));
    assert!(!scratch.join("pid").exists());
    assert!(!scratch.join("out.log").exists());
}

/// A mistake in line 4 of a configuration, and what has to be said about it:
/// column, width of the marked text, and the name that was meant.
const MISTAKES: &[(&str, usize, usize, &str)] = &[
    // RainerScript.
    (
        "main_queue(queue.tpye=\"FixedArray\")",
        12,
        10,
        "queue.type",
    ),
    ("main_queue(queue.type=\"FixedAray\")", 24, 9, "FixedArray"),
    ("main_qeue(queue.size=\"1000\")", 1, 9, "main_queue"),
    ("global(workDirectroy=\"/tmp\")", 8, 13, "workDirectory"),
    ("module(load=\"imptpc\")", 14, 6, "imptcp"),
    ("input(type=\"imptcp\" prot=\"0\")", 21, 4, "port"),
    ("action(type=\"omfle\" file=\"/tmp/x\")", 14, 5, "omfile"),
    (
        "  *.* action(type=\"omfile\" flie=\"/tmp/x\")",
        28,
        4,
        "file",
    ),
    (
        "action(type=\"omfile\" file=\"/tmp/x\" template=\"RSYSLOG_FileFromat\")",
        46,
        18,
        "RSYSLOG_FileFormat",
    ),
    (
        "template(name=\"t\" type=\"string\" string=\"%hostnam%\")",
        42,
        7,
        "hostname",
    ),
    // Directives.
    ("$MainMsgQueueSiez 1000", 1, 17, "$MainMsgQueueSize"),
    ("$WorkDirectroy /tmp", 1, 14, "$WorkDirectory"),
    ("$InputPTCPSeverRun 5514", 1, 18, "$InputPTCPServerRun"),
    ("$ModLoad imptpc", 10, 6, "imptcp"),
    // Selectors.
    ("*.inof /tmp/x", 3, 4, "info"),
    ("atuh.* /tmp/x", 1, 4, "auth"),
];

#[test]
fn a_mistake_is_shown_with_its_place_and_the_name_that_was_meant() {
    let scratch = Scratch::new();
    let mut wrong = Vec::new();
    for &(line, column, width, meant) in MISTAKES {
        scratch.write("mistake.conf", format!("{REST}{line}\n"));
        for check in [["-N1"].as_slice(), &["-n"]] {
            let mut command = splashdam(scratch.path());
            let output = command
                .args(check)
                .args(["-f", "mistake.conf"])
                .output()
                .unwrap();
            let told = String::from_utf8(output.stderr).unwrap();
            let place = format!("mistake.conf:4:{column}: error: ");
            let carets = " ".repeat(column - 1) + &"^".repeat(width);
            let excerpt = format!("\n 4 | {line}\n   | {carets}\n   = ");
            let behind = told.split_once(&place);
            let behind = behind.and_then(|(_, told)| told.split_once(&excerpt));
            let hint = behind.and_then(|(_, told)| told.lines().next());
            let is_right =
                output.status.code() == Some(1) && hint.is_some_and(|hint| hint.contains(meant));
            if !is_right {
                wrong.push(format!("{line}\n{:?}, {}", output.status, told));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn all_mistakes_of_a_file_are_told_at_once() {
    let scratch = Scratch::new();
    let mistakes: Vec<&str> = MISTAKES.iter().map(|(line, ..)| *line).collect();
    scratch.write("mistakes.conf", format!("{REST}{}\n", mistakes.join("\n")));
    let mut command = splashdam(scratch.path());
    let output = command
        .args(["-N1", "-f", "mistakes.conf"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    for line in 4..4 + MISTAKES.len() {
        assert!(
            told.contains(&format!("mistakes.conf:{line}:")),
            "line {line}:\n{told}"
        );
    }
}

#[test]
fn a_mistake_in_an_included_file_is_shown_there() {
    let scratch = Scratch::new();
    scratch.write(
        "main.conf",
        format!(
            "{REST}$IncludeConfig {}/part.conf\n",
            scratch.path().display()
        ),
    );
    scratch.write("part.conf", "# one line\n$MainMsgQueueSzie 5\n");
    let mut command = splashdam(scratch.path());
    let output = command.args(["-N1", "-f", "main.conf"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("part.conf:2:1: error: "), "{told}");
    assert!(told.contains("$MainMsgQueueSize"), "{told}");
}

#[test]
fn a_configuration_file_that_is_not_there_is_named() {
    let scratch = Scratch::new();
    for arguments in [["-N1", "-f", "nowhere.conf"], ["-n", "-f", "nowhere.conf"]] {
        let output = splashdam(scratch.path()).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains("nowhere.conf"), "{told}");
        assert!(told.contains("No such file"), "{told}");
    }
}

#[test]
fn a_second_daemon_with_the_same_admin_socket_does_not_start() {
    let scratch = Scratch::new();
    let first = Setup::new(to_file(
        "{dir}/out.log",
        "RSYSLOG_TraditionalFileFormat",
        "",
    ))
    .splashdam(&scratch);
    // The same file: only the port, the kernel's choice, is another.
    let mut command = splashdam(scratch.path());
    let output = command
        .args(["-n", "-C", "-f", "daemon.conf"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains("ctl.sock") && told.contains("another daemon answers"),
        "{told}"
    );
    // The first one goes on, with its socket.
    first.send("<13>Oct 11 22:14:15 host tag: still here\n");
    first.wait_until_delivered(1);
    first.stop();
    assert!(!scratch.join("ctl.sock").exists());
}

#[test]
fn a_socket_that_a_dead_daemon_left_is_replaced() {
    let scratch = Scratch::new();
    let setup = Setup::new(to_file(
        "{dir}/out.log",
        "RSYSLOG_TraditionalFileFormat",
        "",
    ));
    setup.splashdam(&scratch).kill();
    assert!(scratch.join("ctl.sock").exists());
    setup.splashdam(&scratch).stop();
}

#[test]
fn a_port_in_use_stops_the_start_and_is_named() {
    let scratch = Scratch::new();
    let occupied = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = occupied.local_addr().unwrap();
    let socket = scratch.join("ctl.sock");
    scratch.write(
        "daemon.conf",
        format!(
            "global(adminSocket=\"{}\")\nmodule(load=\"imptcp\")\n\
             input(type=\"imptcp\" address=\"127.0.0.1\" port=\"{}\")\n*.* {}\n",
            socket.display(),
            address.port(),
            scratch.join("out.log").display()
        ),
    );
    let mut command = splashdam(scratch.path());
    let output = command
        .args(["-n", "-f", "daemon.conf", "-i", "pid"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains(&address.to_string()), "{told}");
    assert_eq!(told.matches("Address already in use").count(), 1, "{told}");
    assert!(!scratch.join("pid").exists());
    assert!(
        !socket.exists(),
        "the admin socket of a daemon that did not start"
    );
}

#[test]
fn the_default_configuration_greets_with_a_logger_command_that_works() {
    let scratch = Scratch::new();
    let daemon = Daemon::with_arguments(&scratch, &[]);
    wait_for_text(&scratch.join("stdout"), "Ctrl-C");
    let greeting = String::from_utf8(scratch.read("stdout")).unwrap();
    let line = greeting.lines().find_map(|line| line.split_once("logger "));
    let (_, arguments) = line.unwrap_or_else(|| panic!("no logger command: {greeting}"));
    let command = format!("logger {arguments}");
    program("sh").args(["-c", &command]).assert().success();

    let log = scratch.join("splashdam-data/messages.log");
    wait_for_text(&log, "Hello, Splashdam\n");
    let content = String::from_utf8(std::fs::read(&log).unwrap()).unwrap();
    let lines: Vec<&str> = content
        .lines()
        .filter(|line| line.contains("Hello"))
        .collect();
    assert_eq!(lines.len(), 1, "{content}");
    let place = "time 300 s (embedded configuration:";
    assert!(content.contains(place), "{content}");

    // `ctl` finds the daemon that was started here; splashdam is in no PATH.
    let line = greeting.lines().find_map(|line| line.split_once("watch "));
    let (_, command) = line.unwrap_or_else(|| panic!("no command to watch: {greeting}"));
    let command = format!("cd {} && {command}", scratch.path().display());
    let output = program("sh").args(["-c", &command]).output().unwrap();
    assert!(output.status.success());
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(
        table.contains("127.0.0.1:5514: 1 received, 1 enqueued, 0 held"),
        "{table}"
    );
    daemon.signal("INT");
    assert!(daemon.wait().success());
}

#[test]
fn the_statistics_are_a_table_for_people_and_json_for_programs() {
    let scratch = Scratch::new();
    let daemon = Setup::new(to_file(
        "{dir}/out.log",
        "RSYSLOG_TraditionalFileFormat",
        "",
    ))
    .splashdam(&scratch);
    daemon.send("<13>Oct 11 22:14:15 host tag: one\n<13>Oct 11 22:14:15 host tag: two\n\n");
    let accounts = daemon.wait_until_delivered(3);
    assert_eq!(accounts.input("received"), 3);
    assert_eq!(accounts.input("discarded_empty"), 1);
    assert_eq!(accounts.input("enqueued"), 2);
    assert_eq!(accounts.action("out", "delivered"), 2);

    let mut command = splashdam(scratch.path());
    let output = command
        .args(["ctl", "--socket", "ctl.sock", "stats"])
        .output()
        .unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    let address = format!("127.0.0.1:{}", daemon.port());
    for part in [
        format!("input   imptcp {address}: 3 received, 2 enqueued, 0 held"),
        "discarded: empty 1".to_owned(),
        "action  out: 2 taken, 2 delivered, 0 held".to_owned(),
        "latency received to written: p50 ".to_owned(),
    ] {
        assert!(table.contains(&part), "{part:?} is not in\n{table}");
    }
    daemon.stop();
}

#[test]
fn the_statistics_of_a_daemon_that_is_not_there_are_an_error() {
    let scratch = Scratch::new();
    let mut command = splashdam(scratch.path());
    let output = command
        .args(["ctl", "--socket", "nowhere.sock", "stats"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("no daemon answers on nowhere.sock"), "{told}");
}

#[test]
fn the_statistics_of_a_daemon_that_does_not_answer_are_an_error() {
    let scratch = Scratch::new();
    // The kernel takes the connection; nobody accepts it.
    let _silent = UnixListener::bind(scratch.join("silent.sock")).unwrap();
    let mut command = splashdam(scratch.path());
    let output = command
        .args(["ctl", "--socket", "silent.sock", "stats"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains("the daemon on silent.sock did not answer within 5 s"),
        "{told}"
    );
}

#[test]
fn a_tool_does_not_take_the_options_of_the_daemon() {
    let scratch = Scratch::new();
    scratch.write("daemon.conf", REST);
    let mut command = splashdam(scratch.path());
    let output = command
        .args(["-f", "daemon.conf", "ctl", "stats"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("ctl"), "{told}");
}

#[test]
fn output_that_nobody_reads_is_no_error() {
    let scratch = Scratch::new();
    for arguments in ["-v", "--print-default-config", "-N1"] {
        // `:` ends at once, the reader of both outputs with it.
        let command = format!("(sleep 0.2; {SPLASHDAM} {arguments}; echo $? >code) 2>&1 | :");
        let mut shell = program("sh");
        shell.current_dir(scratch.path()).args(["-c", &command]);
        shell.assert().success();
        assert_eq!(scratch.read("code"), b"0\n", "{arguments}");
    }
    // A file that cannot take the output is one.
    let command = format!("{SPLASHDAM} --print-default-config >/dev/full");
    let output = program("sh").args(["-c", &command]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn the_pid_file_lives_as_long_as_the_daemon() {
    let scratch = Scratch::new();
    let setup = Setup::new(to_file(
        "{dir}/out.log",
        "RSYSLOG_TraditionalFileFormat",
        "",
    ));
    let daemon = setup.splashdam(&scratch);
    let written = String::from_utf8(scratch.read("pid")).unwrap();
    assert_eq!(written, format!("{}\n", daemon.pid()));
    daemon.stop();
    assert!(!scratch.join("pid").exists());
}

#[test]
fn the_pid_file_of_a_living_process_is_respected() {
    let scratch = Scratch::new();
    let setup = Setup::new(to_file(
        "{dir}/out.log",
        "RSYSLOG_TraditionalFileFormat",
        "",
    ));
    let daemon = setup.splashdam(&scratch);
    let text = String::from_utf8(scratch.read("daemon.conf")).unwrap();
    scratch.write("other.conf", text.replace("ctl.sock", "other.sock"));
    let mut command = splashdam(scratch.path());
    let output = command
        .args(["-n", "-f", "other.conf", "-i", "pid"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("pid") && told.contains("lives"), "{told}");
    assert!(scratch.join("pid").exists());
    daemon.stop();
}

#[test]
fn relative_paths_are_meant_from_where_the_daemon_was_started() {
    let scratch = Scratch::new();
    let absolute = scratch.path().display();
    scratch.write(
        "relative.conf",
        format!(
            "global(adminSocket=\"{absolute}/ctl.sock\")\nmodule(load=\"imptcp\")\n\
             input(type=\"imptcp\" address=\"127.0.0.1\" port=\"0\")\n*.* {absolute}/out.log\n"
        ),
    );
    // Without -C it changes to the root directory once it has read its file.
    let daemon = Daemon::with_arguments(&scratch, &["-n", "-f", "relative.conf", "-i", "pid"]);
    wait_for("the PID file", || {
        scratch.join("pid").exists().then_some(())
    });
    wait_for_text(&scratch.join("out.log"), "started, listening on 127.0.0.1:");
    let root = std::fs::read_link(format!("/proc/{}/cwd", daemon.pid())).unwrap();
    assert_eq!(root.to_str(), Some("/"));
    daemon.signal("TERM");
    assert!(daemon.wait().success());
    assert!(!scratch.join("pid").exists());
}

#[test]
fn the_printed_configuration_runs_below_the_directory_of_its_start() {
    let scratch = Scratch::new();
    let output = splashdam(scratch.path())
        .arg("--print-default-config")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let port = "port=\"5514\"";
    assert!(text.contains(port), "{text}");
    let text = text.replace(port, "port=\"0\" listenPortFileName=\"port\"");
    scratch.write("splashdam.conf", text);
    let daemon = Daemon::with_arguments(&scratch, &["-f", "splashdam.conf"]);
    let log = scratch.join("splashdam-data/messages.log");
    wait_for_text(&log, "started, listening on 127.0.0.1:");
    let port = String::from_utf8(scratch.read("port")).unwrap();
    let content = String::from_utf8(std::fs::read(&log).unwrap()).unwrap();
    assert!(content.contains(&format!("127.0.0.1:{port}")), "{content}");
    assert_eq!(daemon.stderr(), "");

    let limits = std::fs::read_to_string(format!("/proc/{}/limits", daemon.pid())).unwrap();
    let mut lines = limits.lines();
    let values = lines.find_map(|line| line.strip_prefix("Max open files"));
    let values: Vec<&str> = values.unwrap().split_whitespace().collect();
    assert_eq!(values[0], values[1], "soft and hard limit of open files");

    // `ctl` finds it from here.
    splashdam(scratch.path())
        .args(["ctl", "stats"])
        .assert()
        .success();
    daemon.signal("TERM");
    assert!(daemon.wait().success());
    assert!(!scratch.join("splashdam-data/ctl.sock").exists());
}
