//! PRI (RFC 3164 section 4.1.1, RFC 5424 section 6.2.1).

use crate::message::Priority;

/// The priority of a message and the offset of the first byte behind PRI.
///
/// Without `<` there is no PRI: user.notice. `None` if there is one that
/// cannot be used (no `>`, or above 191): then nothing of the message may be
/// taken for a header. `<>` is 0, and leading zeros do no harm.
#[inline(always)]
pub fn parse(text: &[u8]) -> Option<(Priority, usize)> {
    // Two and three digits, by far the most frequent, without a loop.
    if let Some([b'<', a, b, c, d]) = text.first_chunk() {
        let [tens, ones] = [a, b].map(|digit| u16::from(digit.wrapping_sub(b'0')));
        let two = tens * 10 + ones;
        let last = u16::from(c.wrapping_sub(b'0'));
        if tens < 10 && ones < 10 && *c == b'>' {
            return Some((Priority::new(two as u8)?, 4));
        }
        if tens < 10 && ones < 10 && last < 10 && *d == b'>' {
            let value = u8::try_from(two * 10 + last).ok()?;
            return Some((Priority::new(value)?, 5));
        }
    }
    parse_any(text)
}

/// As [`parse`], for any number of digits.
fn parse_any(text: &[u8]) -> Option<(Priority, usize)> {
    if text.first() != Some(&b'<') {
        return Some((Priority::DEFAULT, 0));
    }
    let mut value = 0u8;
    let mut at = 1;
    while let Some(digit) = digit(text, at) {
        // Above 255 more digits cannot mend it.
        value = value.checked_mul(10)?.checked_add(digit)?;
        at += 1;
    }
    if text.get(at) != Some(&b'>') {
        return None;
    }
    Some((Priority::new(value)?, at + 1))
}

fn digit(text: &[u8], at: usize) -> Option<u8> {
    let digit = text.get(at)?.wrapping_sub(b'0');
    (digit < 10).then_some(digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &[u8]) -> Option<(u8, usize)> {
        parse(text).map(|(priority, end)| (priority.value(), end))
    }

    #[test]
    fn usable_values() {
        assert_eq!(value(b"<0>x"), Some((0, 3)));
        assert_eq!(value(b"<191>x"), Some((191, 5)));
        assert_eq!(value(b"<0013>x"), Some((13, 6)));
        assert_eq!(value(b"<>x"), Some((0, 2)));
    }

    #[test]
    fn none_at_all() {
        assert_eq!(value(b""), Some((13, 0)));
        assert_eq!(value(b" <13>x"), Some((13, 0)));
    }

    #[test]
    fn unusable_values() {
        for text in [
            &b"<"[..],
            b"<13",
            b"<13x>",
            b"<-1>",
            b"< 13>",
            b"<192>",
            b"<999>",
            b"<1913>",
            b"<00000000000000000000192>",
        ] {
            assert_eq!(value(text), None);
        }
    }
}
