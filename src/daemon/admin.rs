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
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use tokio::net::{UnixListener, UnixStream};

use super::Statistics;
use super::assemble::Daemon;
use super::connections::ConnectionStatistics;
use super::metrics;
use super::queues::{self, Order, QueueStatus};
use super::terminal;
use crate::message::Severity;

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
        .route("/metrics", get(all_metrics))
        .route("/queues", get(all_queues))
        .route("/queues/{name}/pause", post(pause))
        .route("/queues/{name}/resume", post(resume))
        .route("/queues/{name}/purge", post(purge_all))
        .route("/queues/{name}/purge/{severity}", post(purge))
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

async fn all_metrics(State(admin): State<Admin>) -> impl IntoResponse {
    let text = metrics::of(&admin.daemon, admin.started);
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text)
}

async fn all_queues(State(admin): State<Admin>) -> Json<Vec<QueueStatus>> {
    Json(QueueStatus::of(&admin.daemon))
}

/// What was done, or why nothing was.
type Obeyed = Result<String, (StatusCode, String)>;

fn obey(admin: &Admin, name: &str, order: Order) -> Obeyed {
    queues::obey(&admin.daemon, name, order).map_err(|error| (StatusCode::NOT_FOUND, error))
}

async fn pause(State(admin): State<Admin>, Path(name): Path<String>) -> Obeyed {
    obey(&admin, &name, Order::Pause)
}

async fn resume(State(admin): State<Admin>, Path(name): Path<String>) -> Obeyed {
    obey(&admin, &name, Order::Resume)
}

async fn purge_all(State(admin): State<Admin>, Path(name): Path<String>) -> Obeyed {
    obey(&admin, &name, Order::Purge(None))
}

async fn purge(State(admin): State<Admin>, Path(path): Path<(String, String)>) -> Obeyed {
    let (name, severity) = path;
    let number = severity.parse().ok().and_then(Severity::new);
    let Some(severity) = number.or_else(|| Severity::from_name(&severity)) else {
        let known = Severity::names().join(", ");
        let error = format!("there is no severity '{severity}', but 0 to 7 and {known}");
        return Err((StatusCode::BAD_REQUEST, error));
    };
    obey(&admin, &name, Order::Purge(Some(severity)))
}
