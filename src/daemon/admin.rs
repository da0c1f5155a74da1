//! The admin socket: HTTP over a unix socket, for `splashdam ctl`.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::{delete, get};
use axum::{Json, Router};
use tokio::net::{UnixListener, UnixStream};

use super::Statistics;
use super::assemble::Daemon;
use super::connections::ConnectionStatistics;
use super::terminal;

/// Where the socket is without a service manager.
pub const SOCKET_DEFAULT: &str = "/run/splashdam.sock";

/// Name of the socket in the directory that the service manager made for the
/// daemon (`RuntimeDirectory=`, systemd.exec(5)).
const SOCKET_NAME: &str = "splashdam.sock";

/// Where `splashdam ctl` finds the socket of a daemon with
/// `RuntimeDirectory=splashdam`.
pub const SOCKET_OF_SERVICE: &str = "/run/splashdam/splashdam.sock";

/// Where the socket is unless `global(adminSocket=…)` says otherwise: in the
/// first of the service manager's runtime directories where there is one.
pub fn socket_default() -> PathBuf {
    let directories = std::env::var_os("RUNTIME_DIRECTORY").unwrap_or_default();
    let first = std::env::split_paths(&directories).next();
    match first.filter(|path| path.is_absolute()) {
        Some(directory) => directory.join(SOCKET_NAME),
        None => PathBuf::from(SOCKET_DEFAULT),
    }
}

/// What the handlers see.
#[derive(Clone)]
struct Admin {
    daemon: Arc<Daemon>,
    started: Instant,
}

/// An admin socket that exists as long as the value.
pub struct AdminSocket(PathBuf);

impl AdminSocket {
    pub fn path(&self) -> &std::path::Path {
        &self.0
    }
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        terminal::remove_or_warn(&self.0, "admin socket");
    }
}

/// Opens the admin socket at `path`, for its owner only. A socket that a dead
/// daemon left is replaced.
///
/// # Errors
/// EADDRINUSE where a daemon answers on it; those of bind(2).
pub async fn open(path: &std::path::Path) -> io::Result<(AdminSocket, UnixListener)> {
    if UnixStream::connect(path).await.is_ok() {
        return Err(io::Error::new(
            io::ErrorKind::AddrInUse,
            "another daemon answers on it",
        ));
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let listener = UnixListener::bind(path)?;
    let socket = AdminSocket(path.to_owned());
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok((socket, listener))
}

/// Answers on the admin socket until the daemon ends.
pub async fn serve(listener: UnixListener, daemon: Arc<Daemon>, started: Instant) {
    let router = Router::new()
        .route("/statistics", get(statistics))
        .route("/connections", get(connections))
        .route("/connections/{peer}", delete(close))
        .with_state(Admin { daemon, started });
    // Errors of single connections are theirs alone.
    let _ = axum::serve(listener, router).await;
}

async fn connections(State(admin): State<Admin>) -> Result<impl IntoResponse, StatusCode> {
    let json = ConnectionStatistics::json(&admin.daemon);
    let json = json.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(([(CONTENT_TYPE, "application/json")], json))
}

/// Ends the connection of a peer, `ADDRESS:PORT` or `PATH#N`; on several
/// listeners it may have as many.
async fn close(
    State(admin): State<Admin>,
    Path(peer): Path<String>,
) -> Result<(), (StatusCode, &'static str)> {
    match admin.daemon.close(&peer) {
        0 => Err((StatusCode::NOT_FOUND, "no such connection")),
        _ => Ok(()),
    }
}

async fn statistics(State(admin): State<Admin>) -> Json<Statistics> {
    Json(Statistics::of(&admin.daemon, admin.started))
}
