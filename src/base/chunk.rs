//! Receive chunks: the buffers that a reactor's sockets are read into.
//!
//! A chunk is headroom followed by receive space. A frame that was cut by the
//! end of one chunk is copied to the end of the next one's headroom, so every
//! frame is contiguous. The pool never grows; a chunk returns to it when the
//! last batch that shows into it is gone, from whatever thread.

use std::io;
use std::sync::Arc;

use crossbeam_queue::ArrayQueue;

use super::mapping::Mapping;
use super::text::Lent;
use super::wake::Sleeper;
use crate::limits::DIRECT_ALIGN;

/// A fixed number of chunks in one mapping.
pub struct ChunkPool {
    memory: Mapping,
    headroom: usize,
    size: usize,
    count: usize,
    free: ArrayQueue<u16>,
    /// Woken when a chunk comes back while the reactor waits for one.
    owner: Arc<Sleeper>,
}

/// One chunk, owned: nobody else reads or writes it.
pub struct Chunk {
    pool: Arc<ChunkPool>,
    index: u16,
}

impl ChunkPool {
    /// A pool of `count` chunks of `size` bytes, each behind `headroom` bytes;
    /// `owner` is woken when a chunk is returned while it waits.
    ///
    /// # Errors
    /// Those of mmap(2).
    pub fn new(
        count: u16,
        size: usize,
        headroom: usize,
        owner: Arc<Sleeper>,
    ) -> io::Result<Arc<ChunkPool>> {
        let headroom = headroom.next_multiple_of(DIRECT_ALIGN);
        let count = usize::from(count);
        let memory = Mapping::new(count * (headroom + size))?;
        let free = ArrayQueue::new(count);
        for index in 0..count as u16 {
            // Cannot fail: the queue has a place for each chunk.
            let _ = free.push(index);
        }
        Ok(Arc::new(ChunkPool {
            memory,
            headroom,
            size,
            count,
            free,
            owner,
        }))
    }

    /// A free chunk, if there is one.
    pub fn take(self: &Arc<Self>) -> Option<Chunk> {
        let index = self.free.pop()?;
        Some(Chunk {
            pool: Arc::clone(self),
            index,
        })
    }

    /// Chunks that are in the pool now.
    pub fn free_count(&self) -> usize {
        self.free.len()
    }

    /// Chunks of the pool, free or not.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Who is woken when a chunk comes back.
    pub fn owner(&self) -> &Sleeper {
        &self.owner
    }

    /// Bytes in front of the receive space of each chunk.
    pub fn headroom(&self) -> usize {
        self.headroom
    }

    fn stride(&self) -> usize {
        self.headroom + self.size
    }
}

impl Chunk {
    /// Number of the chunk in its pool.
    pub fn index(&self) -> u16 {
        self.index
    }

    /// Where the receive space starts, in bytes from the chunk's first byte.
    pub fn headroom(&self) -> usize {
        self.pool.headroom
    }

    /// Length of the receive space in bytes.
    pub fn size(&self) -> usize {
        self.pool.size
    }

    /// Address of the receive space, for the kernel.
    pub fn receive_address(&self) -> *mut u8 {
        // SAFETY: index < count, so the address lies inside the mapping.
        unsafe { self.base().add(self.pool.headroom) }
    }

    /// All bytes, headroom first.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the range lies inside the mapping (index < count), is
        // initialised (zeroed by the kernel), and is owned by this value alone.
        unsafe { std::slice::from_raw_parts(self.base(), self.pool.stride()) }
    }

    /// All bytes, headroom first.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`; `&mut self` makes the borrow exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.base(), self.pool.stride()) }
    }

    fn base(&self) -> *mut u8 {
        let offset = usize::from(self.index) * self.pool.stride();
        debug_assert!(offset + self.pool.stride() <= self.pool.memory.len());
        // SAFETY: index < count, so the offset lies inside the mapping.
        unsafe { self.pool.memory.as_ptr().add(offset) }
    }
}

impl Lent for Chunk {
    fn bytes(&self) -> &[u8] {
        Chunk::bytes(self)
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        // Cannot fail: the queue has a place for each chunk.
        let _ = self.pool.free.push(self.index);
        self.pool.owner.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(count: u16) -> Arc<ChunkPool> {
        ChunkPool::new(count, 4096, 100, Arc::new(Sleeper::new(|| {}))).unwrap()
    }

    #[test]
    fn chunks_come_back_and_do_not_overlap() {
        let pool = pool(3);
        let mut chunks: Vec<Chunk> = std::iter::from_fn(|| pool.take()).collect();
        assert_eq!(chunks.len(), 3);
        for (number, chunk) in chunks.iter_mut().enumerate() {
            chunk.bytes_mut().fill(number as u8 + 1);
        }
        for (number, chunk) in chunks.iter().enumerate() {
            assert!(chunk.bytes().iter().all(|&byte| byte == number as u8 + 1));
            assert_eq!(chunk.headroom(), DIRECT_ALIGN);
        }
        drop(chunks);
        assert_eq!(pool.free_count(), 3);
    }

    #[test]
    fn the_owner_is_woken_only_while_it_sleeps() {
        use std::sync::atomic::{AtomicUsize, Ordering};
        let woken = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&woken);
        let owner = Arc::new(Sleeper::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
        }));
        let pool = ChunkPool::new(1, 4096, 0, Arc::clone(&owner)).unwrap();
        drop(pool.take());
        assert_eq!(woken.load(Ordering::Relaxed), 0);
        owner.prepare();
        drop(pool.take());
        drop(pool.take());
        assert_eq!(woken.load(Ordering::Relaxed), 1);
    }
}
