//! Who may talk: networks that are allowed and denied.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A network: an address and the number of its leading bits that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// With all bits behind the counting ones 0; IPv4 addresses as such.
    address: IpAddr,
    bits: u8,
}

/// Why a text is no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkError {
    /// It does not begin with an address: a name, a wildcard.
    NotAnAddress,
    /// What stands behind `/` is no number of bits of such an address.
    Bits,
}

/// Whose connections a listener takes. Unix sockets have permissions instead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessOptions {
    /// `$AllowedSender TCP`; empty: all.
    pub allowed_senders: Vec<Network>,
    /// `allow`; empty: all.
    pub allow: Vec<Network>,
    /// `deny`, which wins.
    pub deny: Vec<Network>,
}

impl AccessOptions {
    /// Whether nobody is kept out.
    pub fn is_open(&self) -> bool {
        self.allowed_senders.is_empty() && self.allow.is_empty() && self.deny.is_empty()
    }

    /// Whether a peer of this address may talk.
    pub fn permits(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let is_in = |networks: &[Network]| {
            let mut networks = networks.iter();
            networks.any(|network| network.contains(address))
        };
        let passes = |networks: &[Network]| networks.is_empty() || is_in(networks);
        !is_in(&self.deny) && passes(&self.allow) && passes(&self.allowed_senders)
    }
}

impl Network {
    /// Leading bits that count; 0: it is all addresses.
    pub fn bits(&self) -> u8 {
        self.bits
    }

    /// Whether the address, IPv4 ones as such, lies in it.
    fn contains(&self, address: IpAddr) -> bool {
        masked(address, self.bits).is_some_and(|masked| masked == self.address)
    }
}

/// The address with all bits behind the first `bits` 0; `None` where it has not
/// as many.
fn masked(address: IpAddr, bits: u8) -> Option<IpAddr> {
    let bits = u32::from(bits);
    match address {
        IpAddr::V4(address) => {
            let behind = u32::MAX.checked_shr(bits).unwrap_or(0);
            (bits <= 32).then(|| Ipv4Addr::from_bits(address.to_bits() & !behind).into())
        }
        IpAddr::V6(address) => {
            let behind = u128::MAX.checked_shr(bits).unwrap_or(0);
            (bits <= 128).then(|| Ipv6Addr::from_bits(address.to_bits() & !behind).into())
        }
    }
}

/// `192.0.2.1`, `192.0.2.0/24`, `[2001:db8::]/32`, the brackets left out or not.
impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Network, NetworkError> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let inside = address
            .strip_prefix('[')
            .and_then(|text| text.strip_suffix(']'));
        let address = match inside {
            Some(inside) => inside.parse::<Ipv6Addr>().map(IpAddr::V6),
            None => address.parse(),
        };
        let address = address.map_err(|_| NetworkError::NotAnAddress)?;
        let all = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => all,
            Some(bits) if bits.bytes().all(|byte| byte.is_ascii_digit()) => {
                bits.parse().map_err(|_| NetworkError::Bits)?
            }
            Some(_) => return Err(NetworkError::Bits),
        };
        // Peers of a dual-stack socket are compared as IPv4 addresses.
        let (address, bits) = match address.to_canonical() {
            canonical if canonical != address && bits >= 96 => (canonical, bits - 96),
            _ => (address, bits),
        };
        let address = masked(address, bits).ok_or(NetworkError::Bits)?;
        Ok(Network { address, bits })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(texts: &[&str]) -> Vec<Network> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn permits(access: &AccessOptions, address: &str) -> bool {
        access.permits(address.parse().unwrap())
    }

    #[test]
    fn networks_have_their_notations() {
        for (text, shown) in [
            ("127.0.0.1", "127.0.0.1/32"),
            ("192.0.2.77/24", "192.0.2.0/24"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("[::1]/128", "::1/128"),
            ("[::1]", "::1/128"),
            ("2001:db8:ffff::/33", "2001:db8:8000::/33"),
            ("::ffff:192.0.2.1/120", "192.0.2.0/24"),
        ] {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), shown);
        }
        for (text, error) in [
            ("", NetworkError::NotAnAddress),
            ("*.example.net", NetworkError::NotAnAddress),
            ("[192.0.2.1]", NetworkError::NotAnAddress),
            ("192.0.2.1/33", NetworkError::Bits),
            ("192.0.2.1/", NetworkError::Bits),
            ("192.0.2.1/+8", NetworkError::Bits),
            ("::1/129", NetworkError::Bits),
            ("::1/1000", NetworkError::Bits),
        ] {
            assert_eq!(text.parse::<Network>(), Err(error), "{text}");
        }
    }

    #[test]
    fn without_lists_all_may_talk() {
        let open = AccessOptions::default();
        assert!(open.is_open());
        assert!(permits(&open, "192.0.2.1") && permits(&open, "::1"));
    }

    #[test]
    fn deny_wins_and_every_list_of_the_allowed_counts() {
        let access = AccessOptions {
            allowed_senders: networks(&["192.0.2.0/24", "[2001:db8::]/32"]),
            allow: networks(&["192.0.2.0/25", "2001:db8::/48", "203.0.113.1"]),
            deny: networks(&["192.0.2.13"]),
        };
        assert!(!access.is_open());
        assert!(permits(&access, "192.0.2.12"));
        assert!(
            permits(&access, "::ffff:192.0.2.12"),
            "of a dual-stack socket"
        );
        assert!(!permits(&access, "192.0.2.13"), "denied");
        assert!(!permits(&access, "::ffff:192.0.2.13"), "denied");
        assert!(!permits(&access, "192.0.2.128"), "not in allow");
        assert!(!permits(&access, "203.0.113.1"), "not in $AllowedSender");
        assert!(permits(&access, "2001:db8::1"));
        assert!(!permits(&access, "2001:db8:1::1"));
        assert!(!permits(&access, "::1"));
    }

    #[test]
    fn no_bits_are_all_addresses_of_the_family() {
        let access = AccessOptions {
            allow: networks(&["0.0.0.0/0"]),
            ..AccessOptions::default()
        };
        assert!(permits(&access, "255.255.255.255"));
        assert!(!permits(&access, "::1"));
    }
}
