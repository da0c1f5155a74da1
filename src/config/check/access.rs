//! Who may talk, and which parameters of a listener go together.

use super::Checker;
use crate::config::diagnostic::Diagnostic;
use crate::config::parameters::networks;
use crate::config::span::Text;
use crate::config::syntax::tree::{Directive, Object};

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
        match protocol.value.to_ascii_uppercase().as_str() {
            "TCP" => {}
            "UDP" | "GSS" => {
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
                Ok(network) => self.allowed_senders.push(network),
                Err(error) => self.found.push(error),
            }
        }
        if count == 0 {
            let message = "$AllowedSender has no networks";
            let hint = "write for example: $AllowedSender TCP, 127.0.0.1, 192.0.2.0/24";
            self.error(written.name.span, message, hint);
        }
    }

    /// Tells parameters of `input(type="imptcp")` that do not go together.
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
