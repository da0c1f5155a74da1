//! The scan that framing rests on: where is the next control character?
//!
//! One pass finds both the line feed that ends a frame and the characters that
//! would have to be escaped, at the speed of a plain search for the line feed.

/// Whether `byte` is an ASCII control character (below 0x20, or DEL).
#[inline]
pub const fn is_control(byte: u8) -> bool {
    byte < 0x20 || byte == 0x7f
}

/// Offset of the first control character in `bytes`.
#[inline]
pub fn find_control(bytes: &[u8]) -> Option<usize> {
    #[cfg(target_arch = "x86_64")]
    {
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has AVX2, as just checked.
            return unsafe { avx2::find_control(bytes) };
        }
    }
    find_control_portable(bytes)
}

fn find_control_portable(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|&byte| is_control(byte))
}

/// Number of leading bytes that a hostname may hold: ASCII letters, digits, `.`,
/// `-` and `_`.
#[inline(always)]
pub fn hostname_len(bytes: &[u8]) -> usize {
    let mut offset = 0;
    #[cfg(target_arch = "x86_64")]
    while let Some(block) = bytes[offset..].first_chunk::<{ sse2::WIDTH }>() {
        // SAFETY: SSE2 is part of x86-64.
        let others = unsafe { sse2::not_hostname(block) };
        if others != 0 {
            return offset + others.trailing_zeros() as usize;
        }
        offset += sse2::WIDTH;
    }
    let rest = bytes[offset..].iter();
    offset + rest.take_while(|&&byte| is_hostname(byte)).count()
}

fn is_hostname(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')
}

/// What every x86-64 processor has.
#[cfg(target_arch = "x86_64")]
mod sse2 {
    use std::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128,
        _mm_set1_epi8, _mm_sub_epi8,
    };

    /// Bytes of one vector.
    pub const WIDTH: usize = 16;

    /// One bit for each byte that cannot be part of a hostname.
    #[target_feature(enable = "sse2")]
    #[inline]
    pub fn not_hostname(block: &[u8; WIDTH]) -> u32 {
        // SAFETY: the block has the 16 bytes that are read.
        let bytes = unsafe { _mm_loadu_si128(block.as_ptr().cast::<__m128i>()) };
        let is_upper_or_lower = within(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), b'a', 25);
        let is_digit = within(bytes, b'0', 9);
        let is_dash_or_dot = within(bytes, b'-', 1);
        let is_underscore = within(bytes, b'_', 0);
        let is_hostname = _mm_or_si128(
            _mm_or_si128(is_upper_or_lower, is_digit),
            _mm_or_si128(is_dash_or_dot, is_underscore),
        );
        !(_mm_movemask_epi8(is_hostname) as u32) & 0xffff
    }

    /// All ones for each byte from `first` to `first + span`.
    #[target_feature(enable = "sse2")]
    #[inline]
    fn within(bytes: __m128i, first: u8, span: u8) -> __m128i {
        let offset = _mm_sub_epi8(bytes, _mm_set1_epi8(first as i8));
        _mm_cmpeq_epi8(_mm_min_epu8(offset, _mm_set1_epi8(span as i8)), offset)
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::{
        __m256i, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_min_epu8, _mm256_movemask_epi8,
        _mm256_or_si256, _mm256_set1_epi8,
    };

    /// Bytes of one vector.
    const WIDTH: usize = 32;

    /// As [`super::find_control`], 32 bytes at a time.
    #[target_feature(enable = "avx2")]
    pub fn find_control(bytes: &[u8]) -> Option<usize> {
        let mut offset = 0;
        while offset + WIDTH <= bytes.len() {
            // SAFETY: WIDTH bytes from `offset` on lie inside the slice.
            let mask = unsafe { controls(bytes.as_ptr().add(offset)) };
            if mask != 0 {
                return Some(offset + mask.trailing_zeros() as usize);
            }
            offset += WIDTH;
        }
        super::find_control_portable(&bytes[offset..]).map(|found| offset + found)
    }

    /// One bit for each control character of the 32 bytes at `address`.
    ///
    /// # Safety
    /// 32 bytes must be readable there.
    #[target_feature(enable = "avx2")]
    unsafe fn controls(address: *const u8) -> u32 {
        // SAFETY: readable by contract; the load needs no alignment.
        let bytes = unsafe { _mm256_loadu_si256(address.cast::<__m256i>()) };
        let low = _mm256_cmpeq_epi8(_mm256_min_epu8(bytes, _mm256_set1_epi8(0x1f)), bytes);
        let delete = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(0x7f));
        _mm256_movemask_epi8(_mm256_or_si256(low, delete)) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_byte_is_judged_alike_at_every_place() {
        for byte in 0..=255u8 {
            for place in 0..70 {
                let mut bytes = vec![b'x'; 70];
                bytes[place] = byte;
                let expected = is_control(byte).then_some(place);
                assert_eq!(find_control(&bytes), expected, "{byte} at {place}");
            }
        }
    }

    #[test]
    fn every_byte_ends_a_hostname_or_does_not() {
        for byte in 0..=255u8 {
            for place in 0..40 {
                let mut bytes = vec![b'h'; 40];
                bytes[place] = byte;
                let expected = if is_hostname(byte) { 40 } else { place };
                assert_eq!(hostname_len(&bytes), expected, "{byte} at {place}");
            }
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_plain_loop(bytes: Vec<u8>, start in 0usize..64) {
            let bytes = &bytes[start.min(bytes.len())..];
            prop_assert_eq!(find_control(bytes), find_control_portable(bytes));
        }
    }
}
