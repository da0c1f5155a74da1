//! The kernel's constants that the other folders name: error numbers and flags.

pub use libc::{AI_CANONNAME, AI_NUMERICHOST, NI_NAMEREQD, NI_NUMERICSERV};
pub use libc::{EADDRNOTAVAIL, EAFNOSUPPORT, EINVAL, ENOMEM, ENOSYS, EPERM};
pub use libc::{ECONNRESET, EHOSTUNREACH, ENETUNREACH, EPIPE, ETIMEDOUT};
pub use libc::{EMFILE, ENFILE, ENOBUFS};
pub use libc::{MSG_TRUNC, O_DIRECT, O_NOCTTY, O_NONBLOCK};
