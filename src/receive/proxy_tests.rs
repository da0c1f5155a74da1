use proptest::prelude::*;

use super::*;

/// A version 2 header.
fn v2(version_command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let len = (body.len() as u16).to_be_bytes();
    let fixed = [version_command, family, len[0], len[1]];
    [&V2_SIGNATURE[..], &fixed, body].concat()
}

fn ip4_body() -> Vec<u8> {
    let (ports, addresses) = ([0xc8, 0x22, 0x02, 0x02], [192, 0, 2, 1, 203, 0, 113, 7]);
    [&addresses[..], &ports].concat()
}

fn ip6_body() -> Vec<u8> {
    let address = |text: &str| text.parse::<Ipv6Addr>().unwrap().octets();
    let ports = [0xc8, 0x22, 0x02, 0x02];
    [&address("2001:db8::1")[..], &address("::1"), &ports].concat()
}

/// Headers with what they say.
fn headers() -> Vec<(Vec<u8>, Option<&'static str>)> {
    let tlv = [0x04, 0x00, 0x02, 0x00, 0x00];
    let v1 = |line: &str| format!("{line}\r\n").into_bytes();
    vec![
        (
            v1("PROXY TCP4 192.0.2.1 203.0.113.7 51234 514"),
            Some("192.0.2.1:51234"),
        ),
        (
            v1("PROXY TCP6 2001:db8::1 ::1 51234 514"),
            Some("[2001:db8::1]:51234"),
        ),
        (v1("PROXY UNKNOWN"), None),
        (v1("PROXY UNKNOWN ffff:f...f:ffff what ever 65535"), None),
        (v2(0x21, 0x11, &ip4_body()), Some("192.0.2.1:51234")),
        (
            v2(0x21, 0x11, &[&ip4_body()[..], &tlv].concat()),
            Some("192.0.2.1:51234"),
        ),
        (v2(0x21, 0x21, &ip6_body()), Some("[2001:db8::1]:51234")),
        // LOCAL; its addresses do not count.
        (v2(0x20, 0x11, &ip4_body()), None),
        (v2(0x20, 0x00, &[]), None),
        // PROXY, with an unspecified family, and of a unix socket.
        (v2(0x21, 0x00, &tlv), None),
        (v2(0x21, 0x31, &[b'x'; 216]), None),
    ]
}

#[test]
fn headers_say_who_sends_wherever_they_are_cut() {
    for (header, sender) in headers() {
        let sender = sender.map(|text| text.parse().unwrap());
        let len = header.len();
        for cut in 0..len {
            assert_eq!(parse(&header[..cut]), Parsed::Incomplete, "{cut}");
        }
        assert_eq!(parse(&header), Parsed::Header { len, sender });
        let followed = [&header[..], b"<13>PROXY \r\n"].concat();
        assert_eq!(parse(&followed), Parsed::Header { len, sender });
    }
}

#[test]
fn what_is_no_header_is_refused() {
    let too_long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(92));
    assert_eq!(too_long.len(), V1_BYTES_MAX + 1);
    for line in [
        "<13>a message\n",
        "GET / HTTP/1.1\r\n",
        "PROXZ",
        "PROXY\tTCP4",
        "PROXY \r\n",
        "PROXY TCP4 192.0.2.1 203.0.113.7 51234 514\n",
        "PROXY TCP4 192.0.2.1  203.0.113.7 51234 514\r\n",
        "PROXY TCP4 192.0.2.1 203.0.113.7 51234\r\n",
        "PROXY TCP4 192.0.2.1 203.0.113.7 51234 514 1\r\n",
        "PROXY TCP4 192.0.2.1 203.0.113.7 65536 514\r\n",
        "PROXY TCP4 192.0.2.1 203.0.113.7 051 514\r\n",
        "PROXY TCP4 192.0.2.1 203.0.113.7 +51 514\r\n",
        "PROXY TCP4 2001:db8::1 ::1 51234 514\r\n",
        "PROXY TCP6 192.0.2.1 203.0.113.7 51234 514\r\n",
        "PROXY TCP5 192.0.2.1 203.0.113.7 51234 514\r\n",
        "PROXY UNKNOWNS\r\n",
        &too_long,
    ] {
        let parsed = parse(line.as_bytes());
        assert!(matches!(parsed, Parsed::Wrong(_)), "{line:?}: {parsed:?}");
    }
    let long = vec![0; PROXY_HEADER_BYTES_MAX - V2_FIXED_BYTES + 1];
    for header in [
        v2(0x11, 0x11, &ip4_body()),
        v2(0x22, 0x11, &ip4_body()),
        v2(0x21, 0x41, &ip4_body()),
        v2(0x21, 0x13, &ip4_body()),
        v2(0x21, 0x11, &ip4_body()[..11]),
        v2(0x21, 0x21, &ip4_body()),
        v2(0x20, 0x00, &long),
        b"\r\n\r\n\0\r\nQUIX".to_vec(),
    ] {
        let parsed = parse(&header);
        assert!(matches!(parsed, Parsed::Wrong(_)), "{header:?}: {parsed:?}");
    }
}

#[test]
fn the_longest_headers_are_taken() {
    let line = format!("PROXY UNKNOWN {}\r\n", "x".repeat(91));
    assert_eq!(line.len(), V1_BYTES_MAX);
    let header = v2(
        0x20,
        0x00,
        &vec![0; PROXY_HEADER_BYTES_MAX - V2_FIXED_BYTES],
    );
    for bytes in [line.as_bytes(), &header] {
        let len = bytes.len();
        assert_eq!(parse(bytes), Parsed::Header { len, sender: None });
    }
}

/// Bytes like those of headers, damaged.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let header = prop::sample::select(
        headers()
            .into_iter()
            .map(|(bytes, _)| bytes)
            .collect::<Vec<_>>(),
    );
    (
        header,
        any::<prop::sample::Index>(),
        any::<u8>(),
        prop::collection::vec(any::<u8>(), 0..300),
    )
        .prop_map(|(mut bytes, at, byte, behind)| {
            let at = at.index(bytes.len());
            bytes[at] = byte;
            bytes.extend(behind);
            bytes
        })
}

proptest! {
    /// Whatever comes, the answer does not depend on where it is cut, and is
    /// there in time.
    #[test]
    fn the_answer_is_the_same_for_any_cut(
        bytes in prop_oneof![damaged(), prop::collection::vec(any::<u8>(), 0..1500)]
    ) {
        let whole = parse(&bytes);
        for cut in 0..bytes.len() {
            let part = parse(&bytes[..cut]);
            prop_assert!(part == Parsed::Incomplete || part == whole, "{cut}: {part:?} {whole:?}");
        }
        match whole {
            Parsed::Incomplete => prop_assert!(bytes.len() < PROXY_HEADER_BYTES_MAX),
            Parsed::Header { len, .. } => prop_assert!(len <= bytes.len()),
            Parsed::Wrong(_) => {}
        }
    }
}
