//! The ring of provided buffers (io_uring_register_buf_ring(3)): chunks that
//! the kernel may receive into.

use std::io;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::Submitter;
use io_uring::types::BufRingEntry;

use crate::base::Chunk;
use crate::base::mapping::Mapping;

/// Chunks lent to the kernel.
///
/// The kernel takes them in the order of their places, which go round. The
/// buffer's number in the ring is its place, so that the first buffer of a
/// bundle tells the others.
pub struct Buffers {
    group: u16,
    memory: Mapping,
    /// Number of places, a power of two.
    count: u16,
    /// Places filled so far, wrapping.
    tail: u16,
    chunks: Vec<Option<Chunk>>,
    provided: usize,
}

impl Buffers {
    /// Registers an empty ring of `count` places, a power of two, as this group.
    ///
    /// # Errors
    /// Those of mmap(2) and io_uring_register(2); EINVAL before kernel 5.19.
    pub fn register(submitter: &Submitter<'_>, group: u16, count: u16) -> io::Result<Buffers> {
        assert!(count.is_power_of_two());
        let memory = Mapping::new(usize::from(count) * size_of::<BufRingEntry>())?;
        // SAFETY: the mapping is page aligned, large enough, and is unmapped
        // only with the ring that it belongs to.
        unsafe {
            submitter.register_buf_ring_with_flags(memory.as_ptr() as u64, count, group, 0)?;
        }
        Ok(Buffers {
            group,
            memory,
            count,
            tail: 0,
            chunks: (0..count).map(|_| None).collect(),
            provided: 0,
        })
    }

    /// The group's number, for receives.
    pub fn group(&self) -> u16 {
        self.group
    }

    /// Chunks that the kernel has not used yet.
    pub fn provided(&self) -> usize {
        self.provided
    }

    /// Lends a chunk. There must be a free place: there are as many places as
    /// chunks.
    pub fn provide(&mut self, chunk: Chunk) {
        let place = self.tail & (self.count - 1);
        assert!(self.chunks[usize::from(place)].is_none());
        // SAFETY: the place is inside the mapping; the kernel does not read it
        // before the tail has moved past it; the entry type is plain data.
        unsafe {
            let entry = &mut *self
                .memory
                .as_ptr()
                .cast::<BufRingEntry>()
                .add(usize::from(place));
            entry.set_addr(chunk.receive_address() as u64);
            entry.set_len(chunk.size() as u32);
            entry.set_bid(place);
        }
        self.chunks[usize::from(place)] = Some(chunk);
        self.provided += 1;
        self.tail = self.tail.wrapping_add(1);
        // SAFETY: the tail lies in the first entry's reserved field, which is
        // ours to write; it is aligned and outlives the reference.
        let tail = unsafe {
            &*BufRingEntry::tail(self.memory.as_ptr().cast::<BufRingEntry>()).cast::<AtomicU16>()
        };
        // Release: the kernel sees the entry before the tail.
        tail.store(self.tail, Ordering::Release);
    }

    /// The place of the buffer that a completion names.
    pub fn place_of(&self, buffer: u16) -> u16 {
        buffer & (self.count - 1)
    }

    /// The place that the kernel takes after `place`.
    pub fn next_place(&self, place: u16) -> u16 {
        (place + 1) & (self.count - 1)
    }

    /// Takes back the chunk at `place`, which the kernel has filled.
    pub fn take(&mut self, place: u16) -> Option<Chunk> {
        let chunk = self.chunks[usize::from(place)].take()?;
        self.provided -= 1;
        Some(chunk)
    }

    /// Takes back a chunk that the kernel named without filling it.
    pub fn used(&mut self, buffer: u16) -> Option<Chunk> {
        self.take(self.place_of(buffer))
    }
}
