//! Which messages a selector lets through, compared with rsyslog.

use crate::support::{Daemon, Scratch, Setup};

/// Selectors as rsyslog.conf(5) has them.
const SELECTORS: &[&str] = &[
    "*.*",
    "*.info",
    "*.=info",
    "*.!err",
    "*.debug;*.!=warning",
    "*.none",
    "kern.*",
    "kern.=crit",
    "kern.info;kern.!err",
    "mail.*;mail.!info",
    "*.info;mail.none;authpriv.none;cron.none",
    "*.*;auth,authpriv.none",
    "mail,news.=debug",
    "auth,authpriv.*",
    "local0,local7.notice",
    "local3.warn",
    "local3.error",
    "local3.panic",
    "user.emerg;user.=debug",
    "*.crit;kern.none;user.*",
    "uucp,news.crit",
    "security.*",
    "*.=debug;auth,authpriv.none;news.none;mail.none",
    "*.=info;*.=notice;*.=warn;auth,authpriv.none;cron,daemon.none;mail,news.none",
    "*.4",
    "*.=7",
    "*.!*",
    "daemon.!=info;daemon.*",
    "KERN.Info;Mail.NONE",
    "*.emerg;lpr.alert;ftp.err;syslog.debug",
    "kern.none;*.info",
];

/// All priorities, each a message of its own.
fn all_priorities() -> String {
    let line = |priority| format!("<{priority}>Oct 11 22:14:15 host tag: test {priority}\n");
    (0..192).map(line).collect()
}

/// The messages of the test in one of the files, the daemon's own left out.
fn messages(scratch: &Scratch, name: &str) -> Vec<String> {
    let content = std::fs::read(scratch.join(name)).unwrap_or_default();
    let content = String::from_utf8(content).unwrap();
    let lines = content.lines().filter(|line| line.contains(" tag: test "));
    lines.map(str::to_owned).collect()
}

/// Sends all priorities to a daemon and stops it when they have come out. Rules
/// are applied in order, and stopping flushes all files.
fn run(daemon: Daemon, scratch: &Scratch) {
    daemon.send(all_priorities());
    daemon.send("<13>Oct 11 22:14:15 host complete: test\n");
    crate::support::wait_for_text(&scratch.join("complete.log"), "complete: test");
    daemon.stop();
}

/// Both daemons' files `names` under these rules, which must be the same.
#[track_caller]
fn same_files(rules: &str, names: &[String]) -> Vec<Vec<String>> {
    // In front of all rules, so that no `stop` keeps it back.
    let setup = Setup::new(format!("*.* {{dir}}/complete.log;T\n{rules}"))
        .statements("template(name=\"T\" type=\"string\" string=\"%pri% %syslogtag%%msg%\\n\")");
    let (ours, theirs) = (Scratch::new(), Scratch::new());
    run(setup.splashdam(&ours), &ours);
    run(setup.rsyslog(&theirs), &theirs);
    let mut all = Vec::new();
    for name in names {
        let (our, their) = (messages(&ours, name), messages(&theirs, name));
        assert_eq!(our, their, "{name} under\n{rules}");
        all.push(our);
    }
    all
}

#[test]
fn every_selector_chooses_what_rsyslog_chooses_of_all_priorities() {
    let names: Vec<String> = (0..SELECTORS.len())
        .map(|index| format!("{index}.log"))
        .collect();
    let rules: String = SELECTORS
        .iter()
        .zip(&names)
        .map(|(selector, name)| format!("{selector}  {{dir}}/{name};T\n"))
        .collect();
    let files = same_files(&rules, &names);
    assert_eq!(files[0].len(), 192, "*.* chooses all");
    let chosen: std::collections::HashSet<usize> = files.iter().map(Vec::len).collect();
    assert!(
        chosen.len() > 10,
        "the selectors are different ones: {chosen:?}"
    );
}

#[test]
fn stop_and_its_old_form_end_the_way_of_a_message() {
    let names = ["before.log", "after.log", "last.log"].map(str::to_owned);
    let files = same_files(
        "*.info {dir}/before.log;T\n\
         mail.* stop\n\
         kern.* ~\n\
         *.* {dir}/after.log;T\n\
         *.err { stop }\n\
         *.* -{dir}/last.log;T\n",
        &names,
    );
    let counts: Vec<usize> = files.iter().map(Vec::len).collect();
    assert_eq!(counts, [24 * 7, 22 * 8, 22 * 4]);
}

#[test]
fn an_ampersand_adds_to_the_selector_above_it() {
    let names = ["one.log", "two.log", "three.log", "rest.log"].map(str::to_owned);
    let files = same_files(
        "mail.err {dir}/one.log;T\n\
         & {dir}/two.log;T\n\
         & action(type=\"omfile\" file=\"{dir}/three.log\" template=\"T\")\n\
         & stop\n\
         mail.* {dir}/rest.log;T\n",
        &names,
    );
    let counts: Vec<usize> = files.iter().map(Vec::len).collect();
    assert_eq!(counts, [4, 4, 4, 4]);
}

#[test]
fn blocks_are_nested_and_both_syntaxes_may_be_mixed() {
    let names = ["inner.log", "outer.log", "all.log"].map(str::to_owned);
    let files = same_files(
        "auth,authpriv.* {\n\
             action(type=\"omfile\" file=\"{dir}/outer.log\" template=\"T\")\n\
             *.crit {dir}/inner.log;T\n\
             & stop\n\
         }\n\
         action(type=\"omfile\" file=\"{dir}/all.log\" template=\"T\")\n",
        &names,
    );
    let counts: Vec<usize> = files.iter().map(Vec::len).collect();
    assert_eq!(counts, [6, 16, 192 - 6]);
}
