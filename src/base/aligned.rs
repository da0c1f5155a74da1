//! Byte buffers whose content starts at a chosen place within a page, as
//! O_DIRECT wants it.

use crate::limits::DIRECT_ALIGN;

/// Bytes whose first one lies `phase` bytes behind a page boundary in memory,
/// so that whole pages of a file that starts at the same phase lie on whole
/// pages of memory.
///
/// The alignment holds as long as the content stays within the capacity;
/// beyond it the buffer serves all the same, but [`phase_at`](Self::phase_at)
/// says another phase.
#[derive(Default)]
pub struct AlignedBuffer {
    bytes: Vec<u8>,
    begin: usize,
}

impl AlignedBuffer {
    /// An empty buffer for `capacity` bytes whose content starts at `phase`.
    pub fn with_capacity(capacity: usize, phase: usize) -> AlignedBuffer {
        let mut buffer = AlignedBuffer {
            bytes: Vec::with_capacity(capacity + 2 * DIRECT_ALIGN),
            begin: 0,
        };
        buffer.reset(phase);
        buffer
    }

    /// Forgets the content; the next one starts `phase` bytes (modulo a page)
    /// behind a page boundary.
    pub fn reset(&mut self, phase: usize) {
        let address = self.bytes.as_ptr() as usize;
        self.begin = phase.wrapping_sub(address) % DIRECT_ALIGN;
        self.bytes.clear();
        self.bytes.resize(self.begin, 0);
    }

    /// The vector to append to. Only append.
    pub fn tail(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Length of the vector when there are `len` bytes of content.
    pub fn tail_len(&self, len: usize) -> usize {
        self.begin + len
    }

    /// Bytes of content.
    pub fn len(&self) -> usize {
        self.bytes.len() - self.begin
    }

    /// Whether there is no content.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that the buffer can hold without losing its alignment.
    pub fn capacity(&self) -> usize {
        self.bytes.capacity() - self.begin
    }

    /// The content from `start` on.
    pub fn content(&self, start: usize) -> &[u8] {
        &self.bytes[self.begin + start..]
    }

    /// Where byte `start` of the content lies within a page of memory.
    pub fn phase_at(&self, start: usize) -> usize {
        (self.bytes.as_ptr() as usize + self.begin + start) % DIRECT_ALIGN
    }

    /// The memory, and the offset of the content in it, for an operation that
    /// owns it meanwhile.
    pub fn into_parts(self) -> (Vec<u8>, usize) {
        (self.bytes, self.begin)
    }

    /// The inverse of [`into_parts`](Self::into_parts).
    pub fn from_parts(bytes: Vec<u8>, begin: usize) -> AlignedBuffer {
        assert!(begin <= bytes.len());
        AlignedBuffer { bytes, begin }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_starts_at_its_phase() {
        let mut buffer = AlignedBuffer::with_capacity(10_000, 0);
        for phase in [0, 1, 100, 4095, 4096 + 7] {
            buffer.reset(phase);
            assert!(buffer.is_empty());
            buffer.tail().extend_from_slice(&[7; 10_000]);
            assert_eq!(buffer.phase_at(0), phase % DIRECT_ALIGN);
            assert_eq!(buffer.phase_at(5), (phase + 5) % DIRECT_ALIGN);
            assert_eq!((buffer.len(), buffer.content(9_000).len()), (10_000, 1_000));
        }
    }
}
