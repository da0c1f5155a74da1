//! Who may talk, and which parameters of a listener go together.

use super::Checker;
use super::directive::words;
use crate::config::diagnostic::Diagnostic;
use crate::config::parameters::networks;
use crate::config::span::Text;
use crate::config::syntax::tree::{Directive, Object};

/// What `$AllowedSender` may be about, in rsyslog.
const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "GSS"];

/// Parameters that say something about a TCP listener only.
const OF_TCP: [&str; 10] = [
    "address",
    "listenPortFileName",
    "keepAlive",
    "keepAlive.time",
    "keepAlive.interval",
    "keepAlive.probes",
    "tcp_user_timeout",
    "allow",
    "deny",
    "port",
];

/// Parameters that say something about a unix socket only.
const OF_UNIX: [&str; 8] = [
    "unlink",
    "fileCreateMode",
    "fileOwner",
    "fileOwnerNum",
    "fileGroup",
    "fileGroupNum",
    "failOnChownFailure",
    "failOnPerms",
];

/// Parameters that set the same.
const TWINS: [(&str, &str); 3] = [
    ("fileOwner", "fileOwnerNum"),
    ("fileGroup", "fileGroupNum"),
    ("failOnChownFailure", "failOnPerms"),
];

impl Checker {
    /// `$AllowedSender TCP, 127.0.0.1, 192.0.2.0/24`: adds networks. As long as
    /// there is none, all may talk.
    pub(super) fn allowed_sender(&mut self, written: &Directive) {
        let line = without_comment(&written.argument);
        let mut parts = networks::split(&line).into_iter();
        let protocol = parts.next().unwrap_or_else(|| line.clone());
        let mut words = words(&protocol);
        if let (Some(name), Some(behind)) = (words.next(), words.next())
            && PROTOCOLS.contains(&name.value.to_ascii_uppercase().as_str())
        {
            let message = format!("$AllowedSender has no comma behind {}", name.value);
            let (name, network) = (&name.value, &behind.value);
            let hint = format!("write $AllowedSender {name}, {network}");
            return self.error(behind.span, message, hint);
        }
        match protocol.value.to_ascii_uppercase().as_str() {
            "TCP" | "UDP" => {}
            "GSS" => {
                let what = format!("$AllowedSender {}", protocol.value);
                return self.not_built(protocol.span, &what);
            }
            _ => {
                let message = "$AllowedSender takes a protocol and networks";
                let hint = "write for example: $AllowedSender TCP, 127.0.0.1, 192.0.2.0/24";
                return self.error(written.name.span, message, hint);
            }
        }
        let mut count = 0;
        for part in parts {
            count += 1;
            match networks::read(&part, "$AllowedSender") {
                Ok(network) if network.bits() == 0 => {
                    let message = "$AllowedSender does not take 0 bits, as in rsyslog";
                    let hint = "that would be all senders, who may talk without $AllowedSender";
                    self.error(part.span, message, hint);
                }
                Ok(network) => match protocol.value.eq_ignore_ascii_case("UDP") {
                    true => self.allowed_udp_senders.push(network),
                    false => self.allowed_senders.push(network),
                },
                Err(error) => self.found.push(error),
            }
        }
        if count == 0 {
            let message = "$AllowedSender has no networks";
            let hint = "write for example: $AllowedSender TCP, 127.0.0.1, 192.0.2.0/24";
            self.error(written.name.span, message, hint);
        }
    }

    /// Tells parameters of an input that do not go together.
    pub(super) fn tell_mixed(&mut self, object: &Object) {
        if let (Some(_), Some(path)) = (object.parameter("port"), object.parameter("path")) {
            let message = "an input has a port or a path, not both";
            let hint = "write a second input()";
            return self.error(path.name.span, message, hint);
        }
        let is_unix = object.parameter("path").is_some();
        let (useless, without): (&[&str], _) = match is_unix {
            true => (&OF_TCP, "beside path: it is for TCP"),
            false => (&OF_UNIX, "without path: it is for unix sockets"),
        };
        for name in useless {
            if let Some(parameter) = object.parameter(name) {
                let message = format!("`{name}` has no effect {without}");
                let warning = Diagnostic::warning(parameter.name.span, message);
                self.found.push(warning);
            }
        }
        for (name, twin) in TWINS {
            if let (Some(_), Some(second)) = (object.parameter(name), object.parameter(twin)) {
                let message = format!("`{name}` and `{twin}` set the same");
                let error = Diagnostic::error(second.name.span, message);
                self.found.push(error);
            }
        }
    }
}

