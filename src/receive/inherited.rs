//! Sockets that the service manager opened for the daemon (socket activation,
//! sd_listen_fds(3)).

use std::fmt;
use std::io;

use socket2::{SockAddr, Socket, Type};

use crate::base::handed_over;

/// Sockets that no listener has taken yet.
#[derive(Default)]
pub struct Inherited {
    sockets: Vec<InheritedSocket>,
}

/// One of them: how it is called, what it is.
struct InheritedSocket {
    socket: Socket,
    address: SockAddr,
    kind: Type,
    /// `FileDescriptorName=`; the socket unit's name if not set.
    name: String,
}

impl Inherited {
    /// All that were handed over to this process; none without a service
    /// manager.
    ///
    /// # Errors
    /// ENOTSOCK where a descriptor is no socket; those of
    /// [`handed_over::take`].
    pub fn from_service_manager() -> io::Result<Inherited> {
        let mut sockets = Vec::new();
        for (descriptor, name) in handed_over::take()? {
            let socket = Socket::from(descriptor);
            sockets.push(InheritedSocket {
                address: socket.local_addr()?,
                kind: socket.r#type()?,
                socket,
                name,
            });
        }
        Ok(Inherited { sockets })
    }

    /// Takes the socket of this kind with this address out; a stream socket
    /// only if it listens (with `Accept=yes` it would be one connection).
    pub fn take(&mut self, address: &SockAddr, kind: Type) -> Option<Socket> {
        let index = self.sockets.iter().position(|inherited| {
            inherited.kind == kind
                && is_same(&inherited.address, address)
                && (kind != Type::STREAM || inherited.socket.is_listener().unwrap_or(false))
        })?;
        Some(self.sockets.swap_remove(index).socket)
    }

    /// Whether all have been taken.
    pub fn is_empty(&self) -> bool {
        self.sockets.is_empty()
    }
}

/// Those that are left, for a message.
impl fmt::Display for Inherited {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, inherited) in self.sockets.iter().enumerate() {
            let kind = match inherited.kind {
                Type::STREAM => "stream",
                Type::DGRAM => "datagram",
                _ => "other",
            };
            let separator = if index == 0 { "" } else { ", " };
            write!(formatter, "{separator}{kind} ")?;
            match (
                inherited.address.as_socket(),
                inherited.address.as_pathname(),
            ) {
                (Some(address), _) => write!(formatter, "{address}")?,
                (None, Some(path)) => write!(formatter, "{}", path.display())?,
                (None, None) => write!(formatter, "of another family")?,
            }
            write!(formatter, " ({})", inherited.name)?;
        }
        Ok(())
    }
}

/// Whether two addresses are the same but for an IPv6 scope, which a
/// configuration cannot write.
fn is_same(one: &SockAddr, other: &SockAddr) -> bool {
    match (one.as_socket(), other.as_socket()) {
        (Some(one), Some(other)) => (one.ip(), one.port()) == (other.ip(), other.port()),
        _ => one == other,
    }
}
