//! The lookups themselves, by the system's resolver. They block.

use std::net::{IpAddr, SocketAddr};

use dns_lookup::{AddrInfoHints, LookupErrorKind, getaddrinfo, getnameinfo};

use super::Answer;
use crate::base::kernel;

/// The name of an address, as getnameinfo(3) has it.
pub fn system_lookup(address: IpAddr) -> Answer {
    let flags = kernel::NI_NAMEREQD | kernel::NI_NUMERICSERV;
    match getnameinfo(&SocketAddr::new(address, 0), flags) {
        Ok((name, _)) if is_address(&name) => Answer::Malicious(name),
        Ok((name, _)) => Answer::Name(name.into()),
        Err(error) => match error.kind() {
            LookupErrorKind::NoName | LookupErrorKind::NoData => Answer::NoName,
            _ => Answer::Failed,
        },
    }
}

/// The name of this host with its domain, as getaddrinfo(3) has it; none where
/// it knows no better one.
pub fn own_full_name(name: &str) -> Option<String> {
    let hints = AddrInfoHints {
        flags: kernel::AI_CANONNAME,
        ..AddrInfoHints::default()
    };
    let found = getaddrinfo(Some(name), None, Some(hints)).ok()?;
    found.flatten().find_map(|info| info.canonname)
}

/// Whether a name would be taken for an address (inet_aton(3) takes many):
/// whoever owns an address can have its PTR record say so.
fn is_address(name: &str) -> bool {
    let hints = AddrInfoHints {
        flags: kernel::AI_NUMERICHOST,
        ..AddrInfoHints::default()
    };
    getaddrinfo(Some(name), None, Some(hints)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_an_address_is_seen() {
        for name in ["10.0.0.1", "10.1", "0x7f.1", "2001:db8::1", "1"] {
            assert!(is_address(name), "{name}");
        }
        for name in ["host", "10.0.0.1.example.com", "a.b", "1.2.3.4.5"] {
            assert!(!is_address(name), "{name}");
        }
    }
}
