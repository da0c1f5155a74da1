//! Whole configurations: what they come to, and what is told about them.

use std::path::Path;
use std::time::Duration;

use super::*;
use crate::action::DriverOptions;
use crate::output::file::FileOptions;
use crate::rules::{Filter, Statement};

/// A listener and an action, for configurations that are about something else.
const REST: &str = "module(load=\"imptcp\")\ninput(type=\"imptcp\" port=\"1514\")\n*.* /tmp/x\n";

fn read(text: &str) -> (Config, String) {
    match Config::from_text("test.conf", text) {
        Ok((config, warnings)) => (config, warnings.render(false)),
        Err(errors) => panic!("{text}\n{errors}"),
    }
}

fn config(text: &str) -> Config {
    let (config, warnings) = read(text);
    assert_eq!(warnings, "", "{text}");
    config
}

fn errors(text: &str) -> String {
    match Config::from_text("test.conf", text) {
        Ok(_) => panic!("understood: {text}"),
        Err(errors) => errors.render(false),
    }
}

/// The first lines of the errors.
fn messages(text: &str) -> Vec<String> {
    let rendered = errors(text);
    let lines = rendered.lines().filter(|line| !line.starts_with(' '));
    lines
        .map(|line| line.trim_start_matches("test.conf:").to_owned())
        .collect()
}

fn file(config: &Config, action: usize) -> &FileOptions {
    match &config.actions[action].driver {
        DriverOptions::File(file) => file,
        DriverOptions::Discard => panic!("no file"),
    }
}

/// The structure of a program: numbers are actions, those in parentheses called
/// rulesets, `?` is a filter.
fn shape(statements: &[Statement]) -> String {
    let mut out = String::new();
    for statement in statements {
        match statement {
            Statement::Action(index) => out.push_str(&index.to_string()),
            Statement::Call(ruleset) => out.push_str(&format!("({ruleset})")),
            Statement::Stop => out.push('~'),
            Statement::Filter {
                filter: Filter::Selector(_),
                then,
                ..
            } => out.push_str(&format!("?{{{}}}", shape(then))),
        }
    }
    out
}

#[test]
fn the_default_configuration_is_understood() {
    let config = config(DEFAULT);
    assert_eq!(config.listeners[0].port, 5514);
    assert_eq!(config.listeners[0].address.to_string(), "127.0.0.1");
    assert_eq!(
        config.globals.admin_socket.as_deref(),
        Some(Path::new("./splashdam-data/ctl.sock"))
    );
    assert_eq!(
        file(&config, 0).path,
        Path::new("./splashdam-data/messages.log")
    );
    assert_eq!(config.main_queue.size, 200_000);
}

#[test]
fn the_example_of_the_readme_is_understood_without_warnings() {
    let readme = include_str!("../../README.md");
    let blocks = readme.split("```").skip(1).step_by(2);
    let mut examples = blocks.filter(|block| block.contains("module(load="));
    let config = config(examples.next().expect("an example"));
    assert_eq!(config.actions.len(), 3);
}

#[test]
fn a_file_of_the_old_syntax_is_understood() {
    let config = config(
        "$ModLoad imptcp.so # こんにちは\r\n\
         $LocalHostName x\t# ü\r\n\
         $InputPTCPServerKeepAlive off\r\n\
         $InputPTCPServerRun 514 #Keepaliveを送信する\r\n\
         $MainMsgQueueSize 50,000\r\n\
         $template T,\"%msg%\\n\" # a template\r\n\
         *.info;mail.none \\\r\n    -/var/log/messages;T # all\r\n\
         & ~\r\n\
         /* a comment\r\n of lines */\r\n\
         mail.*\t/var/log/mail\r\n",
    );
    assert_eq!(config.listeners[0].keep_alive.is_on, Some(false));
    assert_eq!(config.main_queue.size, 50_000);
    assert_eq!(config.globals.local_hostname.as_deref(), Some("x"));
    assert_eq!(shape(&config.program.rulesets[0].statements), "?{0~}?{1}");
    assert_eq!(file(&config, 0).path, Path::new("/var/log/messages"));
    assert_eq!(config.templates[config.actions[0].template].name(), "T");
    assert_eq!(
        config.templates[config.actions[1].template].name(),
        "RSYSLOG_FileFormat"
    );
}

