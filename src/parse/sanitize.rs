//! Escaping of control characters.

/// What an escaped character begins with: the default of rsyslog's
/// `$ControlCharacterEscapePrefix`.
const PREFIX: u8 = b'#';

/// Whether [`sanitize`] changes this byte: the C0 control characters, tab
/// included. rsyslog leaves DEL and everything above it as they are.
#[inline]
pub const fn needs_sanitizing(byte: u8) -> bool {
    byte < 0x20
}

/// Appends `frame` to `out` as rsyslog's `SanitizeMsg` leaves it by default
/// (`$EscapeControlCharactersOnReceive on`, `$DropTrailingLFOnReception on`):
/// one NUL at the end is dropped, then one line feed at the end, and each
/// other control character becomes `#` and three octal digits.
///
/// rsyslog cuts the result at `$MaxMessageSize`; here it may grow to four times
/// the frame's length, so that nothing is lost.
pub fn sanitize(frame: &[u8], out: &mut Vec<u8>) {
    let frame = frame.strip_suffix(b"\0").unwrap_or(frame);
    let frame = frame.strip_suffix(b"\n").unwrap_or(frame);
    let mut clean_from = 0;
    for (index, &byte) in frame.iter().enumerate() {
        if needs_sanitizing(byte) {
            out.extend_from_slice(&frame[clean_from..index]);
            out.extend_from_slice(&escaped(byte));
            clean_from = index + 1;
        }
    }
    out.extend_from_slice(&frame[clean_from..]);
}

const fn escaped(byte: u8) -> [u8; 4] {
    [
        PREFIX,
        b'0' + (byte >> 6),
        b'0' + (byte >> 3 & 7),
        b'0' + (byte & 7),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sanitized(frame: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        sanitize(frame, &mut out);
        out
    }

    #[test]
    fn control_characters_become_octal() {
        assert_eq!(sanitized(b"a\tb\x1b[1m\r\x00c"), b"a#011b#033[1m#015#000c");
    }

    #[test]
    fn delete_and_eight_bit_characters_stay() {
        assert_eq!(sanitized(b"a\x7f\x80\xff\ta"), b"a\x7f\x80\xff#011a");
    }

    #[test]
    fn one_nul_and_one_line_feed_are_dropped_at_the_end() {
        assert_eq!(sanitized(b"a\n\0"), b"a");
        assert_eq!(sanitized(b"a\0\n"), b"a#000");
        assert_eq!(sanitized(b"a\0\0"), b"a#000");
        assert_eq!(sanitized(b"a\n\n"), b"a#012");
        assert_eq!(sanitized(b"\0"), b"");
        assert_eq!(sanitized(b"\n"), b"");
        assert_eq!(sanitized(b""), b"");
    }

    #[test]
    fn appends() {
        let mut out = b"before".to_vec();
        sanitize(b"\x01", &mut out);
        assert_eq!(out, b"before#001");
    }
}