/// A line up to the blank before its comment.
fn without_comment(line: &Text) -> Text {
    let mut end = line.value.len();
    for (at, _) in line.value.match_indices('#') {
        if line.value[..at].is_empty() || line.value[..at].ends_with(char::is_whitespace) {
            end = at;
            break;
        }
    }
    line.slice(0..end)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::Config;
    use crate::receive::Network;

    fn config(statements: &str) -> (Config, String) {
        let text = format!("module(load=\"imptcp\")\n{statements}\n*.* /tmp/x\n");
        match Config::from_text("test.conf", &text) {
            Ok((config, warnings)) => (config, warnings.render(false)),
            Err(errors) => panic!("{text}\n{errors}"),
        }
    }

    fn errors(statements: &str) -> String {
        let text = format!("module(load=\"imptcp\")\n{statements}\n*.* /tmp/x\n");
        let errors = Config::from_text("test.conf", &text);
        errors.expect_err(&text).render(false)
    }

    fn networks(texts: &[&str]) -> Vec<Network> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    const INPUT: &str = "input(type=\"imptcp\" port=\"1\")";

    #[test]
    fn allowed_senders_add_up_and_hold_for_all_listeners() {
        let (config, warnings) = config(&format!(
            "$AllowedSender TCP, 127.0.0.1,192.0.2.0/24 # the first\n{INPUT}\n\
             input(type=\"imptcp\" port=\"2\" allow=[\"192.0.2.1\", \"[::1]\"] deny=\"192.0.2.2 ,192.0.2.3\")\n\
             $AllowedSender tcp, [2001:db8::]/32\n"
        ));
        assert_eq!(warnings, "");
        let expected = networks(&["127.0.0.1", "192.0.2.0/24", "2001:db8::/32"]);
        for listener in &config.listeners {
            assert_eq!(listener.access.allowed_senders, expected);
        }
        let access = &config.listeners[1].access;
        assert_eq!(access.allow, networks(&["192.0.2.1", "::1"]));
        assert_eq!(access.deny, networks(&["192.0.2.2", "192.0.2.3"]));
    }

    #[test]
    fn what_is_no_network_is_told_at_its_place() {
        for (statement, place, message) in [
            (
                "$AllowedSender TCP, *.example.net",
                "2:21",
                "$AllowedSender takes networks, and `*.example.net` is none: names are not \
                 looked up for access control",
            ),
            (
                "$AllowedSender TCP, 192.0.2.1/33",
                "2:21",
                "$AllowedSender has a wrong number of bits: `192.0.2.1/33`",
            ),
            (
                "$AllowedSender TCP, 0.0.0.0/0",
                "2:21",
                "$AllowedSender does not take 0 bits, as in rsyslog",
            ),
            (
                "$AllowedSender TCP",
                "2:1",
                "$AllowedSender has no networks",
            ),
            (
                "$AllowedSender 127.0.0.1",
                "2:1",
                "$AllowedSender takes a protocol and networks",
            ),
            (
                "$AllowedSender GSS, 127.0.0.1",
                "2:16",
                "$AllowedSender GSS is rsyslog's, and not built in Splashdam yet",
            ),
            (
                "input(type=\"imptcp\" port=\"1\" deny=[\"192.0.2.1\", \"loghost\"])",
                "2:50",
                "`deny` takes networks, and `loghost` is none: names are not looked up for \
                 access control",
            ),
            (
                "input(type=\"imptcp\" port=\"1\" name=[\"a\"])",
                "2:35",
                "`name` does not take a list of values",
            ),
            (
                "input(type=\"imptcp\" path=\"/s\" fileOwner=\"no such user\")",
                "2:42",
                "`fileOwner` takes a user of this machine, not `no such user`",
            ),
            (
                "input(type=\"imptcp\" path=\"/s\" fileGroup=\"root\" fileGroupNum=\"0\")",
                "2:48",
                "`fileGroup` and `fileGroupNum` set the same",
            ),
            (
                "input(type=\"imptcp\" path=\"/s\" port=\"1\")",
                "2:21",
                "an input has a port or a path, not both",
            ),
            (
                "input(type=\"imptcp\" path=\"/s\")\ninput(type=\"imptcp\" path=\"/s\")",
                "3:27",
                "the socket /s is taken",
            ),
            (
                "\n$AllowedSender tcp 192.0.2.0/24, 127.0.0.1",
                "3:20",
                "$AllowedSender has no comma behind tcp",
            ),
            (
                &format!("input(type=\"imptcp\" path=\"/{}\")", "s".repeat(107)),
                "2:27",
                "`path` has 108 bytes, and the path of a unix socket at most 107 (unix(7))",
            ),
            (
                &format!("global(adminSocket=\"/{}\")", "s".repeat(107)),
                "2:21",
                "`adminSocket` has 108 bytes, and the path of a unix socket at most 107 (unix(7))",
            ),
        ] {
            let said = errors(statement);
            let expected = format!("test.conf:{place}: error: {message}\n");
            assert!(said.contains(&expected), "{expected}{said}");
        }
    }

    #[test]
    fn what_has_no_effect_is_told() {
        let (_, warnings) = config(
            "input(type=\"imptcp\" path=\"/s\" keepAlive=\"on\" allow=\"127.0.0.1\")\n\
             input(type=\"imptcp\" port=\"1\" unlink=\"on\" processOnPoller=\"off\")",
        );
        for warning in [
            "`keepAlive` has no effect beside path",
            "`allow` has no effect beside path",
            "`unlink` has no effect without path",
            "`processOnPoller` has no effect in Splashdam",
        ] {
            assert!(warnings.contains(warning), "{warning}: {warnings}");
        }
    }

    #[test]
    fn the_path_of_a_socket_may_have_107_bytes() {
        let path = format!("/{}", "s".repeat(106));
        config(&format!("input(type=\"imptcp\" path=\"{path}\")"));
        socket2::SockAddr::unix(&path).expect("the longest one");
        socket2::SockAddr::unix(format!("{path}s")).expect_err("one byte more");
    }

    #[test]
    fn a_path_is_meant_from_where_the_daemon_was_started() {
        let (mut config, _) = config("input(type=\"imptcp\" path=\"socket\")");
        config.resolve_paths(Path::new("/base"));
        let path = config.listeners[0].unix.path.as_deref();
        assert_eq!(path, Some(Path::new("/base/socket")));
    }
}
