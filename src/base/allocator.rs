//! What the global allocator (mimalloc) keeps.

/// Gives memory that the calling thread has no use for back to the kernel. What
/// other threads have freed of what this one allocated stays its own until it
/// allocates again, or calls this. A look at all that the thread has: for quiet
/// moments.
pub fn give_back() {
    // SAFETY: it may be called by any thread at any time; it touches what is free
    // only.
    unsafe { libmimalloc_sys::mi_collect(true) }
}
