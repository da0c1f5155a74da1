//! Eight bytes at a time in a `u64`: the first byte is the lowest lane.

/// Bytes of a block.
pub const BYTES: usize = 8;

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Eight bytes of a text; NULs stand behind its end.
#[derive(Clone, Copy)]
pub struct Block(u64);

/// Which bytes of a block have some property: 0x80 in the lanes of those. A
/// lane above the first one may be set wrongly.
#[derive(Clone, Copy)]
pub struct Lanes(u64);

impl Block {
    /// The bytes of `text` from `at` on, which is at most its length.
    #[inline(always)]
    pub fn load(text: &[u8], at: usize) -> Block {
        let rest = &text[at..];
        match rest.first_chunk::<BYTES>() {
            Some(bytes) => Block(u64::from_le_bytes(*bytes)),
            None => Block::padded(rest),
        }
    }

    /// The less than eight bytes at the end of a text.
    #[inline(never)]
    fn padded(rest: &[u8]) -> Block {
        let mut bytes = [0; BYTES];
        bytes[..rest.len()].copy_from_slice(rest);
        Block(u64::from_le_bytes(bytes))
    }

    /// Bytes that equal `byte`.
    #[inline(always)]
    pub const fn equal(self, byte: u8) -> Lanes {
        let difference = self.0 ^ splat(byte);
        Lanes(difference.wrapping_sub(LOW) & !difference & HIGH)
    }

    /// Bytes that equal one of two.
    #[inline(always)]
    pub const fn either(self, one: u8, other: u8) -> Lanes {
        Lanes(self.equal(one).0 | self.equal(other).0)
    }

    /// Bytes that cannot be part of a hostname: all but ASCII letters, digits,
    /// `.`, `-` and `_`.
    #[inline(always)]
    pub const fn outside_hostname(self) -> Lanes {
        let seven = self.0 & !HIGH;
        let folded = seven | splat(0x20);
        let letter = at_least(folded, b'a') & !at_least(folded, b'z' + 1);
        let dash_to_nine = at_least(seven, b'-') & !at_least(seven, b'9' + 1);
        let slash = !at_least(seven ^ splat(b'/'), 1);
        let underscore = !at_least(seven ^ splat(b'_'), 1);
        let inside = letter | dash_to_nine & !slash | underscore;
        Lanes((!inside | self.0) & HIGH)
    }
}

/// `byte` in every lane.
const fn splat(byte: u8) -> u64 {
    LOW * byte as u64
}

/// 0x80 in the lanes that are at least `byte`; all are below 0x80.
#[inline(always)]
const fn at_least(word: u64, byte: u8) -> u64 {
    word + splat(0x80 - byte)
}

impl Lanes {
    /// Index of the first byte that has the property.
    #[inline(always)]
    pub fn first(self) -> Option<usize> {
        (self.0 != 0).then(|| self.0.trailing_zeros() as usize / 8)
    }
}

/// Offset of the first byte from `start` on that `property` finds, or `end`.
#[inline(always)]
pub fn find(text: &[u8], start: usize, end: usize, property: impl Fn(Block) -> Lanes) -> usize {
    let mut at = start;
    while at < end {
        if let Some(lane) = property(Block::load(text, at)).first() {
            return end.min(at + lane);
        }
        at += BYTES;
    }
    end
}

/// Whether each byte of `word`, exclusive-or that of `base`, is at most that of
/// `most`; bytes of `most` are below 0x80.
#[inline(always)]
pub const fn within(word: u64, base: &[u8; 8], most: [u8; 8]) -> bool {
    let value = word ^ u64::from_le_bytes(*base);
    let room = !HIGH - u64::from_le_bytes(most);
    let too_large = (value & !HIGH) + room;
    (value | too_large) & HIGH == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_hostname_byte(byte: u8) -> bool {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')
    }

    #[test]
    fn every_byte_is_classed_alike_in_every_lane() {
        for byte in 0..=255u8 {
            for lane in 0..BYTES {
                let mut bytes = [b'x'; BYTES];
                bytes[lane] = byte;
                let block = Block::load(&bytes, 0);
                let outside = (!is_hostname_byte(byte)).then_some(lane);
                assert_eq!(
                    block.outside_hostname().first(),
                    outside,
                    "{byte} at {lane}"
                );
                let equal = (byte == b':').then_some(lane);
                assert_eq!(block.equal(b':').first(), equal, "{byte} at {lane}");
                let either = (byte == b':' || byte == b' ').then_some(lane);
                assert_eq!(block.either(b':', b' ').first(), either, "{byte} at {lane}");
            }
        }
    }

    #[test]
    fn a_search_ends_where_it_should() {
        let text = b"0123456789012345678901234567890:2";
        let colon = |block: Block| block.equal(b':');
        for start in 0..=31 {
            assert_eq!(find(text, start, text.len(), colon), 31);
            assert_eq!(find(text, start, 31, colon), 31);
        }
        assert_eq!(find(text, 0, 20, colon), 20);
        assert_eq!(find(text, 32, text.len(), colon), text.len());
        assert_eq!(find(text, 33, text.len(), colon), text.len());
    }

    #[test]
    fn bytes_are_bounded_one_by_one() {
        for (text, expected) in [
            (b"00:00:00", true),
            (b"29:59:69", true),
            (b"30:00:00", false),
            (b"00;00:00", false),
            (b"00:0/:00", false),
            (b"\xb00:00:00", false),
        ] {
            let most = [2, 9, 0, 5, 9, 0, 6, 9];
            assert_eq!(
                within(u64::from_le_bytes(*text), b"00:00:00", most),
                expected,
                "{text:?}"
            );
        }
    }
}
