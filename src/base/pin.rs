//! Threads on processors.

use std::io;

/// Pins the calling thread to one processor, counted from 0
/// (sched_setaffinity(2)).
///
/// # Errors
/// EINVAL where the processor does not exist or is not allowed.
pub fn pin_thread(processor: usize) -> io::Result<()> {
    if processor >= libc::CPU_SETSIZE as usize {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    // SAFETY: a zeroed cpu_set_t is an empty set; the index is checked above.
    let result = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(processor, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set)
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Processors that this process may run on.
pub fn processor_count() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
