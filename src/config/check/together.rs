//! What listeners say together: addresses that two of them have, parameters
//! that have no effect beside others.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use super::{Checker, PlannedListener};
use crate::config::diagnostic::Diagnostic;
use crate::config::span::Span;
use crate::frame::OversizeMode;
use crate::receive::ListenerOptions;

/// What a listener takes, or keeps others from taking.
#[derive(PartialEq, Eq, Hash)]
enum Taken<'a> {
    Path(&'a Path),
    /// Port and address.
    Address(Port, IpAddr),
    /// The port of some address of IPv4, of IPv6.
    SomeV4(Port),
    SomeV6(Port),
}

/// TCP and UDP have ports of their own.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Port {
    Tcp(u16),
    Udp(u16),
}

const ALL_V4: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
/// Of IPv4 too, as the listener has it.
const ALL: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

impl Taken<'_> {
    /// What the others must not have where one listens there: bind(2) refuses
    /// an address of a port on which all are listened on, and the other way
    /// round.
    fn excluded(port: Port, address: IpAddr) -> Vec<Taken<'static>> {
        let mut excluded = vec![Taken::Address(port, address), Taken::Address(port, ALL)];
        if address.is_ipv4() {
            excluded.push(Taken::Address(port, ALL_V4));
        }
        if address == ALL_V4 || address == ALL {
            excluded.push(Taken::SomeV4(port));
        }
        if address == ALL {
            excluded.push(Taken::SomeV6(port));
        }
        excluded
    }
}

impl PlannedListener {
    /// Where the first of these parameters is set that is: its value.
    fn value(&self, names: &[&str]) -> Span {
        let mut values = names.iter().filter_map(|name| {
            let mut written = self.written.iter().rev();
            written.find(|written| written.parameter == *name)
        });
        values.next().map_or(self.span, |written| written.value)
    }
}

impl Checker {
    /// Two listeners cannot have one port of one address, or one path.
    pub(super) fn tell_taken_twice(&mut self) {
        let mut taken: HashMap<Taken, &PlannedListener> = HashMap::new();
        let mut found = Vec::new();
        for planned in &self.listeners {
            let listener = &planned.options;
            if let Some(path) = &listener.unix.path {
                if let Some(other) = taken.insert(Taken::Path(path), planned) {
                    let message = format!("the socket {} is taken", path.display());
                    let hint = format!("the input on line {} has it", self.line(other.span));
                    let error = Diagnostic::error(planned.value(&["path"]), message);
                    found.push(error.hint(hint));
                }
                continue;
            }
            let (port, address) = (listener.port, listener.address);
            // The kernel chooses another one for each.
            if port == 0 {
                continue;
            }
            let place = match listener.udp {
                Some(_) => Port::Udp(port),
                None => Port::Tcp(port),
            };
            let excluded = Taken::excluded(place, address);
            let other = excluded.iter().find_map(|excluded| taken.get(excluded));
            if let Some(other) = other {
                let message = format!("port {port} of {address} is taken");
                let line = self.line(other.span);
                let hint = match other.options.address {
                    same if same == address => format!("the input on line {line} has it"),
                    ALL => {
                        format!("the input on line {line} listens on all addresses, of IPv4 too")
                    }
                    other if address == ALL => format!(
                        "that is all addresses, of IPv4 too, and the input on line \
                         {line} has {other}"
                    ),
                    other => format!("the input on line {line} has it of {other}"),
                };
                let error = Diagnostic::error(planned.value(&["address", "port"]), message);
                found.push(error.hint(hint));
            }
            let some = match address {
                IpAddr::V4(_) => Taken::SomeV4(place),
                IpAddr::V6(_) => Taken::SomeV6(place),
            };
            taken.insert(some, planned);
            taken.insert(Taken::Address(place, address), planned);
        }
        self.found.extend(found);
    }

    /// Tells, where they are written, parameters that have no effect beside what
    /// else is set. One of `module()` or a directive may be for several
    /// listeners; it is told where it has no effect on any.
    pub(super) fn tell_useless(&mut self) {
        let is_split = self.globals.oversize_mode == OversizeMode::Split;
        // Which ones, what is told of them, and whether that is so of all.
        let mut judged: Vec<(Span, String, Option<&'static str>)> = Vec::new();
        let mut index: HashMap<(u16, u32), usize> = HashMap::new();
        for planned in &self.listeners {
            let mut names = HashSet::new();
            for written in planned.written.iter().rev() {
                // A later one of the same name is in its place.
                if !names.insert(written.parameter) {
                    continue;
                }
                let useless = why_useless(written.parameter, &planned.options, is_split);
                let place = (written.name.file.0, written.name.start);
                match index.get(&place) {
                    Some(index) if useless.is_none() => judged[*index].2 = None,
                    Some(_) => {}
                    None => {
                        index.insert(place, judged.len());
                        judged.push((written.name, written.shown.clone(), useless));
                    }
                }
            }
        }
        for (span, shown, useless) in judged {
            if let Some(useless) = useless {
                let message = format!("{shown} has no effect {useless}");
                self.found.push(Diagnostic::warning(span, message));
            }
        }
    }

    fn line(&self, span: Span) -> usize {
        self.sources.place(span.file, span.start as usize).line
    }
}

/// Why a parameter does nothing for a listener that sets it, if so.
fn why_useless(
    parameter: &str,
    listener: &ListenerOptions,
    is_split: bool,
) -> Option<&'static str> {
    let is_tcp = listener.unix.path.is_none();
    match parameter {
        // Beside a path it was told that they are for TCP.
        "keepAlive.time" | "keepAlive.interval" | "keepAlive.probes" if is_tcp => {
            let is_off = listener.keep_alive.is_on == Some(false);
            is_off.then_some("beside keepAlive=\"off\": nothing is probed")
        }
        "discardTruncatedMsg" => (listener.discards_truncated && !is_split).then_some(
            "without global(oversizemsg.input.mode=\"split\"): otherwise the rest of a message \
             that is too long is never one of its own",
        ),
        "ratelimit.burst" => {
            let is_unlimited = listener.rate_limit.interval_s.is_none();
            is_unlimited.then_some("without ratelimit.interval: nothing is limited")
        }
        _ => None,
    }
}

#[cfg(test)]
#[path = "together_tests.rs"]
mod tests;