#[test]
fn a_work_directory_has_no_effect_yet() {
    for (line, place) in [
        ("global(workDirectory=\"/x\")", "1:23"),
        ("$WorkDirectory /x", "1:16"),
    ] {
        let (config, warnings) = read(&format!("{line}\n{REST}"));
        assert_eq!(config.globals.work_directory, Path::new("/x"));
        let expected = format!("test.conf:{place}: warning: workDirectory has no effect yet");
        assert!(warnings.starts_with(&expected), "{warnings}");
    }
}

#[test]
fn a_host_has_a_name_of_one_word() {
    for wrong in ["my host", "my\\thost", "my\\nhost", "my\\001host", ""] {
        let text = format!("global(localHostname=\"{wrong}\")\n{REST}");
        let messages = messages(&text);
        assert!(
            messages[0].starts_with("1:23: error: `localHostname` "),
            "{messages:?}"
        );
    }
    let config = config(&format!("global(localHostname=\"my.höst\")\n{REST}"));
    assert_eq!(config.globals.local_hostname.as_deref(), Some("my.höst"));
}

#[test]
fn relative_paths_are_meant_from_the_base() {
    let mut config = config(
        "global(adminSocket=\"./ctl\")\nmodule(load=\"imptcp\")\n\
         input(type=\"imptcp\" port=\"0\" listenPortFileName=\"port\")\n\
         *.* ./a.log\n*.* /b.log\n*.* action(type=\"omdiscard\")\n",
    );
    config.resolve_paths(Path::new("/base"));
    let admin = config.globals.admin_socket.as_deref();
    assert_eq!(admin, Some(Path::new("/base/ctl")));
    let port_file = config.listeners[0].port_file.as_deref();
    assert_eq!(port_file, Some(Path::new("/base/port")));
    assert_eq!(file(&config, 0).path, Path::new("/base/a.log"));
    assert_eq!(file(&config, 1).path, Path::new("/b.log"));
    let work = config.globals.work_directory;
    assert_eq!(work, Path::new("/var/lib/splashdam"));
}

#[test]
fn statements_and_inputs_find_their_rulesets() {
    let config = config(
        "$ModLoad imptcp\n\
         $InputPTCPServerRun 1\n\
         $InputPTCPServerBindRuleset beta\n\
         $InputPTCPServerRun 2\n\
         input(type=\"imptcp\" port=\"3\" ruleset=\"ALPHA\")\n\
         input(type=\"imptcp\" port=\"4\" ruleset=\"rsyslog_defaultruleset\")\n\
         /0\n\
         $RuleSet Beta\n\
         /1\n\
         ruleset(name=\"alpha\") { call gamma\n*.info { call beta } }\n\
         /2\n\
         $RuleSet RSYSLOG_DefaultRuleset\n\
         /3\n\
         $RuleSet beta\n\
         /4\n\
         ruleset(name=\"gamma\") { stop }\n\
         $DefaultRuleset Alpha\n",
    );
    let shapes: Vec<(&str, String)> = config
        .program
        .rulesets
        .iter()
        .map(|ruleset| (ruleset.name.as_str(), shape(&ruleset.statements)))
        .collect();
    let expected = [
        ("RSYSLOG_DefaultRuleset", "03"),
        ("Beta", "124"),
        ("gamma", "~"),
        ("alpha", "(2)?{(1)}"),
    ];
    let expected = expected.map(|(name, shape)| (name, shape.to_owned()));
    assert_eq!(shapes, expected);
    assert_eq!(config.program.default, 3);
    let bound = config.listeners.iter().map(|listener| listener.ruleset);
    assert_eq!(bound.collect::<Vec<_>>(), [3, 1, 3, 0]);
}

#[test]
fn a_ruleset_that_nothing_uses_is_warned_of() {
    let (_, warnings) = read(
        "module(load=\"imptcp\") input(type=\"imptcp\" port=\"0\")\n/0\n\
         ruleset(name=\"a\") { /1\n }\n",
    );
    let expected = "3:15: warning: no input and no call uses the ruleset a";
    assert!(warnings.contains(expected), "{warnings}");
}

