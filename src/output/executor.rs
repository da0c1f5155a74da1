//! The I/O of a worker as its drivers see it: tokio-uring in the daemon, a
//! simulation in tests.

use std::io;
use std::ops::Range;

use super::file::FileOptions;
use crate::base::AlignedBuffer;

/// Starts operations and reports their completion; never blocks for longer
/// than opening a file takes.
pub trait Executor {
    /// An open output file.
    type File;

    /// Opens a file for appending and creates it, and its directories, as the
    /// options say.
    ///
    /// # Errors
    /// Those of open(2) and mkdir(2).
    fn open(&mut self, options: &FileOptions) -> io::Result<Opened<Self::File>>;

    /// Bytes of the file now: another program may have truncated it.
    ///
    /// # Errors
    /// Those of fstat(2).
    fn len(&self, file: &Self::File) -> io::Result<u64>;

    /// Starts appending to a file. At most one operation is under way for each
    /// action.
    fn write(&mut self, file: &Self::File, write: Write);

    /// Starts making what was written durable (fdatasync(2)).
    fn sync(&mut self, file: &Self::File, action: usize);

    /// The next completion, if there is one.
    fn complete(&mut self) -> Option<Completion>;
}

/// A file that was opened.
pub struct Opened<F> {
    pub file: F,
    /// Bytes that it has.
    pub len: u64,
    /// Whether whole pages can go past the page cache (O_DIRECT).
    pub is_direct: bool,
}

/// Which way bytes go to the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// Through the page cache; any bytes.
    Cached,
    /// Past it (O_DIRECT): memory, length and end of file at page boundaries.
    Direct,
}

/// An append.
pub struct Write {
    /// Index of the action, named in the completion.
    pub action: usize,
    pub route: Route,
    /// The buffer, given back with the completion.
    pub buffer: AlignedBuffer,
    /// The part of the buffer's content to write.
    pub range: Range<usize>,
}

/// The end of an operation.
pub struct Completion {
    pub action: usize,
    /// The buffer of a write; `None` after a sync.
    pub buffer: Option<AlignedBuffer>,
    /// Bytes written, possibly fewer than asked for; 0 after a sync.
    pub result: io::Result<usize>,
}
