//! How values are written.

use std::net::{IpAddr, Ipv6Addr};

use crate::message::Severity;

/// `on` and its synonyms (rsyslog: `on`, `yes`; `off`, `no`), in any case.
pub(super) fn binary(written: &str) -> Option<bool> {
    match written.to_ascii_lowercase().as_str() {
        "on" | "yes" | "true" => Some(true),
        "off" | "no" | "false" => Some(false),
        _ => None,
    }
}

/// Digits. rsyslog's `parseIntVal` ignores dots and commas in directives.
pub(super) fn number(written: &str, is_legacy: bool) -> Option<u64> {
    if !written.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if is_legacy {
        written.replace(['.', ','], "").parse().ok()
    } else {
        written.parse().ok()
    }
}

pub(super) fn whole(written: &str, is_legacy: bool) -> Option<i64> {
    let (digits, sign) = match written.strip_prefix('-') {
        Some(digits) => (digits, -1),
        None => (written, 1),
    };
    let value = i64::try_from(number(digits, is_legacy)?).ok()?;
    Some(sign * value)
}

/// An address; `*` is all of the host's.
pub(super) fn address(written: &str) -> Option<IpAddr> {
    match written {
        "*" => Some(Ipv6Addr::UNSPECIFIED.into()),
        _ => written.parse().ok(),
    }
}

/// A number and at most one of k, m, g, t and K, M, G, T.
pub(super) fn size(written: &str, is_legacy: bool) -> Option<u64> {
    let (digits, factor) = match written.chars().last()? {
        'k' => (1, 1 << 10),
        'm' => (1, 1 << 20),
        'g' => (1, 1 << 30),
        't' => (1, 1 << 40),
        'K' => (1, 1_000),
        'M' => (1, 1_000_000),
        'G' => (1, 1_000_000_000),
        'T' => (1, 1_000_000_000_000),
        _ => (0, 1),
    };
    let digits = &written[..written.len() - digits];
    number(digits, is_legacy)?.checked_mul(factor)
}

/// A severity, or none.
pub(super) fn severity(written: &str) -> Option<Option<Severity>> {
    if written == "8" || written.eq_ignore_ascii_case("none") {
        return Some(None);
    }
    let number = written.parse().ok().and_then(Severity::new);
    number.or_else(|| Severity::from_name(written)).map(Some)
}

/// `0` and three or four octal digits (rsyslog: "4- or 5-digit").
pub(super) fn mode(written: &str) -> Option<u32> {
    let is_octal = written.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    if matches!(written.len(), 4 | 5) && written.starts_with('0') && is_octal {
        u32::from_str_radix(written, 8).ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_their_units() {
        assert_eq!(size("10000", false), Some(10_000));
        assert_eq!(size("8k", false), Some(8192));
        assert_eq!(size("8K", false), Some(8000));
        assert_eq!(size("1t", false), Some(1 << 40));
        assert_eq!(size("10,000", true), Some(10_000));
        for wrong in ["", "k", "-1", "+1", "8kk", "8 k", "10,000", "99999999999g"] {
            assert_eq!(size(wrong, false), None, "{wrong}");
        }
    }

    #[test]
    fn modes_are_octal() {
        assert_eq!(mode("0640"), Some(0o640));
        assert_eq!(mode("02755"), Some(0o2755));
        for wrong in ["640", "0888", "000640", "+640", ""] {
            assert_eq!(mode(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn numbers_have_a_sign() {
        assert_eq!(whole("-1", false), Some(-1));
        assert_eq!(whole("--1", false), None);
        assert_eq!(whole("1.000", true), Some(1000));
    }
}
