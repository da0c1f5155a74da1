//! The two ends of a connection: what is listened on, and who is there.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::descriptor::Credentials;

/// What a listener listens on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Address and port, the one that the kernel chose included.
    Tcp(SocketAddr),
    /// The same of datagrams.
    Udp(SocketAddr),
    /// A stream socket in the file system.
    Unix(Arc<Path>),
}

/// Who is at the other end of an accepted socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Address and port, IPv4 ones as such.
    Tcp(SocketAddr),
    /// A process of this host.
    Unix {
        /// The socket that it connected to.
        endpoint: Endpoint,
        /// Tells it from the others: it has no address of its own.
        number: u64,
        credentials: Credentials,
    },
}

/// Mode and owner of a unix socket's file, and what to do where they cannot be
/// had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnixOptions {
    /// `path`; a TCP listener if not set.
    pub path: Option<PathBuf>,
    /// `unlink`: whether a socket that is at `path` is removed before.
    pub unlink: bool,
    /// `fileCreateMode`, whatever the umask is.
    pub mode: u32,
    /// `fileOwner`, `fileOwnerNum`.
    pub owner: Option<u32>,
    /// `fileGroup`, `fileGroupNum`.
    pub group: Option<u32>,
    /// `failOnChownFailure`: whether an owner or a mode that cannot be set keep
    /// the listener from being opened.
    pub must_have_owner: bool,
}

impl Default for UnixOptions {
    fn default() -> Self {
        UnixOptions {
            path: None,
            unlink: false,
            mode: 0o644,
            owner: None,
            group: None,
            must_have_owner: true,
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Tcp(address) => address.fmt(f),
            Endpoint::Udp(address) => write!(f, "{address}/udp"),
            Endpoint::Unix(path) => path.display().fmt(f),
        }
    }
}

/// The name by which it is shown and can be closed: `ADDRESS:PORT`, `PATH#N`.
impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Tcp(address) => address.fmt(f),
            Peer::Unix {
                endpoint, number, ..
            } => write!(f, "{endpoint}#{number}"),
        }
    }
}
