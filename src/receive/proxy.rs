//! The header that a proxy puts in front of a connection ("The PROXY protocol",
//! haproxy's `doc/proxy-protocol.txt`, versions 1 and 2). Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::limits::PROXY_HEADER_BYTES_MAX;

/// Bytes of a version 1 header at most, its line end included (section 2.1).
const V1_BYTES_MAX: usize = 107;

/// What a version 2 header begins with (section 2.2).
const V2_SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// Bytes of a version 2 header before its addresses.
const V2_FIXED_BYTES: usize = 16;

/// What the first bytes of a connection are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// The beginning of a header, or nothing.
    Incomplete,
    /// A header of `len` bytes. `sender` is who is behind the proxy; `None`
    /// where the proxy does not say (LOCAL, UNKNOWN, UNSPEC, a unix socket).
    Header {
        len: usize,
        sender: Option<SocketAddr>,
    },
    /// No header; the reason, in a few words.
    Wrong(&'static str),
}

/// Reads the header at the start of `bytes`. With more bytes the answer changes
/// only where it is [`Parsed::Incomplete`], which it is for fewer than
/// [`PROXY_HEADER_BYTES_MAX`] bytes.
pub fn parse(bytes: &[u8]) -> Parsed {
    match bytes.first() {
        None => Parsed::Incomplete,
        Some(b'P') => version_1(bytes),
        Some(b'\r') => version_2(bytes),
        Some(_) => Parsed::Wrong("no PROXY header"),
    }
}

fn version_1(bytes: &[u8]) -> Parsed {
    const BEGIN: &[u8] = b"PROXY ";
    let common = bytes.len().min(BEGIN.len());
    if bytes[..common] != BEGIN[..common] {
        return Parsed::Wrong("no PROXY header");
    }
    let within = &bytes[..bytes.len().min(V1_BYTES_MAX)];
    let Some(end) = memchr::memchr(b'\n', within) else {
        return match within.len() {
            V1_BYTES_MAX => Parsed::Wrong("a PROXY line that is too long"),
            _ => Parsed::Incomplete,
        };
    };
    let line = within[..end].strip_suffix(b"\r");
    let line = line.and_then(|line| std::str::from_utf8(line).ok());
    let fields = line.and_then(|line| line.strip_prefix("PROXY "));
    let Some(fields) = fields else {
        return Parsed::Wrong("a damaged PROXY line");
    };
    let len = end + 1;
    // What stands behind UNKNOWN has to be ignored.
    if fields == "UNKNOWN" || fields.starts_with("UNKNOWN ") {
        return Parsed::Header { len, sender: None };
    }
    match v1_sender(fields) {
        Some(sender) => Parsed::Header {
            len,
            sender: Some(sender),
        },
        None => Parsed::Wrong("a damaged PROXY line"),
    }
}

/// `TCP4 192.0.2.1 192.0.2.2 51234 514`: the first address and port.
fn v1_sender(fields: &str) -> Option<SocketAddr> {
    let mut fields = fields.split(' ');
    let family = fields.next()?;
    let address = |text: &str| -> Option<IpAddr> {
        match family {
            "TCP4" => text.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
            "TCP6" => text.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
            _ => None,
        }
    };
    let source = address(fields.next()?)?;
    address(fields.next()?)?;
    let source_port = port(fields.next()?)?;
    port(fields.next()?)?;
    match fields.next() {
        None => Some(SocketAddr::new(source, source_port)),
        Some(_) => None,
    }
}

/// Decimal, without leading zeros.
fn port(text: &str) -> Option<u16> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let has_zeros = text.len() > 1 && text.starts_with('0');
    if is_digits && !has_zeros {
        text.parse().ok()
    } else {
        None
    }
}

fn version_2(bytes: &[u8]) -> Parsed {
    let common = bytes.len().min(V2_SIGNATURE.len());
    if bytes[..common] != V2_SIGNATURE[..common] {
        return Parsed::Wrong("no PROXY header");
    }
    let Some(&[version_command, family_transport, high, low]) =
        bytes.get(common..).and_then(|rest| rest.first_chunk())
    else {
        return Parsed::Incomplete;
    };
    let len = V2_FIXED_BYTES + usize::from(u16::from_be_bytes([high, low]));
    let (version, command) = (version_command >> 4, version_command & 15);
    let (family, transport) = (family_transport >> 4, family_transport & 15);
    if version != 2 || command > 1 || family > 3 || transport > 2 {
        return Parsed::Wrong("a PROXY header of an unknown version, command or family");
    }
    if len > PROXY_HEADER_BYTES_MAX {
        return Parsed::Wrong("a PROXY header that is too long");
    }
    let Some(body) = bytes.get(V2_FIXED_BYTES..len) else {
        return Parsed::Incomplete;
    };
    // LOCAL: the proxy's own, a health check for example.
    let is_local = command == 0;
    let sender = match family {
        1 if !is_local => v2_ip4(body),
        2 if !is_local => v2_ip6(body),
        _ => return Parsed::Header { len, sender: None },
    };
    match sender {
        Some(sender) => Parsed::Header {
            len,
            sender: Some(sender),
        },
        None => Parsed::Wrong("a PROXY header without its addresses"),
    }
}

/// Source and destination address, source and destination port; what follows
/// are extensions (TLV).
fn v2_ip4(body: &[u8]) -> Option<SocketAddr> {
    let body: &[u8; 12] = body.first_chunk()?;
    let address: [u8; 4] = *body.first_chunk()?;
    Some(SocketAddr::from((
        address,
        u16::from_be_bytes([body[8], body[9]]),
    )))
}

/// The same with IPv6 addresses.
fn v2_ip6(body: &[u8]) -> Option<SocketAddr> {
    let body: &[u8; 36] = body.first_chunk()?;
    let address: [u8; 16] = *body.first_chunk()?;
    Some(SocketAddr::from((
        address,
        u16::from_be_bytes([body[32], body[33]]),
    )))
}

#[cfg(test)]
#[path = "proxy_tests.rs"]
mod tests;
