//! A parameter: its two spellings, what it takes, and how it is set.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use super::networks;
use super::values::{address, binary, mode, number, severity, size, whole};
use crate::base::account;
use crate::config::diagnostic::Diagnostic;
use crate::config::diagnostic::did_you_mean;
use crate::config::span::Text;
use crate::frame::LineStart;
use crate::limits::SOCKET_PATH_BYTES_MAX;
use crate::message::Severity;
use crate::receive::Network;

/// One parameter of an object whose options are a `T`.
pub struct Row<T: 'static> {
    /// RainerScript's name.
    pub name: &'static str,
    /// Directives that mean the same, without `$`. In a queue's table: their
    /// ends, behind `MainMsg` and `Action`.
    pub legacy: &'static [&'static str],
    /// Whether the directive holds for the next action only.
    pub is_once: bool,
    /// What it takes and how it is set.
    pub take: Take<T>,
    /// Unit of the value; empty if it has none.
    pub unit: &'static str,
    /// Where its default is defined; empty if it has none.
    pub default: &'static str,
    /// What it means, in one line.
    pub doc: &'static str,
}

/// Whether root, or root's group, is a user or group like any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    Allowed,
    /// What is asked for is less power than root's.
    Refused,
}

/// What a parameter takes, and the place in `T` that it sets.
pub enum Take<T> {
    /// on, yes, true; off, no, false.
    Binary(fn(&mut T, bool)),
    /// A whole number from the first to the second.
    Whole(i64, i64, fn(&mut T, i64)),
    /// A number with k, m, g, t (1024) or K, M, G, T (1000), from the first to
    /// the second.
    Size(u64, u64, fn(&mut T, u64)),
    /// Milliseconds, up to 24 days.
    Milliseconds(fn(&mut T, Duration)),
    /// Seconds, from 1, up to 68 years.
    Seconds(fn(&mut T, Duration)),
    /// Four or five octal digits, the first of them 0.
    Mode(fn(&mut T, u32)),
    /// A text that is not empty.
    Text(fn(&mut T, &Text)),
    /// A text that is not empty and has no blank and no control character.
    Name(fn(&mut T, &Text)),
    /// A path that is not empty.
    Path(fn(&mut T, PathBuf)),
    /// The path of a unix socket.
    SocketPath(fn(&mut T, PathBuf)),
    /// A regular expression.
    LineStart(fn(&mut T, LineStart)),
    /// Ports, one or a list.
    Ports(fn(&mut T, &[u16])),
    /// An IP address, or `*` for all of the host's.
    Address(fn(&mut T, IpAddr)),
    /// An IP address and a port, IPv6 in brackets.
    Endpoint(fn(&mut T, SocketAddr)),
    /// A severity by number or name; 8 and `none` are none.
    Severity(fn(&mut T, Option<Severity>)),
    /// Networks: a list, or a text with commas.
    Networks(fn(&mut T, &[Network])),
    /// Name of a user of the host; its number is set.
    User(Root, fn(&mut T, u32)),
    /// Name of a group of the host; its number is set.
    Group(Root, fn(&mut T, u32)),
    /// A binary of rsyslog's that changes nothing here.
    NoEffect,
    /// A number of rsyslog's that changes nothing here.
    NoEffectNumber,
    /// One of some words: those that are built, those that are not.
    Word(
        &'static [&'static str],
        &'static [&'static str],
        fn(&mut T, usize),
    ),
    /// Read by the object itself, which cannot be made without it.
    ByObject(&'static str),
    /// rsyslog's, or a later Splashdam's.
    NotBuilt,
}

/// A value that was read and can be set on any number of `T`.
pub type Setting<T> = Rc<dyn Fn(&mut T)>;

impl<T> Row<T> {
    pub(super) const fn new(name: &'static str, take: Take<T>, doc: &'static str) -> Row<T> {
        Row {
            name,
            legacy: &[],
            is_once: false,
            take,
            unit: "",
            default: "",
            doc,
        }
    }

    /// A parameter that is not built.
    pub(super) const fn later(name: &'static str, legacy: &'static [&'static str]) -> Row<T> {
        Row {
            legacy,
            ..Row::new(name, Take::NotBuilt, "")
        }
    }

    /// Its directive, which may be used any number of times.
    pub(super) const fn legacy(self, legacy: &'static [&'static str]) -> Row<T> {
        Row { legacy, ..self }
    }

