//! The parameters of omfile and their defaults.

use std::path::PathBuf;

/// Parameters of one `action(type="omfile" …)` with a static file.
#[derive(Clone, Debug, PartialEq)]
pub struct FileOptions {
    /// `file`.
    pub path: PathBuf,
    /// `createDirs`.
    pub create_dirs: bool,
    /// `fileCreateMode`, before the umask.
    pub file_create_mode: u32,
    /// `dirCreateMode`, before the umask.
    pub dir_create_mode: u32,
    /// `sync`: each write is durable before its messages count as delivered.
    /// In a selector line every path without a leading `-` asks for it, but
    /// only with `$ActionFileEnableSync on`, as in rsyslog.
    pub sync: bool,
    /// Whether another action writes the same file: then each write has to end
    /// where a message ends, or theirs would be put inside.
    pub is_shared: bool,
}

impl FileOptions {
    /// Defaults of omfile for a file at `path`.
    pub fn new(path: impl Into<PathBuf>) -> FileOptions {
        FileOptions {
            path: path.into(),
            create_dirs: true,
            file_create_mode: 0o644,
            dir_create_mode: 0o700,
            sync: false,
            is_shared: false,
        }
    }
}
