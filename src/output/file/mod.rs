//! omfile: messages appended to a file.
//!
//! Whole pages go past the page cache with O_DIRECT, at the end of the file;
//! what is left of a page goes through it. Both are appends (O_APPEND) of real
//! bytes: the file never holds a byte that is not part of a message, whoever
//! looks at it, and whenever (`tail -f`, logrotate's copytruncate, SIGKILL).

mod options;
mod writer;

pub use options::FileOptions;
pub use writer::{FileWriter, Progress};
