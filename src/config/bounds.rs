//! Bounds on what a configuration may be, so that no file can exhaust memory
//! or the stack.

/// Bytes of one configuration file.
pub const FILE_BYTES_MAX: u64 = 4 << 20;

/// Files of one configuration, the included ones counted.
pub const FILES_MAX: usize = 1000;

/// Depth of `$IncludeConfig` and `include()`; a file that includes itself ends
/// here.
pub const INCLUDE_DEPTH_MAX: usize = 16;

/// Depth of blocks. The parser and the check recurse once for each.
pub const BLOCK_DEPTH_MAX: usize = 64;

/// Diagnostics that are kept; beyond them only their number is told.
pub const DIAGNOSTICS_MAX: usize = 50;

/// Characters of a diagnostic's message.
pub const MESSAGE_CHARS_MAX: usize = 300;

/// Characters of a source line that a diagnostic shows.
pub const EXCERPT_CHARS_MAX: usize = 120;

const _: () = {
    // Positions in a file are 32-bit.
    assert!(FILE_BYTES_MAX < u32::MAX as u64);
    // File numbers are 16-bit.
    assert!(FILES_MAX < u16::MAX as usize);
};
