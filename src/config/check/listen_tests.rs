use crate::config::Config;
use crate::config::parameters::ListenerModule;
use crate::receive::{KeepAliveOptions, ListenerOptions};

/// A configuration that is right, and its warnings.
#[track_caller]
fn read(statements: &str) -> (Config, String) {
    let text = format!("{statements}\n*.* /tmp/x\n");
    match Config::from_text("test.conf", &text) {
        Ok((config, warnings)) => (config, warnings.render(false)),
        Err(errors) => panic!("{text}\n{errors}"),
    }
}

/// What is wrong with one that is not.
#[track_caller]
fn errors(statements: &str) -> String {
    let text = format!("{statements}\n*.* /tmp/x\n");
    let errors = Config::from_text("test.conf", &text);
    errors.expect_err(&text).render(false)
}

/// The listeners, without the places where they are made.
#[track_caller]
fn listeners(statements: &str) -> Vec<ListenerOptions> {
    let (config, warnings) = read(statements);
    assert_eq!(warnings, "");
    let mut listeners = config.listeners;
    for listener in &mut listeners {
        listener.place.clear();
        listener.keep_alive.places.clear();
    }
    listeners
}

#[test]
fn what_the_module_says_holds_where_the_input_says_nothing() {
    let listeners = listeners(
        "module(load=\"imtcp\" keepAlive=\"off\" keepAlive.time=\"7\" maxSessions=\"500\" \
         octetCountedFraming=\"off\" notifyOnConnectionClose=\"on\")\n\
         input(type=\"imtcp\" port=\"1\")\n\
         input(type=\"imtcp\" port=\"2\" keepAlive=\"on\" maxSessions=\"0\" \
         supportOctetCountedFraming=\"on\" notifyOnConnectionClose=\"off\")\n\
         $InputTCPServerInputName legacy\n\
         $InputTCPServerRun 3",
    );
    let inherited = ListenerOptions {
        port: 1,
        keep_alive: KeepAliveOptions {
            is_on: Some(false),
            time_s: Some(7),
            ..KeepAliveOptions::default()
        },
        max_sessions: Some(500),
        octet_counted_framing: false,
        notify_on_close: true,
        ..ListenerOptions::imtcp()
    };
    let own = ListenerOptions {
        port: 2,
        keep_alive: KeepAliveOptions {
            is_on: Some(true),
            time_s: Some(7),
            ..KeepAliveOptions::default()
        },
        max_sessions: None,
        ..ListenerOptions::imtcp()
    };
    let legacy = ListenerOptions {
        port: 3,
        name: "legacy".to_owned(),
        ..inherited.clone()
    };
    assert_eq!(listeners, [inherited, own, legacy]);
}

#[test]
fn each_value_of_keepalive_has_the_place_where_it_is_set() {
    let (config, _) = read(
        "module(load=\"imtcp\" keepAlive=\"on\"\n\
         keepAlive.time=\"7\" keepAlive.probes=\"5\")\n\
         module(load=\"imptcp\")\n\
         $InputPTCPServerKeepAlive_time 9\n\
         $InputPTCPServerKeepAlive_intvl 3\n\
         $InputPTCPServerKeepAlive_time 8\n\
         $InputPTCPServerRun 1\n\
         input(type=\"imtcp\" port=\"2\"\n\
         tcp_user_timeout=\"9\" KEEPALIVE.PROBES=\"6\")\n\
         input(type=\"imtcp\" port=\"3\")\n\
         input(type=\"imptcp\" port=\"4\")",
    );
    let places = config.listeners.iter().map(|listener| {
        let places = &listener.keep_alive.places;
        let told = places.iter().map(|(name, place)| format!("{name} {place}"));
        told.collect::<Vec<_>>()
    });
    let expected: [&[&str]; 4] = [
        &[
            "keepAlive.time test.conf:6",
            "keepAlive.interval test.conf:5",
        ],
        &[
            "keepAlive test.conf:1",
            "keepAlive.time test.conf:2",
            "keepAlive.probes test.conf:9",
            "tcp_user_timeout test.conf:9",
        ],
        &[
            "keepAlive test.conf:1",
            "keepAlive.time test.conf:2",
            "keepAlive.probes test.conf:2",
        ],
        &[],
    ];
    assert_eq!(places.collect::<Vec<_>>(), expected);
}

#[test]
fn both_modules_have_their_own_directives_and_defaults() {
    let listeners = listeners(
        "$ModLoad imptcp\n$ModLoad imtcp.so\n\
         $InputPTCPServerKeepAlive off\n$InputTCPServerKeepAlive_time 9\n\
         $InputTCPMaxSessions 5\n\
         $InputPTCPServerRun 1\n$InputTCPServerRun 2\n\
         $InputTCPServerKeepAlive_time 10\n$InputTCPServerRun 3\n\
         input(type=\"imtcp\" port=\"4\")\ninput(type=\"imptcp\" port=\"5\")",
    );
    let of = |listener: &ListenerOptions| {
        let keep_alive = &listener.keep_alive;
        let name = listener.name.clone();
        let numbers = (listener.port, listener.max_sessions, keep_alive.time_s);
        (name, numbers, keep_alive.is_on)
    };
    let expected = [
        ("imptcp", (1, None, None), Some(false)),
        ("imtcp", (2, Some(5), Some(9)), None),
        ("imtcp", (3, Some(5), Some(10)), None),
        ("imtcp", (4, Some(200), None), None),
        ("imptcp", (5, None, None), None),
    ];
    let expected = expected.map(|(name, numbers, is_on)| (name.to_owned(), numbers, is_on));
    assert_eq!(listeners.iter().map(of).collect::<Vec<_>>(), expected);
}

