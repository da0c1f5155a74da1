//! Eight bytes at a time in a `u64`: the first byte is the lowest lane.

/// Bytes of a block.
pub const BYTES: usize = 8;

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Eight bytes of a text; NULs stand behind its end.
#[derive(Clone, Copy)]
pub struct Block(u64);

/// Which bytes of a block have some property: 0x80 in the lanes of those.
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
        let is_not_zero = ((difference & !HIGH) + !HIGH) | difference;
        Lanes(!is_not_zero & HIGH)
    }

    /// Bytes that equal one of two.
    #[inline(always)]
    pub const fn either(self, one: u8, other: u8) -> Lanes {
        Lanes(self.equal(one).0 | self.equal(other).0)
    }
}

/// `byte` in every lane.
const fn splat(byte: u8) -> u64 {
    LOW * byte as u64
}

impl Lanes {
    /// Index of the first byte that has the property.
    #[inline(always)]
    fn first(self) -> Option<usize> {
        (self.0 != 0).then(|| self.0.trailing_zeros() as usize / 8)
    }

    /// The same without the first.
    #[inline(always)]
    fn without_first(self) -> Lanes {
        Lanes(self.0 & self.0.wrapping_sub(1))
    }
}

/// The places where a text has a certain byte, one after the other.
pub struct Places<'a> {
    text: &'a [u8],
    byte: u8,
    /// Offset of the block in hand, and what is left of it.
    block: usize,
    lanes: Lanes,
}

impl<'a> Places<'a> {
    /// The places of `byte` from `start` on, which is at most the text's length.
    #[inline(always)]
    pub fn new(text: &'a [u8], start: usize, byte: u8) -> Places<'a> {
        Places {
            text,
            byte,
            block: start,
            lanes: Block::load(text, start).equal(byte),
        }
    }

    /// Offset of the next place; the text's length if there is none.
    #[inline(always)]
    pub fn next(&mut self) -> usize {
        loop {
            if let Some(lane) = self.lanes.first() {
                self.lanes = self.lanes.without_first();
                return self.block + lane;
            }
            if self.text.len() - self.block <= BYTES {
                return self.text.len();
            }
            self.block += BYTES;
            self.lanes = Block::load(self.text, self.block).equal(self.byte);
        }
    }
}

/// Offset of the first `one` or `other` in `text[start..end]`, or `end`.
#[inline(always)]
pub fn find_either(text: &[u8], start: usize, end: usize, one: u8, other: u8) -> usize {
    let mut at = start;
    while at < end {
        if let Some(lane) = Block::load(text, at).either(one, other).first() {
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

    #[test]
    fn a_byte_is_found_in_every_lane() {
        for byte in 0..=255u8 {
            for lane in 0..BYTES {
                for other in [b':' - 1, b':' + 1, b':' | 0x80, b'x'] {
                    let mut bytes = [other; BYTES];
                    bytes[lane] = byte;
                    let is_colon = byte == b':';
                    let lanes = Block::load(&bytes, 0).equal(b':');
                    assert_eq!(lanes.first(), is_colon.then_some(lane), "{bytes:?}");
                    let found = find_either(&bytes, 0, BYTES, b':', b' ');
                    let is_found = is_colon || byte == b' ';
                    assert_eq!(found, if is_found { lane } else { BYTES }, "{bytes:?}");
                }
            }
        }
    }

    #[test]
    fn a_search_ends_where_it_should() {
        let text = b"0123456789012345678901234567890:2";
        let find = |start, end| find_either(text, start, end, b':', b' ');
        for start in 0..=31 {
            assert_eq!(find(start, text.len()), 31);
            assert_eq!(find(start, 31), 31);
        }
        assert_eq!(find(0, 20), 20);
        assert_eq!(find(32, text.len()), text.len());
        assert_eq!(find(33, text.len()), text.len());
    }

    #[test]
    fn places_are_given_in_order() {
        let text = b"  !  a long word, and   another     ";
        for start in 0..=text.len() {
            let mut places = Places::new(text, start, b' ');
            for at in (start..text.len()).filter(|&at| text[at] == b' ') {
                assert_eq!(places.next(), at, "from {start}");
            }
            assert_eq!(places.next(), text.len());
            assert_eq!(places.next(), text.len());
        }
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
            let word = u64::from_le_bytes(*text);
            assert_eq!(within(word, b"00:00:00", most), expected, "{text:?}");
        }
    }
}
