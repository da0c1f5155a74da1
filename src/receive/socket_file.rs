//! The file of a unix socket that is listened on.

use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::sync::Arc;
use std::{fs, mem};

use socket2::{Domain, SockAddr, Socket, Type};

use super::UnixOptions;

/// A socket's file, removed when the value goes away, which has to be before the
/// socket is closed: an open one keeps its inode from being used again.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: Arc<Path>,
    /// Device and inode: another daemon may have put its own in the place.
    identity: Option<(u64, u64)>,
}

impl SocketFile {
    /// Makes a stream socket at `path` that listens.
    ///
    /// # Errors
    /// EADDRINUSE where something is there, unless nobody listens on it, and
    /// `unlink` is off; `InvalidInput`
    /// where what is there is no socket, or the path is too long (107 bytes,
    /// unix(7)); those of bind(2), chown(2) and chmod(2).
    pub fn open(
        path: &Path,
        options: &UnixOptions,
        backlog: i32,
    ) -> io::Result<(Socket, SocketFile)> {
        let socket = Socket::new(Domain::UNIX, Type::STREAM.cloexec(), None)?;
        if options.unlink {
            remove_socket(path)?;
        }
        let address = SockAddr::unix(path)?;
        match socket.bind(&address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_dead(&address) => {
                remove_socket(path)?;
                socket.bind(&address)?;
            }
            bound => bound?,
        }
        let mut file = SocketFile {
            path: path.into(),
            identity: None,
        };
        file.identity = file.found();
        let owned = set_owner(path, options);
        if options.must_have_owner {
            owned?;
        }
        // Not before: nobody may come in by the permissions that the umask left.
        socket.listen(backlog)?;
        Ok((socket, file))
    }

    pub fn path(&self) -> &Arc<Path> {
        &self.path
    }

    fn found(&self) -> Option<(u64, u64)> {
        let found = fs::symlink_metadata(&self.path).ok()?;
        Some((found.dev(), found.ino()))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.identity.is_some() && mem::take(&mut self.identity) == self.found() {
            // If it is gone, so much the better.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether nobody listens on the socket at this address: a daemon was killed, or
/// had not the right to remove it any more.
fn is_dead(address: &SockAddr) -> bool {
    let connected = Socket::new(Domain::UNIX, Type::STREAM.cloexec(), None)
        .and_then(|probe| probe.connect(address));
    connected.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

fn set_owner(path: &Path, options: &UnixOptions) -> io::Result<()> {
    if options.owner.is_some() || options.group.is_some() {
        chown(path, options.owner, options.group)?;
    }
    fs::set_permissions(path, fs::Permissions::from_mode(options.mode))
}

/// Removes a socket; what is no socket is somebody's file.
fn remove_socket(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(found) if found.file_type().is_socket() => fs::remove_file(path),
        Ok(_) => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "what is there is no socket, and not removed",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(path: &Path, options: &UnixOptions) -> io::Result<(SocketFile, Socket)> {
        SocketFile::open(path, options, 5).map(|(socket, file)| (file, socket))
    }

    #[test]
    fn a_socket_on_which_nobody_listens_is_replaced() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("socket");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let listening = open(&path, &UnixOptions::default()).unwrap();
        let error = open(&path, &UnixOptions::default()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        drop(listening);
        assert!(!path.exists());
    }

    #[test]
    fn it_has_its_mode_and_goes_with_the_value() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("socket");
        let options = UnixOptions {
            mode: 0o622,
            ..UnixOptions::default()
        };
        let file = open(&path, &options).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o622);
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn what_is_there_is_replaced_only_where_that_is_said_and_it_is_a_socket() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("socket");
        let (first, _socket) = open(&path, &UnixOptions::default()).unwrap();
        let error = open(&path, &UnixOptions::default()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        let unlink = UnixOptions {
            unlink: true,
            ..UnixOptions::default()
        };
        let second = open(&path, &unlink).unwrap();
        // It is not the first one's any more.
        drop(first);
        assert!(path.exists());
        drop(second);
        assert!(!path.exists());
        fs::write(&path, "a file").unwrap();
        assert!(open(&path, &unlink).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"a file");
    }
}