#[test]
fn statements_nest_and_chain() {
    let shape_of = |text: &str| {
        let text = format!("module(load=\"imptcp\") input(type=\"imptcp\" port=\"0\")\n{text}");
        shape(&read(&text).0.program.rulesets[0].statements)
    };
    let file = "action(type=\"omfile\" file=\"/a\")";
    assert_eq!(
        shape_of("*.* {\n /a\n mail.* /b\n stop\n}\n/c"),
        "?{0?{1}~}2"
    );
    assert_eq!(shape_of(&format!("*.* {file} & stop")), "?{0~}");
    assert_eq!(shape_of(&format!("{file}\n& {file}\nstop")), "01~");
    assert_eq!(shape_of("*.*\n\n# here\n/a\n& /b\n&~"), "?{01~}");
    assert_eq!(shape_of("*.* { STOP }"), "?{~}");
    assert_eq!(shape_of("*.* action(type=\"omdiscard\")"), "?{0}");
    assert_eq!(
        shape_of("*.* { action(type=\"omdiscard\") } mail.* ./x"),
        "?{0}?{1}"
    );
}

#[test]
fn listeners_of_the_old_syntax_keep_what_was_set() {
    let config = config(
        "$ModLoad imptcp\n\
         $InputPTCPServerRun 1\n\
         $InputPTCPServerListenIP 127.0.0.1\n$InputPTCPServerInputName a\n\
         $InputPTCPServerSupportOctetCountedFraming off\n\
         $InputPTCPServerRun 2\n\
         $InputPTCPServerInputName b\n$InputPTCPServerKeepAlive off\n\
         $InputPTCPServerRun 3\n\
         input(type=\"imptcp\" port=\"4\")\n*.* /x\n",
    );
    let seen: Vec<_> = config
        .listeners
        .iter()
        .map(|listener| {
            let address = listener.address.to_string();
            let flags = (
                listener.octet_counted_framing,
                listener.keep_alive.is_on != Some(false),
            );
            (listener.port, address, listener.name.as_str(), flags)
        })
        .collect();
    assert_eq!(
        seen,
        [
            (1, "::".to_owned(), "imptcp", (true, true)),
            (2, "127.0.0.1".to_owned(), "a", (false, true)),
            (3, "127.0.0.1".to_owned(), "b", (false, false)),
            (4, "::".to_owned(), "imptcp", (true, true)),
        ]
    );
}

#[test]
fn directives_for_an_action_hold_once_or_on() {
    let config = config(
        "$ModLoad imptcp\n$InputPTCPServerRun 1\n\
         $ActionResumeRetryCount 7\n$ActionName first\n$ActionResumeInterval 5\n\
         $FileCreateMode 0600\n$ActionFileEnableSync on\n\
         *.* /a\n\
         *.* -/b\n\
         $CreateDirs off\n*.* /c\n",
    );
    assert_eq!(config.actions[0].resume_retry_count, Some(7));
    assert_eq!(config.actions[1].resume_retry_count, None);
    assert_eq!(config.actions[0].name, "first");
    assert_eq!(config.actions[1].name, "action-1-omfile");
    for action in &config.actions {
        assert_eq!(action.resume_interval, Duration::from_secs(5));
    }
    assert_eq!(file(&config, 2).file_create_mode, 0o600);
    assert!(file(&config, 0).sync && !file(&config, 1).sync && file(&config, 2).sync);
    assert!(file(&config, 1).create_dirs && !file(&config, 2).create_dirs);
}

#[test]
fn directives_do_not_reach_into_objects() {
    let (config, warnings) = read(
        "$ModLoad imptcp\n$InputPTCPServerRun 1\n\
         $ActionResumeRetryCount 7\n$FileCreateMode 0600\n\
         action(type=\"omfile\" file=\"/a\")\n*.* /b\n",
    );
    assert_eq!(config.actions[0].resume_retry_count, None);
    assert_eq!(config.actions[1].resume_retry_count, None);
    assert_eq!(file(&config, 0).file_create_mode, 0o644);
    assert_eq!(file(&config, 1).file_create_mode, 0o600);
    assert_eq!(
        warnings,
        "test.conf:3:1: warning: $ActionResumeRetryCount has no effect on action(), as in rsyslog\n \
         3 | $ActionResumeRetryCount 7\n   | ^^^^^^^^^^^^^^^^^^^^^^^\n   \
         = write action.resumeRetryCount=\"…\" in the action\n\
         test.conf:4:1: warning: $FileCreateMode has no effect on action(), as in rsyslog\n \
         4 | $FileCreateMode 0600\n   | ^^^^^^^^^^^^^^^\n   \
         = write fileCreateMode=\"…\" in the action\n"
    );
}

