//! Anonymous memory mapped from the kernel: page aligned, zeroed, resident only
//! where it was touched. Huge pages are not asked for: where memory is
//! fragmented the first touch of each waited 10 ms for one.

use std::io;
use std::ptr::NonNull;

/// A private anonymous mapping (mmap(2)).
pub struct Mapping {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping is plain memory without thread affinity; who may write
// which part of it when is the business of the types that own the mapping.
unsafe impl Send for Mapping {}
// SAFETY: as above; `Mapping` itself hands out no reference to its bytes.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps `len` bytes, rounded up to whole pages.
    ///
    /// # Errors
    /// Those of mmap(2), ENOMEM first of all.
    pub fn new(len: usize) -> io::Result<Mapping> {
        let len = len.next_multiple_of(crate::limits::DIRECT_ALIGN);
        // SAFETY: a new anonymous mapping aliases nothing.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                len,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or_else(io::Error::last_os_error)?;
        Ok(Mapping { start, len })
    }

    /// First byte of the mapping.
    pub fn as_ptr(&self) -> *mut u8 {
        self.start.as_ptr()
    }

    /// Length in bytes, a multiple of the page size.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the mapping has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range was mapped by `new` and nobody else unmaps it.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}
