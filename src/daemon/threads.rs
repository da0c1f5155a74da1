//! Threads that say whether they work.

use std::io;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result, anyhow};

use super::terminal;
use crate::base::{kernel, pin};

/// How a thread says that it works, or why it cannot.
pub type Started = mpsc::SyncSender<io::Result<()>>;

/// Starts a thread and waits until it says that it works.
///
/// # Errors
/// What it says instead; no thread can be started.
pub fn start_thread(
    name: &str,
    body: impl FnOnce(Started) + Send + 'static,
) -> Result<JoinHandle<()>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let thread = thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || body(sender))
        .with_context(|| format!("cannot start the thread {name}"))?;
    match receiver.recv() {
        Ok(Ok(())) => Ok(thread),
        Ok(Err(error)) => Err(explain(error)),
        Err(_) => Err(anyhow!("the thread {name} ended at its start")),
    }
}

/// io_uring's errors at start say little by themselves.
fn explain(error: io::Error) -> anyhow::Error {
    match error.raw_os_error() {
        Some(kernel::EPERM) => anyhow!(
            "io_uring is switched off on this machine: {error}; allow it with \
             sysctl kernel.io_uring_disabled=0 (or in the container's seccomp profile)"
        ),
        Some(kernel::ENOSYS) | Some(kernel::EINVAL) => anyhow!(
            "this kernel's io_uring cannot do what is needed: {error}; Linux 6.1 or newer is"
        ),
        Some(kernel::ENOMEM) => {
            anyhow!("no memory for io_uring: {error}; raise the limit of locked memory (ulimit -l)")
        }
        _ => anyhow!("cannot set up io_uring: {error}"),
    }
}

/// Keeps the calling thread to a processor, if one is given.
pub fn pin_to(processor: Option<usize>) {
    if let Some(processor) = processor
        && let Err(error) = pin::pin_thread(processor)
    {
        terminal::warn(format_args!(
            "cannot pin a thread to processor {processor}: {error}"
        ));
    }
}
