//! Descriptors that the service manager opened for the process
//! (sd_listen_fds(3)).

use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// The descriptors that `LISTEN_FDS` counts where `LISTEN_PID` is this process,
/// each with its name from `LISTEN_FDNAMES`; close-on-exec is set. None from
/// the second call on: they have an owner then.
///
/// # Errors
/// EBADF where one of them is not open; EINVAL where the variables are no
/// numbers, or name another count of descriptors.
pub fn take() -> io::Result<Vec<(OwnedFd, String)>> {
    if IS_TAKEN.swap(true, Ordering::AcqRel) {
        return Ok(Vec::new());
    }
    let descriptors = sd_notify::listen_fds_with_names()?;
    Ok(descriptors
        .map(|(descriptor, name)| {
            // SAFETY: it is open, for fcntl(2) was done on it; by the protocol
            // it is this process's, and the flag above gives it away once.
            (unsafe { OwnedFd::from_raw_fd(descriptor) }, name)
        })
        .collect())
}
