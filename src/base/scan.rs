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

    proptest! {
        #[test]
        fn agrees_with_the_plain_loop(bytes: Vec<u8>, start in 0usize..64) {
            let bytes = &bytes[start.min(bytes.len())..];
            prop_assert_eq!(find_control(bytes), find_control_portable(bytes));
        }
    }
}