    /// Its directive, which holds for the next action only.
    pub(super) const fn legacy_once(self, legacy: &'static [&'static str]) -> Row<T> {
        Row {
            legacy,
            is_once: true,
            ..self
        }
    }

    pub(super) const fn unit(self, unit: &'static str) -> Row<T> {
        Row { unit, ..self }
    }

    /// Where the default is defined.
    pub(super) const fn default(self, default: &'static str) -> Row<T> {
        Row { default, ..self }
    }

    /// Whether Splashdam has it.
    pub fn is_built(&self) -> bool {
        !matches!(self.take, Take::NotBuilt)
    }

    /// What it takes, in the words of the documentation.
    pub fn type_name(&self) -> &'static str {
        match self.take {
            Take::Binary(_) | Take::NoEffect => "binary",
            Take::Whole(..) | Take::NoEffectNumber => "number",
            Take::Size(..) => "size",
            Take::Milliseconds(_) | Take::Seconds(_) => "time",
            Take::Mode(_) => "mode",
            Take::Text(_) | Take::Name(_) => "text",
            Take::Path(_) | Take::SocketPath(_) => "path",
            Take::LineStart(_) => "regular expression",
            Take::Ports(_) => "ports",
            Take::Address(_) => "address",
            Take::Endpoint(_) => "address and port",
            Take::Severity(_) => "severity",
            Take::Networks(_) => "networks",
            Take::User(..) => "user",
            Take::Group(..) => "group",
            Take::Word(..) => "word",
            Take::ByObject(type_name) => type_name,
            Take::NotBuilt => "not built",
        }
    }

    /// Reads a value. Dots and commas within a number are ignored where
    /// `is_legacy`, as rsyslog does for directives. The error stands at the
    /// value.
    pub fn read(&self, text: &Text, is_legacy: bool) -> Result<Setting<T>, Diagnostic> {
        let written = text.value.as_str();
        let refuse = |expected: String| {
            let message = format!("`{}` takes {expected}, not `{written}`", self.name);
            Err(Diagnostic::error(text.span, message))
        };
        let number = |max: u64| number(written, is_legacy).filter(|value| *value <= max);
        match self.take {
            Take::Binary(set) => match binary(written) {
                Some(value) => Ok(Rc::new(move |options| set(options, value))),
                None => refuse("on or off".to_owned()),
            },
            Take::NoEffect => match binary(written) {
                Some(_) => Ok(Rc::new(|_| ())),
                None => refuse("on or off".to_owned()),
            },
            Take::NoEffectNumber => match number(i32::MAX as u64) {
                Some(_) => Ok(Rc::new(|_| ())),
                None => refuse(format!("a number from 0 to {}", i32::MAX)),
            },
            Take::Whole(min, max, set) => match whole(written, is_legacy) {
                Some(value) if (min..=max).contains(&value) => {
                    Ok(Rc::new(move |options| set(options, value)))
                }
                _ => refuse(format!("a number from {min} to {max}")),
            },
            Take::Size(min, max, set) => match size(written, is_legacy) {
                Some(value) if (min..=max).contains(&value) => {
                    Ok(Rc::new(move |options| set(options, value)))
                }
                Some(_) => refuse(format!("a size from {min} to {max}")),
                None => refuse("a size like 10000, 64k or 256m".to_owned()),
            },
            Take::Milliseconds(set) => match number(i32::MAX as u64) {
                Some(value) => {
                    let value = Duration::from_millis(value);
                    Ok(Rc::new(move |options| set(options, value)))
                }
                None => refuse(format!("a time in milliseconds, from 0 to {}", i32::MAX)),
            },
            Take::Seconds(set) => match number(i32::MAX as u64) {
                Some(value) if value > 0 => {
                    let value = Duration::from_secs(value);
                    Ok(Rc::new(move |options| set(options, value)))
                }
                _ => refuse("a time in seconds, 1 or more".to_owned()),
            },
            Take::Mode(set) => match mode(written) {
                Some(value) => Ok(Rc::new(move |options| set(options, value))),
                None => refuse("four octal digits like 0644".to_owned()),
            },
            Take::Text(_) | Take::Name(_) | Take::Path(_) | Take::SocketPath(_)
                if written.is_empty() =>
            {
                let message = format!("`{}` is empty", self.name);
                Err(Diagnostic::error(text.span, message))
            }
            // The kernel would end the path there.
            Take::Path(_) | Take::SocketPath(_) if written.contains('\0') => {
                refuse("a path".to_owned())
            }
            // bind(2) would refuse it, when the configuration has long been valid.
            Take::SocketPath(_) if written.len() > SOCKET_PATH_BYTES_MAX => {
                let message = format!(
                    "`{}` has {} bytes, and the path of a unix socket at most \
                     {SOCKET_PATH_BYTES_MAX} (unix(7))",
                    self.name,
                    written.len()
                );
                Err(Diagnostic::error(text.span, message))
            }
            // It would end the field of the message's header, or the line.
            Take::Name(_) if written.contains(|c: char| c.is_whitespace() || c.is_control()) => {
                refuse("a name without blanks and control characters".to_owned())
            }
            Take::Text(set) | Take::Name(set) => {
                let text = text.clone();
                Ok(Rc::new(move |options| set(options, &text)))
            }
            Take::Path(set) | Take::SocketPath(set) => {
                let path = PathBuf::from(written);
                Ok(Rc::new(move |options| set(options, path.clone())))
            }
            Take::LineStart(_) if written.is_empty() => {
                let message = format!("`{}` is empty", self.name);
                Err(Diagnostic::error(text.span, message))
            }
            Take::LineStart(set) => match LineStart::new(written) {
                Ok(value) => Ok(Rc::new(move |options| set(options, value.clone()))),
                Err(error) => {
                    // The last line says what is wrong; the others show where.
                    let error = error.lines().last().unwrap_or_default();
                    let error = error.strip_prefix("error: ").unwrap_or(error);
                    refuse(format!("a regular expression ({error})"))
                }
            },
            Take::Ports(_) => self.read_list(std::slice::from_ref(text)),
            Take::Address(set) => match address(written) {
                Some(value) => Ok(Rc::new(move |options| set(options, value))),
                None => refuse("an IPv4 or IPv6 address".to_owned()),
            },
            Take::Severity(set) => match severity(written) {
                Some(value) => Ok(Rc::new(move |options| set(options, value))),
                None => refuse("a severity: 0 to 7, emerg to debug, or 8 for none".to_owned()),
            },
            Take::Endpoint(set) => match written.parse::<SocketAddr>() {
                Ok(value) => Ok(Rc::new(move |options| set(options, value))),
                Err(_) => refuse("an address and a port like 127.0.0.1:9514".to_owned()),
            },
            Take::Networks(_) => self.read_list(&networks::split(text)),
            Take::User(root, set) => {
                match account("user", root, account::user_id(written), written) {
                    Ok(value) => Ok(Rc::new(move |options| set(options, value))),
                    Err(expected) => refuse(expected),
                }
            }
            Take::Group(root, set) => {
                match account("group", root, account::group_id(written), written) {
                    Ok(value) => Ok(Rc::new(move |options| set(options, value))),
                    Err(expected) => refuse(expected),
                }
            }
            Take::Word(built, later, set) => {
                let is = |word: &str| word.eq_ignore_ascii_case(written);
                if let Some(index) = built.iter().position(|word| is(word)) {
                    return Ok(Rc::new(move |options| set(options, index)));
                }
                if let Some(word) = later.iter().find(|word| is(word)) {
                    let message = format!(
                        "`{}` {word} is rsyslog's, and not built in Splashdam yet",
                        self.name
                    );
                    let hint = format!("it can be {}", built.join(", "));
                    return Err(Diagnostic::error(text.span, message).hint(hint));
                }
                let all = built.iter().chain(later).copied();
                refuse(built.join(", "))
                    .map_err(|error| error.maybe_hint(did_you_mean(written, all)))
            }
            Take::ByObject(_) => Ok(Rc::new(|_| ())),
            Take::NotBuilt => Err(not_built(text, self.name)),
        }
    }
}

