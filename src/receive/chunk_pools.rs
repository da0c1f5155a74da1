//! The chunks of a reactor.

use std::io;
use std::sync::Arc;

use crate::base::{ChunkPool, Sleeper};
use crate::limits::{CHUNK_BYTES, DATAGRAM_HEAD_BYTES, SHORT_CHUNK_BYTES};

/// Bytes that two processors do not share.
const CACHE_LINE: usize = 64;

/// What a reactor receives into: whole chunks, which batches may keep for a
/// while, and short ones, which come back within the turn.
pub struct ChunkPools {
    pub whole: Arc<ChunkPool>,
    pub short: Arc<ChunkPool>,
    /// For datagrams, where there are any; used as the short ones are.
    pub datagrams: Option<Arc<ChunkPool>>,
}

impl ChunkPools {
    /// Pools of so many chunks. The whole ones have `headroom` bytes for a frame
    /// that was cut; `owner` is woken when one of them comes back.
    ///
    /// # Errors
    /// Those of mmap(2).
    pub fn new(
        whole: u16,
        short: u16,
        headroom: usize,
        owner: Arc<Sleeper>,
    ) -> io::Result<ChunkPools> {
        let nobody = Arc::new(Sleeper::new(|| {}));
        Ok(ChunkPools {
            whole: ChunkPool::new(whole, CHUNK_BYTES, headroom, owner)?,
            short: ChunkPool::new(short, SHORT_CHUNK_BYTES, 0, nobody)?,
            datagrams: None,
        })
    }

    /// The same with so many chunks for datagrams of at most `bytes`.
    ///
    /// # Errors
    /// Those of mmap(2).
    pub fn with_datagrams(mut self, count: u16, bytes: usize) -> io::Result<ChunkPools> {
        let nobody = Arc::new(Sleeper::new(|| {}));
        let size = (DATAGRAM_HEAD_BYTES + bytes).next_multiple_of(CACHE_LINE);
        self.datagrams = Some(ChunkPool::new(count, size, 0, nobody)?);
        Ok(self)
    }
}
