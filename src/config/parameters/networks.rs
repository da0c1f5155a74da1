//! Networks that may talk, or may not: `192.0.2.0/24, [2001:db8::]/32`.

use crate::config::diagnostic::Diagnostic;
use crate::config::span::Text;
use crate::receive::{Network, NetworkError};

/// The parts of a text between its commas, without the blanks around them.
pub fn split(text: &Text) -> Vec<Text> {
    let mut at = 0;
    let mut parts = Vec::new();
    for part in text.value.split(',') {
        let start = at + (part.len() - part.trim_start().len());
        parts.push(text.slice(start..start + part.trim().len()));
        at += part.len() + 1;
    }
    parts
}

/// Reads a network; `name` is what it is for, in the words of the error.
///
/// # Errors
/// What it is instead. A name is refused: to look one up takes as long as its
/// server likes, and who owns the name's zone would say who may talk.
pub fn read(text: &Text, name: &str) -> Result<Network, Diagnostic> {
    let written = &text.value;
    written.parse().map_err(|error| match error {
        NetworkError::NotAnAddress if written.is_empty() => {
            Diagnostic::error(text.span, format!("{name} has an empty network"))
        }
        NetworkError::NotAnAddress => {
            let message = format!(
                "{name} takes networks, and `{written}` is none: names are not looked up for \
                 access control"
            );
            let hint = "write addresses, like 192.0.2.0/24 or [2001:db8::]/32";
            Diagnostic::error(text.span, message).hint(hint)
        }
        NetworkError::Bits => {
            let message = format!("{name} has a wrong number of bits: `{written}`");
            let hint = "IPv4 addresses have 32 bits, IPv6 addresses 128";
            Diagnostic::error(text.span, message).hint(hint)
        }
    })
}