#[test]
fn default_templates_hold_for_what_follows() {
    let config = config(
        "$ModLoad imptcp\n$InputPTCPServerRun 1\n\
         *.* /a\n\
         $ActionFileDefaultTemplate T\n*.* /b\naction(type=\"omfile\" file=\"/c\")\n\
         *.* /d;RSYSLOG_FileFormat\n\
         module(load=\"builtin:omfile\" template=\"U\" fileCreateMode=\"0640\")\n\
         action(type=\"omfile\" file=\"/e\")\n*.* /f\n\
         $template T,\"t\"\ntemplate(name=\"U\" type=\"string\" string=\"u\")\n",
    );
    let names: Vec<&str> = config
        .actions
        .iter()
        .map(|action| config.templates[action.template].name())
        .collect();
    let format = "RSYSLOG_FileFormat";
    assert_eq!(names, [format, "T", "T", format, "U", "U"]);
    assert_eq!(file(&config, 4).file_create_mode, 0o640);
    assert_eq!(file(&config, 5).file_create_mode, 0o644);
}

#[test]
fn the_main_queue_has_one_home() {
    let text = format!("$MainMsgQueueSize 5\nmain_queue(queue.dequeueBatchSize=\"7\")\n{REST}");
    let (config, warnings) = read(&text);
    assert_eq!(
        (config.main_queue.size, config.main_queue.dequeue_batch_size),
        (10_000, 7)
    );
    assert!(warnings.contains("$MainMsgQueueSize has no effect beside main_queue()"));
    let twice = format!("main_queue()\nmain_queue()\n{REST}");
    assert_eq!(
        messages(&twice),
        ["2:1: error: there is a main_queue() already"]
    );
}