impl<T> Take<T> {
    /// Whether a list of values may be given.
    pub fn takes_list(&self) -> bool {
        matches!(self, Take::Networks(_) | Take::Ports(_))
    }

    /// Whether it is understood and changes nothing.
    pub fn has_no_effect(&self) -> bool {
        matches!(self, Take::NoEffect | Take::NoEffectNumber)
    }
}

impl<T> Row<T> {
    /// Reads a list of values, of a row that takes one.
    pub fn read_list(&self, items: &[Text]) -> Result<Setting<T>, Diagnostic> {
        if let Take::Ports(set) = self.take {
            let ports = items.iter().map(|item| self.read_port(item));
            let ports = ports.collect::<Result<Vec<u16>, Diagnostic>>()?;
            return Ok(Rc::new(move |options| set(options, &ports)));
        }
        let Take::Networks(set) = self.take else {
            return Ok(Rc::new(|_| ()));
        };
        let mut found = Vec::new();
        for item in items {
            found.push(networks::read(item, &format!("`{}`", self.name))?);
        }
        Ok(Rc::new(move |options| set(options, &found)))
    }

    fn read_port(&self, text: &Text) -> Result<u16, Diagnostic> {
        let port = number(&text.value, false).and_then(|port| u16::try_from(port).ok());
        port.ok_or_else(|| {
            let (name, written) = (self.name, &text.value);
            let message = format!("`{name}` takes a number from 0 to 65535, not `{written}`");
            Diagnostic::error(text.span, message)
        })
    }
}

fn not_built(text: &Text, name: &str) -> Diagnostic {
    let message = format!("`{name}` is not built in Splashdam yet");
    Diagnostic::error(text.span, message)
}

/// The number that was found, or what is expected instead. rsyslog takes 0 for
/// "not set" and stays root without a word.
fn account(
    kind: &str,
    root: Root,
    found: io::Result<Option<u32>>,
    name: &str,
) -> Result<u32, String> {
    match found {
        Ok(Some(0)) if root == Root::Refused => {
            Err(format!("a {kind} with fewer rights than root"))
        }
        Ok(Some(number)) => Ok(number),
        Ok(None) => Err(format!("a {kind} of this machine")),
        Err(error) => Err(format!(
            "a {kind} that can be looked up (`{name}`: {error})"
        )),
    }
}
