//! Which ruleset a message goes through, compared with rsyslog.

use std::io::Write;
use std::net::{Ipv4Addr, TcpStream};

use crate::support::{Daemon, Scratch, Setup, wait_for, wait_for_text};

/// Statements of all rulesets, in both syntaxes, defined above and below their
/// use and in a file that is included.
const STATEMENTS: &str = "\
template(name=\"plain\" type=\"string\" string=\"%msg%\\n\")
$ActionFileDefaultTemplate plain
$RuleSet Beta
*.* {dir}/beta-1.log
$IncludeConfig {dir}/included.conf
*.* {dir}/included-2.log
ruleset(name=\"alpha\") {
    call gamma
    *.info { call beta }
    action(type=\"omfile\" file=\"{dir}/alpha.log\" template=\"plain\")
}
*.* {dir}/included-3.log
$RuleSet RSYSLOG_DefaultRuleset
ruleset(name=\"gamma\") {
    action(type=\"omfile\" file=\"{dir}/gamma.log\" template=\"plain\")
    *.=err stop
}
$RuleSet beta
*.* {dir}/beta-2.log
$RuleSet RSYSLOG_DefaultRuleset
input(type=\"imptcp\" address=\"127.0.0.1\" port=\"0\" listenPortFileName=\"{dir}/port-1\" ruleset=\"ALPHA\")
input(type=\"imptcp\" address=\"127.0.0.1\" port=\"0\" listenPortFileName=\"{dir}/port-2\" ruleset=\"beta\")
input(type=\"imptcp\" address=\"127.0.0.1\" port=\"0\" listenPortFileName=\"{dir}/port-3\" ruleset=\"included\")
input(type=\"imptcp\" address=\"127.0.0.1\" port=\"0\" listenPortFileName=\"{dir}/port-4\")
";

const FILES: [&str; 9] = [
    "beta-1",
    "beta-2",
    "included-1",
    "included-2",
    "included-3",
    "alpha",
    "gamma",
    "default",
    "received",
];

/// Sends to each of the inputs and returns what is in each of the files.
fn run(start: impl Fn(&Setup, &Scratch) -> Daemon) -> Vec<(&'static str, Vec<String>)> {
    let scratch = Scratch::new();
    scratch.write(
        "included.conf",
        format!(
            "$RuleSet included\n*.* {}\n",
            scratch.join("included-1.log").display()
        ),
    );
    // Rules of the input that every setup has; rsyslog's binds it to a ruleset.
    let daemon = start(
        &Setup::new("*.* {dir}/received.log\n").statements(format!(
            "{STATEMENTS}\nruleset(name=\"default\") {{\n*.* {{dir}}/default.log\n}}\n\
             $DefaultRuleset default\n"
        )),
        &scratch,
    );
    for input in 1..=4 {
        let port = wait_for("a port", || {
            let text = std::fs::read_to_string(scratch.join(&format!("port-{input}")));
            text.ok()?.parse::<u16>().ok()
        });
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        for priority in [11, 14, 15] {
            let line = format!("<{priority}>Oct 11 22:14:15 host tag: to {input} as {priority}\n");
            stream.write_all(line.as_bytes()).unwrap();
        }
        stream
            .write_all(b"<15>Oct 11 22:14:15 host tag: complete\n")
            .unwrap();
    }
    for file in ["alpha", "beta-2", "included-3", "default"] {
        wait_for_text(&scratch.join(&format!("{file}.log")), "complete");
    }
    daemon.stop();
    let content = |file: &'static str| {
        let content = std::fs::read_to_string(scratch.join(&format!("{file}.log")));
        let lines = content.unwrap_or_default();
        let is_sent = |line: &&str| line.starts_with(" to ");
        let lines = lines.lines().filter(is_sent);
        // There is no order between connections.
        let mut lines: Vec<String> = lines.map(str::to_owned).collect();
        lines.sort();
        (file, lines)
    };
    FILES.into_iter().map(content).collect()
}

#[test]
fn messages_go_through_the_ruleset_of_their_input_as_in_rsyslog() {
    let ours = run(Setup::splashdam);
    assert_eq!(ours, run(Setup::rsyslog));
    let lines = |wanted: &str| {
        let found = ours.iter().find(|(file, _)| *file == wanted);
        found.unwrap().1.clone()
    };
    // `stop` in what is called ends what calls.
    assert_eq!(lines("gamma").len(), 3);
    assert_eq!(lines("alpha"), [" to 1 as 14", " to 1 as 15"]);
    assert_eq!(lines("beta-1").len(), 4);
    assert_eq!(lines("default").len(), 3);
}