#[test]
fn slips_are_told_with_the_nearest_name() {
    let text = "$ModLoad imptcp\n\
                $InputPTCPServerKeepAlve on   # 日本語\n\
                main_queue(queue.tpye=\"FixedArray\")\n\
                mian_queue(queue.size=\"1\")\n\
                $ActionFileName x\n\
                input(type=\"imtpcp\" port=\"1\")\n\
                *.* action(typ=\"omfile\" file=\"/x\")\n\
                *.* action(type=\"omfile\" file=\"/x\" template=\"RSYSLOG_FileFromat\")\n";
    assert_eq!(
        errors(text),
        "\
test.conf:2:1: error: unknown directive $InputPTCPServerKeepAlve
 2 | $InputPTCPServerKeepAlve on   # 日本語
   | ^^^^^^^^^^^^^^^^^^^^^^^^
   = did you mean $InputPTCPServerKeepAlive?
test.conf:3:12: error: main_queue() has no parameter `queue.tpye`
 3 | main_queue(queue.tpye=\"FixedArray\")
   |            ^^^^^^^^^^
   = did you mean queue.type?
test.conf:4:1: error: unknown object mian_queue()
 4 | mian_queue(queue.size=\"1\")
   | ^^^^^^^^^^
   = did you mean main_queue?
test.conf:5:1: error: unknown directive $ActionFileName
 5 | $ActionFileName x
   | ^^^^^^^^^^^^^^^
   = did you mean $ActionQueueFileName?
test.conf:6:13: error: unknown input imtpcp
 6 | input(type=\"imtpcp\" port=\"1\")
   |             ^^^^^^
   = did you mean imptcp?
test.conf:7:12: error: action() has no parameter `typ`
 7 | *.* action(typ=\"omfile\" file=\"/x\")
   |            ^^^
   = did you mean type?
test.conf:8:46: error: there is no template RSYSLOG_FileFromat
 8 | *.* action(type=\"omfile\" file=\"/x\" template=\"RSYSLOG_FileFromat\")
   |                                              ^^^^^^^^^^^^^^^^^^
   = did you mean RSYSLOG_FileFormat?
"
    );
}

#[test]
fn syntax_errors_are_told_once_and_the_rest_is_read() {
    let text = "module(load=\"imptcp\")\n\
                input(type=\"imptcp\" port=\"514)\n\
                input(type=\"imptcp\" port=\"515\"\n\
                $MainMsgQueueSize many\n\
                main_queue(queue.size=100)\n\
                *.* action(type=\"omfile\")\n\
                mail.* {\n /x\n";
    assert_eq!(
        errors(text),
        "\
test.conf:2:26: error: this string does not end
 2 | input(type=\"imptcp\" port=\"514)
   |                          ^
   = a value ends with the next \" (write \\\" for a quote within it)
test.conf:3:1: error: input( is not closed
 3 | input(type=\"imptcp\" port=\"515\"
   | ^^^^^^
   = a `)` is missing, probably at the end of line 3
test.conf:4:19: error: `queue.size` takes a size like 10000, 64k or 256m, not `many`
 4 | $MainMsgQueueSize many
   |                   ^^^^
test.conf:5:23: error: the value of `queue.size` is not quoted
 5 | main_queue(queue.size=100)
   |                       ^^^
   = write queue.size=\"100\"
test.conf:6:5: error: action(type=\"omfile\") has no file
 6 | *.* action(type=\"omfile\")
   |     ^^^^^^
   = write for example file=\"/var/log/messages\"
test.conf:7:8: error: this block does not end
 7 | mail.* {
   |        ^
   = a `}` is missing
"
    );
}

#[test]
fn each_error_has_its_message() {
    let cases = [
        ("$ModLoad", "1:1: error: $ModLoad has no value"),
        (
            "input(type=\"imptcp\" port=\"1\" framing.delimiter.regex=\"^<\" multiLine=\"on\")",
            "1:1: error: `multiLine` has no meaning beside `framing.delimiter.regex`",
        ),
        (
            "input(type=\"imptcp\" port=\"1\" addtlFrameDelimiter=\"0\" framing.delimiter.regex=\"^<\")",
            "1:1: error: `addtlFrameDelimiter` has no meaning beside `framing.delimiter.regex`",
        ),
        (
            "input(type=\"imptcp\" port=\"1\" framing.delimiter.regex=\"^<\" framingfix.cisco.asa=\"on\")",
            "1:1: error: `framingfix.cisco.asa` has no meaning beside `framing.delimiter.regex`",
        ),
        (
            "input(type=\"imptcp\" port=\"1\" framing.delimiter.regex=\"^(<\")",
            "1:55: error: `framing.delimiter.regex` takes a regular expression (unclosed group), not `^(<`",
        ),
        (
            "input(type=\"imptcp\" port=\"1\" addtlFrameDelimiter=\"256\")",
            "1:51: error: `addtlFrameDelimiter` takes a number from -1 to 255, not `256`",
        ),
        (
            "global(oversizemsg.input.mode=\"cut\")",
            "1:32: error: `oversizemsg.input.mode` takes truncate, split, accept, not `cut`",
        ),
        (
            "$MaxMessageSize 8k 9",
            "1:20: error: $MaxMessageSize takes one value",
        ),
        ("$ModLoad imptpc", "1:10: error: unknown module imptpc"),
        (
            "$ModLoad imrelp",
            "1:10: error: the module imrelp is rsyslog's, and not built in Splashdam yet",
        ),
        (
            "$PrivDropToUser no-such-user",
            "1:17: error: `privdrop.user.name` takes a user of this machine, not `no-such-user`",
        ),
        (
            "global(privdrop.group.name=\"no-such-group\")",
            "1:29: error: `privdrop.group.name` takes a group of this machine, not `no-such-group`",
        ),
        (
            "global(privdrop.user.name=\"root\")",
            "1:28: error: `privdrop.user.name` takes a user with fewer rights than root, not `root`",
        ),
        (
            "$ActionQueueFileName x",
            "1:1: error: $ActionQueueFileName is rsyslog's, and not built in Splashdam yet",
        ),
        (
            "module(threads=\"1\")",
            "1:1: error: module() has no `load`",
        ),
        (
            "global(workDirectory='/x')",
            "1:22: error: values are written in double quotes",
        ),
        (
            "global(umask=\"0077\" umask=\"0022\")",
            "1:21: error: `umask` is set twice",
        ),
        (
            "global(umask=`echo 0077`)",
            "1:14: error: `umask` does not take a value in backticks",
        ),
        (
            "global(umask=[\"0077\"])",
            "1:14: error: `umask` does not take a list of values",
        ),
        (
            "global(umask=\"0077\", localHostname=\"x\")",
            "1:20: error: parameters are separated by blanks, not by commas",
        ),
        ("global(umask \"0077\")", "1:8: error: `umask` has no value"),
        (
            "global(net.ipProtocol=\"unspecified\")",
            "1:8: error: `net.ipProtocol` is rsyslog's, and not built in Splashdam yet",
        ),
        (
            "global(unsupported=\"warn\")",
            "1:8: error: `unsupported` is not built in Splashdam yet",
        ),
        (
            "ruleset(name=\"a\" queue.filename=\"x\") { stop }",
            "1:18: error: `queue.filename` is rsyslog's, and not built in Splashdam yet",
        ),
        (
            "ruleset(nam=\"a\") { stop }",
            "1:9: error: ruleset() has no parameter `nam`",
        ),
        (
            "ruleset(name=\"a\") { stop }\nruleset(name=\"A\") { stop }",
            "2:15: error: there is a ruleset A already",
        ),
        (
            "ruleset(name=\"rsyslog_defaultRuleset\") { stop }",
            "1:15: error: RSYSLOG_DefaultRuleset is there already",
        ),
        (
            "*.* call remot\nruleset(name=\"remote\") { stop }",
            "1:10: error: there is no ruleset remot",
        ),
        ("*.* call", "1:5: error: `call` has no ruleset"),
        (
            "*.* {\n$RuleSet a\n}",
            "2:10: error: $RuleSet is not allowed within a block",
        ),
        ("$DefaultRuleset a", "1:17: error: there is no ruleset a"),
        (
            "ruleset(name=\"a\") { call b }\nruleset(name=\"b\") { *.* call a }",
            "1:15: error: the calls of the ruleset a never end",
        ),
        (
            "input(type=\"imptcp\" port=\"0\" ruleset=\"a\")",
            "1:39: error: there is no ruleset a",
        ),
        (
            "*.* { global(umask=\"0077\") }",
            "1:7: error: global() is not allowed within a block or behind a selector",
        ),
        ("*.*", "1:1: error: the selector *.* has no action"),
        ("*.* { }", "1:5: error: this block is empty"),
        ("{ stop }", "1:1: error: this block has no selector"),
        ("}", "1:1: error: this `}` closes nothing"),
        (
            "& stop",
            "1:1: error: `&` continues an action, and none stands before it",
        ),
        (
            "*.* @host",
            "1:5: error: forwarding over UDP (`@host`) is rsyslog's, and not built in Splashdam yet",
        ),
        (
            "*.* @@(o)host:514;T",
            "1:5: error: forwarding over TCP (`@@host`) is rsyslog's, and not built in Splashdam yet",
        ),
        (
            "*.* ?dyna",
            "1:5: error: a file whose name is a template (`?name`) is rsyslog's, and not built in Splashdam yet",
        ),
        (
            "*.emerg :omusrmsg:*",
            "1:9: error: the action :omusrmsg: is rsyslog's, and not built in Splashdam yet",
        ),
        (
            "*.emerg *",
            "1:9: error: a message to everyone who is logged in (`*`) is rsyslog's, and not built in Splashdam yet",
        ),
        (
            "*.alert root",
            "1:9: error: a message to users (`root`) is rsyslog's, and not built in Splashdam yet",
        ),
        ("*.* stpo", "1:5: error: unknown statement stpo"),
        (
            ":msg, contains, \"a\\\"b\" stop",
            "1:1: error: a property filter is rsyslog's, and not built in Splashdam yet",
        ),
        (
            "if $msg == 'then' then stop else stop",
            "1:1: error: `if` is rsyslog's, and not built in Splashdam yet",
        ),
        (
            "if $msg == 'x' { stop }",
            "1:1: error: this `if` has no `then`",
        ),
        (
            "set $.x = \"a;b\";",
            "1:1: error: a variable is rsyslog's, and not built in Splashdam yet",
        ),
        (
            "foreach ($.a in $!b) do { stop }",
            "1:1: error: `foreach` is rsyslog's, and not built in Splashdam yet",
        ),
        (
            "!program",
            "1:1: error: a program selector (`!name`) is rsyslog's, and not built in Splashdam yet",
        ),
        (
            "+host",
            "1:1: error: a host selector (`+name`, `-name`) is rsyslog's, and not built in Splashdam yet",
        ),
        ("*.* /a b", "1:8: error: this is behind the action"),
        ("*.* /a;T b", "1:10: error: this is behind the action"),
        ("*.* /a;Nope", "1:8: error: there is no template Nope"),
        ("$template a", "1:1: error: $template has no text"),
        (
            "$template a,x",
            "1:13: error: the template's text is not quoted",
        ),
        ("$template a,\"x", "1:13: error: this string does not end"),
        (
            "$template a,\"x\",sql",
            "1:16: error: an option of a template is rsyslog's, and not built in Splashdam yet",
        ),
        (
            "$template a,=strgen",
            "1:13: error: a template made by a module (`=name`) is rsyslog's, and not built in Splashdam yet",
        ),
        (
            "$template a,\"x\"\n$template a,\"y\"",
            "2:11: error: the template a is defined twice",
        ),
        (
            "$template RSYSLOG_FileFormat,\"y\"",
            "1:11: error: RSYSLOG_FileFormat is a built-in template",
        ),
        (
            "template(name=\"a\" type=\"list\") { constant(value=\"x\") }",
            "1:25: error: type=\"list\" of template() is rsyslog's, and not built in Splashdam yet",
        ),
        (
            "*.* action(type=\"omfwd\" target=\"x\")",
            "1:18: error: the module omfwd is rsyslog's, and not built in Splashdam yet",
        ),
        (
            "*.* action(type=\"omfile\" dynaFile=\"x\")",
            "1:26: error: `dynaFile` is rsyslog's, and not built in Splashdam yet",
        ),
        (
            "*.* action(type=\"omfile\" file=\"\")",
            "1:32: error: `file` is empty",
        ),
        (
            "*.* action(type=\"omfile\" file=\"/x\" queue.type=\"Disk\")",
            "1:48: error: `queue.type` Disk is rsyslog's, and not built in Splashdam yet",
        ),
        (
            "main_queue(queue.maxMemory=\"1m\") global(maxMessageSize=\"2m\")",
            "1:12: error: queue.maxMemory is below maxMessageSize, 2097152 bytes",
        ),
        (
            "$IncludeConfig /nonexistent/file",
            "1:16: error: /nonexistent/file: No such file or directory (os error 2)",
        ),
        ("/* abc", "1:1: error: this comment does not end"),
        ("§", "1:1: error: this is no action"),
    ];
    for (text, expected) in cases {
        let all = messages(&format!("{text}\n"));
        let mut found = all.iter().filter(|line| line.contains(": error: "));
        assert!(found.any(|line| line == expected), "{text}: {all:#?}");
    }
}

#[test]
fn imptcp_must_be_loaded() {
    let text = "input(type=\"imptcp\" port=\"1\")\n$InputPTCPServerRun 2\n*.* /x\n";
    let told = errors(text);
    assert_eq!(told.matches("imptcp is not loaded").count(), 1);
    assert!(told.contains("= load it first: module(load=\"imptcp\")"));
}

#[test]
fn a_port_is_taken_once() {
    let text = format!("{REST}$InputPTCPServerRun 1514\n");
    assert_eq!(messages(&text), ["4:21: error: port 1514 of :: is taken"]);
    let text = format!("{REST}input(type=\"imptcp\" port=\"1514\" address=\"127.0.0.1\")\n");
    let expected = "4:42: error: port 1514 of 127.0.0.1 is taken";
    assert_eq!(messages(&text), [expected]);
    config(&format!(
        "{REST}input(type=\"imptcp\" port=\"1515\" address=\"127.0.0.1\")"
    ));
}

#[test]
fn without_action_it_does_not_start_without_input_it_warns() {
    let text = errors("module(load=\"imptcp\")\ninput(type=\"imptcp\" port=\"1\")\n");
    assert!(text.starts_with("error: no action is configured"), "{text}");
    let (_, warnings) = read("*.* /x\n");
    assert!(
        warnings.starts_with("warning: no input is configured"),
        "{warnings}"
    );
}

#[test]
fn errors_of_templates_and_selectors_stand_at_their_place() {
    let text = "$template T,\"a\\n%msgg%\" \nmail.info;mial.* /x;T\n";
    let all = messages(text);
    assert!(
        all[0].starts_with("1:1") && all[0].contains("msgg"),
        "{all:?}"
    );
    assert!(all[1].starts_with("2:1"), "{all:?}");
    let text = "template(name=\"T\" type=\"string\"\n string=\"\\t\\t%msgg%\")\n*.* /x;T\n";
    let all = messages(text);
    assert!(all[0].starts_with("2:1"), "{all:?}");
}

#[test]
fn other_encodings_are_accepted_in_comments() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.conf");
    let mut bytes = b"# caf\xe9\n$MaxMessageSize 8k # \xe9\xe9\n".to_vec();
    bytes.extend(REST.as_bytes());
    std::fs::write(&path, &bytes).unwrap();
    Config::load(&path).unwrap();
    bytes.extend(b"*.* /caf\xe9\xe9\n");
    std::fs::write(&path, &bytes).unwrap();
    let told = Config::load(&path).unwrap_err().render(false);
    assert_eq!(told.matches("this byte is not UTF-8").count(), 1, "{told}");
    assert!(told.contains(":6:9: error"), "{told}");
}

#[test]
fn files_are_included_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let all = folder.path().join("*.conf").display().to_string();
    write("20.conf", "*.* /second\n");
    write("10.conf", "*.* /first\n");
    write("10.conf.bak", "nonsense");
    let main = write(
        "main",
        &format!("{REST}$IncludeConfig {all} # all\n*.* {{ include(file=\"{all}\") }}\n"),
    );
    let (config, _) = Config::load(Path::new(&main)).unwrap();
    assert_eq!(
        shape(&config.program.rulesets[0].statements),
        "?{0}?{1}?{2}?{?{3}?{4}}"
    );
    assert_eq!(file(&config, 1).path, Path::new("/first"));

    let text = format!(
        "{REST}include(file=\"/nonexistent\" mode=\"optional\")\n$IncludeConfig /nonexistent/*.conf\n"
    );
    self::config(&text);
    let own = write("loop", "");
    std::fs::write(
        &own,
        format!("$IncludeConfig {own}\n$IncludeConfig {own}\n"),
    )
    .unwrap();
    let told = Config::load(Path::new(&own)).unwrap_err().render(false);
    assert!(told.contains("does this file include itself?"), "{told}");
}

#[test]
fn a_missing_file_is_named() {
    let error = Config::load(Path::new("/nonexistent.conf")).unwrap_err();
    assert_eq!(
        error.render(false),
        "error: /nonexistent.conf: No such file or directory (os error 2)\n"
    );
}

#[test]
fn depth_and_number_are_bounded() {
    for text in ["*.* { ", "*.*\n"] {
        let told = errors(&text.repeat(100_000));
        assert!(told.contains("nested deeper than 64 blocks"), "{text}");
    }
    for text in ["ruleset(name=\"x\") { ", ":msg, contains, \"a\" "] {
        assert!(errors(&text.repeat(100_000)).lines().count() < 400);
    }
    errors(&"if $a then ".repeat(100_000));
    let told = errors(&"$Nonsense x\n".repeat(10_000));
    assert!(
        told.ends_with("and 9952 more\n"),
        "{}",
        &told[told.len() - 40..]
    );
    let told = errors(&format!("global({})", "umaks=\"\" ".repeat(50_000)));
    assert!(told.len() < 50_000);
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    /// Pieces from which most of the language can be put together.
    const PIECES: &[&str] = &[
        "$",
        "\"",
        "'",
        "`",
        "(",
        ")",
        "{",
        "}",
        "[",
        "]",
        "\\",
        "\n",
        "\r\n",
        " ",
        "#",
        "/*",
        "*/",
        "&",
        "~",
        ";",
        ",",
        "=",
        "*.*",
        "mail.info",
        "/var/log/x",
        "-/x",
        ":msg, contains, \"x\"",
        "if $msg then",
        "else",
        "stop",
        "action(type=\"omfile\" file=\"/x\")",
        "module(load=\"imptcp\")",
        "input(type=\"imptcp\" port=\"1\"",
        "global(",
        "main_queue(",
        "queue.size=\"10\"",
        "$ModLoad imptcp",
        "$template a,\"%msg%\\n\"",
        "template(name=\"b\"",
        "type=\"string\"",
        "string=\"\\",
        "foreach",
        "set $.a = 1;",
        "call x",
        "ü",
        "日",
        "\u{1a}",
        "\0",
        "\\\n",
    ];

    fn never_panics(text: &str) -> Result<(), TestCaseError> {
        let diagnostics = match Config::from_text("p.conf", text) {
            Ok((_, warnings)) => {
                prop_assert!(!warnings.has_errors());
                warnings
            }
            Err(errors) => {
                prop_assert!(errors.has_errors());
                errors
            }
        };
        diagnostics.render(false);
        diagnostics.render(true);
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut sources = Sources::default();
            let file = sources.add("p.conf", &bytes);
            let _ = check::check(sources, file);
        }

        #[test]
        fn any_text(text in "\\PC{0,200}") {
            never_panics(&text)?;
        }

        #[test]
        fn any_pieces(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40)) {
            never_panics(&pieces.concat())?;
        }

        #[test]
        fn a_valid_one_with_mistakes(
            at in prop::collection::vec((any::<prop::sample::Index>(), 0usize..20, prop::sample::select(PIECES)), 1..5),
        ) {
            let mut letters: Vec<char> = DEFAULT.chars().collect();
            for (index, removed, piece) in at {
                let start = index.index(letters.len());
                let end = (start + removed).min(letters.len());
                letters.splice(start..end, piece.chars());
            }
            never_panics(&letters.iter().collect::<String>())?;
        }
    }
}
