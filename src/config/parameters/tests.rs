//! Walks all rows of all tables.

use super::*;
use crate::config::Config;

/// What the documentation and the tests need of a row, whatever its object.
struct Described {
    object: &'static str,
    name: &'static str,
    legacy: Vec<String>,
    type_name: &'static str,
    is_built: bool,
    /// Whether it is understood and changes nothing.
    is_idle: bool,
    has_doc: bool,
}

fn describe<T>(table: &'static Table<T>, prefix: &str) -> Vec<Described> {
    let rows = table.rows.iter();
    rows.map(|row| Described {
        object: table.object,
        name: row.name,
        legacy: row
            .legacy
            .iter()
            .map(|end| format!("{prefix}{end}"))
            .collect(),
        type_name: row.type_name(),
        is_built: row.is_built(),
        is_idle: row.take.has_no_effect(),
        has_doc: !row.doc.is_empty(),
    })
    .collect()
}

fn all() -> Vec<Described> {
    let mut all = describe(&GLOBAL, "");
    for module in ListenerModule::ALL {
        all.extend(describe(&module.parameters().own, ""));
        all.extend(describe(&module.parameters().inherited, ""));
        all.extend(describe(&module.parameters().input, ""));
    }
    all.extend(describe(&QUEUE, "MainMsg"));
    all.extend(describe(&ACTION, ""));
    all.extend(describe(&FILE, ""));
    all
}

/// A configuration in which `$directive value` stands at a place where it is
/// allowed.
fn with_directive(directive: &str, value: &str) -> String {
    let lower = directive.to_lowercase();
    let (module, run) = if lower.starts_with("inputtcp") {
        ("imtcp", "$InputTCPServerRun")
    } else if lower.contains("udpserver") {
        ("imudp", "$UDPServerRun")
    } else {
        ("imptcp", "$InputPTCPServerRun")
    };
    format!("$ModLoad {module}\n${directive} {value}\n{run} 1514\n*.* /tmp/x\n")
}

/// The module of listeners that an object is about, or that stands beside it.
fn module_of(object: &str) -> &'static str {
    let modules = ["imtcp", "imudp"].into_iter();
    let mut modules = modules.filter(|module| object.contains(&format!("\"{module}\"")));
    modules.next().unwrap_or("imptcp")
}

/// The same for a parameter.
fn with_parameter(object: &str, name: &str, value: &str) -> String {
    let set = format!("{name}=\"{value}\"");
    let imptcp = "module(load=\"imptcp\") input(type=\"imptcp\" port=\"1514\")\n";
    match object {
        "global()" => format!("global({set})\n{imptcp}*.* /tmp/x\n"),
        "main_queue()" => format!("main_queue({set})\n{imptcp}*.* /tmp/x\n"),
        "input(type=\"imptcp\")" if name.eq_ignore_ascii_case("path") => {
            format!("module(load=\"imptcp\")\ninput(type=\"imptcp\" {set})\n*.* /tmp/x\n")
        }
        _ if object.starts_with("module(") => {
            let module = module_of(object);
            format!(
                "module(load=\"{module}\" {set})\ninput(type=\"{module}\" port=\"1514\")\n\
                 *.* /tmp/x\n"
            )
        }
        _ if object.starts_with("input(") => {
            let module = module_of(object);
            format!(
                "module(load=\"{module}\")\ninput(type=\"{module}\" port=\"1514\" {set})\n\
                 *.* /tmp/x\n"
            )
        }
        _ => format!("{imptcp}action(type=\"omfile\" file=\"/tmp/x\" {set})\n"),
    }
}

/// A value that is not the default.
fn value(row: &Described) -> &'static str {
    match (row.type_name, row.name) {
        (_, "pinThreads") => "off",
        (_, "ipFreeBind") => "0",
        (_, "queue.type") => "FixedArray",
        (_, "oversizemsg.report") => "off",
        (_, "oversizemsg.input.mode") => "split",
        ("regular expression", _) => "^<",
        (_, "keepAlive" | "supportOctetCountedFraming" | "createDirs" | "net.enableDNS") => "off",
        (_, "failOnChownFailure" | "failOnPerms") => "off",
        (_, "octetCountedFraming" | "preserveCase" | "flowControl") => "off",
        (_, "compression.mode") => "stream:always",
        ("networks", _) => "192.0.2.0/24, [2001:db8::]/32",
        ("binary", _) => "on",
        ("severity", _) => "notice",
        ("size", "queue.maxMemory") => "64m",
        ("size", _) => "2000",
        ("number" | "time", _) => "7",
        ("mode", _) => "0600",
        ("address", _) => "::1",
        ("address and port", _) => "[::1]:9514",
        ("user" | "group", _) => "daemon",
        ("path", _) => "/tmp/path",
        _ => "RSYSLOG_TraditionalFileFormat",
    }
}

