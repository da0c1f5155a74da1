//! The chunks of a reactor.

use std::io;
use std::sync::Arc;

use crate::base::{ChunkPool, Sleeper};
use crate::limits::{CHUNK_BYTES, SHORT_CHUNK_BYTES};

/// What a reactor receives into: whole chunks, which batches may keep for a
/// while, and short ones, which come back within the turn.
pub struct ChunkPools {
    pub whole: Arc<ChunkPool>,
    pub short: Arc<ChunkPool>,
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
        })
    }
}
