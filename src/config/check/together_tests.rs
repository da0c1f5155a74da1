use crate::config::Config;

/// The first lines of all that is told of a configuration, errors and warnings.
#[track_caller]
fn told(statements: &str) -> Vec<String> {
    let modules = "module(load=\"imptcp\") module(load=\"imtcp\")";
    let text = format!("{modules}\n{statements}\n*.* /tmp/x\n");
    let told = match Config::from_text("test.conf", &text) {
        Ok((_, told)) | Err(told) => told.render(false),
    };
    let lines = told
        .lines()
        .filter_map(|line| line.strip_prefix("test.conf:"));
    lines.map(str::to_owned).collect()
}

fn listener(address: &str, port: u16) -> String {
    let address = match address {
        "" => String::new(),
        _ => format!(" address=\"{address}\""),
    };
    format!("input(type=\"imptcp\" port=\"{port}\"{address})\n")
}

/// As bind(2) has it: see `the_kernel_judges_the_same`.
const PAIRS: [(&str, &str, bool); 9] = [
    ("", "127.0.0.1", true),
    ("", "::1", true),
    ("", "0.0.0.0", true),
    ("", "", true),
    ("0.0.0.0", "127.0.0.1", true),
    ("127.0.0.1", "127.0.0.1", true),
    ("0.0.0.0", "::1", false),
    ("127.0.0.1", "::1", false),
    ("127.0.0.1", "127.0.0.2", false),
];

#[test]
fn a_port_of_all_addresses_is_taken_of_each() {
    for (one, other, is_taken) in PAIRS {
        for (first, second) in [(one, other), (other, one)] {
            let text = listener(first, 1514) + &listener(second, 1514);
            assert_eq!(!told(&text).is_empty(), is_taken, "{text}");
            for port in [1515, 0] {
                let text = listener(first, port) + &listener(second, if port == 0 { 0 } else { 1 });
                assert_eq!(told(&text), [""; 0]);
            }
        }
    }
}

#[test]
fn the_kernel_judges_the_same() {
    use crate::receive::{Endpoint, Inherited, Listener, ListenerOptions};
    for (first, second, is_taken) in PAIRS {
        let open = |address: &str, port| {
            let mut options = ListenerOptions {
                port,
                ..ListenerOptions::default()
            };
            if !address.is_empty() {
                options.address = address.parse().unwrap();
            }
            Listener::open(options, &mut Inherited::default())
        };
        // Somebody else may have the port of the other address by chance.
        let judge = || {
            let first = open(first, 0).expect("a free port");
            let Endpoint::Tcp(address) = first.endpoint() else {
                panic!("a socket of TCP");
            };
            open(second, address.port()).is_err()
        };
        let mut judgements = (0..3).map(|_| judge());
        assert!(
            judgements.any(|judgement| judgement == is_taken),
            "{first} {second}"
        );
    }
}

#[test]
fn it_is_said_who_has_the_port() {
    let text = listener("127.0.0.1", 514) + &listener("", 514);
    let text = format!("module(load=\"imptcp\")\n{text}*.* /tmp/x\n");
    let errors = Config::from_text("test.conf", &text).expect_err(&text);
    let errors = errors.render(false);
    let expected = "that is all addresses, of IPv4 too, and the input on line 2 has \
                    127.0.0.1";
    assert!(errors.contains(expected), "{errors}");
    assert!(
        errors.starts_with("test.conf:3:27: error: port 514 of :: is taken"),
        "{errors}"
    );
}

const OFF: &str = "has no effect beside keepAlive=\"off\": nothing is probed";

#[test]
fn what_has_no_effect_beside_what_else_is_set_is_told_where_it_is() {
    let split = "global(oversizemsg.input.mode=\"split\")\n";
    let input = |rest: &str| format!("input(type=\"imtcp\" port=\"1\" {rest})");
    for (text, expected) in [
        (
            input("keepAlive=\"off\" keepAlive.time=\"5\" keepAlive.probes=\"3\""),
            vec![
                format!("2:45: warning: `keepAlive.time` {OFF}"),
                format!("2:64: warning: `keepAlive.probes` {OFF}"),
            ],
        ),
        (
            "$InputPTCPServerKeepAlive off\n$InputPTCPServerKeepAlive_intvl 7\n\
             $InputPTCPServerRun 1"
                .to_owned(),
            vec![format!(
                "3:1: warning: $InputPTCPServerKeepAlive_intvl {OFF}"
            )],
        ),
        (input("keepAlive=\"on\" keepAlive.time=\"5\""), vec![]),
        (input("keepAlive.time=\"5\""), vec![]),
        (
            input("discardTruncatedMsg=\"on\""),
            vec![
                "2:29: warning: `discardTruncatedMsg` has no effect without \
                 global(oversizemsg.input.mode=\"split\"): otherwise the rest of a message that \
                 is too long is never one of its own"
                    .to_owned(),
            ],
        ),
        (input("discardTruncatedMsg=\"off\""), vec![]),
        (input("discardTruncatedMsg=\"on\"") + split, vec![]),
        (
            input("ratelimit.burst=\"5\""),
            vec![
                "2:29: warning: `ratelimit.burst` has no effect without ratelimit.interval: \
                 nothing is limited"
                    .to_owned(),
            ],
        ),
        (
            input("ratelimit.interval=\"0\" ratelimit.burst=\"5\""),
            vec![
                "2:52: warning: `ratelimit.burst` has no effect without ratelimit.interval: \
                 nothing is limited"
                    .to_owned(),
            ],
        ),
        (
            input("ratelimit.interval=\"1\" ratelimit.burst=\"5\""),
            vec![],
        ),
    ] {
        assert_eq!(told(&text), expected, "{text}");
    }
}

#[test]
fn what_holds_for_several_listeners_is_told_if_it_has_no_effect_on_any() {
    let module = "module(load=\"imtcp\" keepAlive.time=\"7\" keepAlive=\"off\")";
    let load = |inputs: &str| {
        let text = format!("{module}\n{inputs}\n*.* /tmp/x\n");
        let (_, warnings) = Config::from_text("test.conf", &text).expect(&text);
        warnings.render(false).matches(OFF).count()
    };
    let on = "input(type=\"imtcp\" port=\"1\" keepAlive=\"on\")\n";
    let silent = "input(type=\"imtcp\" port=\"2\")\ninput(type=\"imtcp\" port=\"3\")\n";
    let own = "input(type=\"imtcp\" port=\"4\" keepAlive.time=\"8\")\n";
    assert_eq!(load(silent), 1, "once, not for each listener");
    assert_eq!(load(&format!("{on}{silent}")), 0);
    assert_eq!(load(&format!("{silent}{on}")), 0);
    assert_eq!(load(own), 1, "its own; the module's is not used");
}