#[test]
fn each_module_binds_its_own_listeners_to_a_ruleset() {
    let listeners = listeners(
        "$ModLoad imptcp\n$ModLoad imtcp\n\
         ruleset(name=\"a\") { stop }\n\
         $InputTCPServerBindRuleset a\n$InputPTCPServerRun 1\n$InputTCPServerRun 2",
    );
    let bound = listeners.iter().map(|listener| listener.ruleset);
    assert_eq!(bound.collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn imptcp_inherits_its_number_of_sessions() {
    let listeners = listeners(
        "module(load=\"imptcp.so\" maxSessions=\"3\")\ninput(type=\"imptcp\" port=\"1\")\n\
         input(type=\"imptcp\" port=\"2\" maxSessions=\"4\")",
    );
    let max = listeners.iter().map(|listener| listener.max_sessions);
    assert_eq!(max.collect::<Vec<_>>(), [Some(3), Some(4)]);
}

#[test]
fn the_modules_share_threads_and_connections() {
    let (config, _) = read(
        "module(load=\"imptcp\" threads=\"2\" maxSessionsTotal=\"70\")\n\
         module(load=\"imtcp\" workerThreads=\"4\" maxSessionsTotal=\"80\")\n\
         input(type=\"imtcp\" port=\"1\")",
    );
    assert_eq!((config.reactors, config.sessions_max), (Some(4), Some(70)));
}

#[test]
fn directives_do_not_go_with_parameters_of_the_module() {
    let load = "module(load=\"imtcp\")\n";
    let told = errors(&format!(
        "{load}$InputTCPServerKeepAlive on\n$InputTCPServerRun 1"
    ));
    assert!(
        told.contains(
            "test.conf:2:1: error: $InputTCPServerKeepAlive does not go with \
             module(load=\"imtcp\"), as in rsyslog\n"
        ),
        "{told}"
    );
    assert!(
        told.contains("= write `keepAlive` in input() or module()"),
        "{told}"
    );
    // These do.
    listeners(&format!(
        "{load}$InputTCPServerInputName x\n$InputTCPServerBindRuleset RSYSLOG_DefaultRuleset\n\
         $InputTCPServerRun 1"
    ));
}

#[test]
fn each_module_must_be_loaded() {
    let told = errors(
        "$ModLoad imptcp\ninput(type=\"imtcp\" port=\"1\")\n\
         $InputTCPServerKeepAlive on\n$InputTCPServerRun 2",
    );
    assert_eq!(told.matches("imtcp is not loaded").count(), 1, "{told}");
    assert!(
        told.contains("= load it first: module(load=\"imtcp\")"),
        "{told}"
    );
}

#[test]
fn what_a_module_has_not_is_told() {
    let load = "module(load=\"imtcp\")\n";
    for (statement, message) in [
        ("input(type=\"imtcp\")", "input(type=\"imtcp\") has no port"),
        (
            "input(type=\"imtcp\" port=\"1\" path=\"/s\")",
            "input(type=\"imtcp\") has no parameter `path`",
        ),
        (
            "input(type=\"imtcp\" port=\"1\" disableLFDelimiter=\"on\" \
             framing.delimiter.regex=\"^<\")",
            "`disableLFDelimiter` has no meaning beside `framing.delimiter.regex`",
        ),
        (
            "module(load=\"imtcp\" name=\"x\")",
            "module(load=\"imtcp\") has no parameter `name`",
        ),
        (
            "$InputTCPServerStreamDriverMode 1",
            "$InputTCPServerStreamDriverMode is rsyslog's, and not built in Splashdam yet",
        ),
    ] {
        let told = errors(&format!("{load}{statement}"));
        assert!(
            told.contains(&format!("error: {message}\n")),
            "{message}: {told}"
        );
    }
    let told = errors("$ModLoad imptcp\n$InputPTCPServerFlowControl on");
    assert!(told.contains("unknown directive"), "{told}");
}

#[test]
fn tls_is_not_built() {
    for module in ListenerModule::ALL {
        let parameters = module.parameters();
        let name = parameters.name;
        let load = format!("module(load=\"{name}\")\n");
        for parameter in parameters.input.rsyslog {
            let input = format!("{load}input(type=\"{name}\" port=\"1\" {parameter}=\"1\")");
            let told = errors(&input);
            let expected = format!("`{parameter}` is rsyslog's, and not built in Splashdam yet");
            assert!(told.contains(&expected), "{told}");
        }
        for parameter in parameters.inherited.rsyslog {
            let told = errors(&format!("module(load=\"{name}\" {parameter}=\"1\")"));
            let expected = format!("`{parameter}` is rsyslog's, and not built in Splashdam yet");
            assert!(told.contains(&expected), "{told}");
        }
    }
    let tls = &ListenerModule::Imtcp.parameters().input;
    assert!(tls.is_rsyslogs("streamdriver.mode") && tls.is_rsyslogs("permittedpeer"));
}

#[test]
fn what_has_no_effect_is_told() {
    let (_, warnings) = read(
        "$ModLoad imtcp\n$InputTCPMaxListeners 30\n$InputTCPServerDisableLFDelimiter on\n\
         $InputTCPServerRun 1\n\
         input(type=\"imtcp\" port=\"2\" workerThreads=\"3\")",
    );
    for warning in [
        "test.conf:2:1: warning: $InputTCPMaxListeners has no effect in Splashdam",
        "test.conf:4:1: warning: `disableLFDelimiter` without `addtlFrameDelimiter`: nothing but \
         an octet count or the close ends a frame",
        "`workerThreads` has no effect in Splashdam",
    ] {
        assert!(warnings.contains(warning), "{warning}: {warnings}");
    }
}