/// Everything of a configuration but the places of its parts in the text.
fn plain(config: &Config) -> String {
    let mut globals = config.globals.clone();
    globals.work_directory_span = None;
    let mut listeners = config.listeners.clone();
    listeners.iter_mut().for_each(|listener| {
        listener.place.clear();
        listener.keep_alive.places.clear();
    });
    let mut actions = config.actions.clone();
    // Behind a selector or not, with its number in the order: not the point.
    actions.iter_mut().for_each(|action| action.template = 0);
    format!(
        "{globals:?} {:?} {:?} {:?} {actions:?}",
        (config.reactors, config.sessions_max),
        listeners,
        config.main_queue
    )
}

fn read(text: &str) -> Config {
    match Config::from_text("test.conf", text) {
        Ok((config, _)) => config,
        Err(errors) => panic!("{text}\n{errors}"),
    }
}

#[test]
fn both_spellings_set_the_same() {
    for row in all().iter().filter(|row| row.is_built) {
        let by_object = ["load", "type", "port", "file", "template", "ruleset"].contains(&row.name);
        if by_object {
            continue;
        }
        let value = value(row);
        let new = plain(&read(&with_parameter(row.object, row.name, value)));
        let default = format!("input(type=\"{}\")", module_of(row.object));
        // The defaults.
        let default = plain(&read(&with_parameter(&default, "address", "::")));
        // A begin without an end is no window.
        let stays = row.is_idle || ["queue.type", "queue.dequeueTimeBegin"].contains(&row.name);
        assert_eq!(new == default, stays, "{} sets something", row.name);
        for directive in &row.legacy {
            let old = plain(&read(&with_directive(directive, value)));
            assert_eq!(old, new, "${directive} is {}", row.name);
        }
    }
}

#[test]
fn names_have_no_case() {
    for row in all().iter().filter(|row| row.is_built) {
        if ["load", "type", "port", "file", "ruleset"].contains(&row.name) {
            continue;
        }
        let upper = row.name.to_uppercase();
        read(&with_parameter(row.object, &upper, value(row)));
        for directive in &row.legacy {
            if ["ModLoad", "InputPTCPServerRun"].contains(&directive.as_str()) {
                continue;
            }
            read(&with_directive(&directive.to_lowercase(), value(row)));
        }
    }
}

#[test]
fn what_is_not_built_says_so() {
    for row in all().iter().filter(|row| !row.is_built) {
        let errors = Config::from_text("t", &with_parameter(row.object, row.name, "1"));
        let text = errors.unwrap_err().render(false);
        let expected = format!("`{}` is", row.name);
        assert!(
            text.contains(&expected) && text.contains("not built"),
            "{text}"
        );
        for directive in &row.legacy {
            let errors = Config::from_text("t", &with_directive(directive, "1"));
            let text = errors.unwrap_err().render(false);
            let expected = format!("error: ${directive} is rsyslog's, and not built");
            assert!(text.contains(&expected), "{text}");
        }
    }
}

#[test]
fn what_a_parameter_does_not_take_is_told() {
    for row in all().iter().filter(|row| row.is_built) {
        if ["text", "path", "regular expression"].contains(&row.type_name)
            || ["load", "type", "template", "ruleset"].contains(&row.name)
        {
            continue;
        }
        let wrong = with_parameter(row.object, row.name, "-7x");
        let text = Config::from_text("t", &wrong).unwrap_err().render(false);
        assert!(text.contains(&format!("`{}` ", row.name)), "{text}");
    }
}

#[test]
fn names_are_unique_and_documented() {
    let rows = all();
    let documentation = include_str!("../../../docs/configuration.md");
    for (index, row) in rows.iter().enumerate() {
        assert_eq!(row.is_built, row.has_doc, "{}", row.name);
        let twin = rows[..index]
            .iter()
            .find(|other| other.object == row.object && other.name.eq_ignore_ascii_case(row.name));
        assert!(twin.is_none(), "{} twice", row.name);
        if !row.is_built {
            continue;
        }
        let cell = format!("| `{}` |", row.name);
        assert!(documentation.contains(&cell), "{cell} is not documented");
        let of_action = row.legacy.iter().filter(|_| row.object == QUEUE.object);
        let of_action = of_action.map(|name| name.replacen("MainMsg", "Action", 1));
        for directive in row.legacy.iter().cloned().chain(of_action) {
            let written = format!("`${directive}`");
            assert!(
                documentation.contains(&written),
                "{written} is not documented"
            );
        }
    }
    let mut names = directive_names();
    let count = names.len();
    names
        .iter_mut()
        .for_each(|name| name.make_ascii_lowercase());
    names.sort();
    names.dedup();
    // `$ModLoad`, `$InputPTCPServerRun`, `$InputPTCPServerBindRuleset`, the same
    // of imtcp and imudp, and `$ActionFileDefaultTemplate` are commands and have a row as
    // well; `$ModLoad` has one for each module.
    assert_eq!(count - names.len(), 10);
}
