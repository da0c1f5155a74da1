//! `global(metricsListen="…")`: metrics over HTTP. Whoever can connect can read
//! numbers and names, and nothing else; few may do so at a time, and not for long.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE as CONTENT_TYPE_HEADER};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio::time::{sleep, sleep_until, timeout};

use super::{CONTENT_TYPE, of};
use crate::daemon::assemble::Daemon;

/// Connections at a time: their descriptors are not missed elsewhere.
const CONNECTIONS_MAX: usize = 16;

/// How long a connection lasts at most, so that none is taken for ever.
const CONNECTION_TIME_MAX: Duration = Duration::from_secs(30);

/// How long a connection has its place where another one wants it: ample for an
/// answer.
const PLACE_TIME_MIN: Duration = Duration::from_millis(250);

/// The rest after an accept that failed: no descriptor, for example.
const ACCEPT_REST: Duration = Duration::from_secs(1);

/// Where metrics are read.
const PATH: &str = "/metrics";

/// Listens at `address`.
///
/// # Errors
/// Those of bind(2): EADDRINUSE, EADDRNOTAVAIL, EACCES.
pub async fn open(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Answers until the daemon ends.
pub async fn serve(listener: TcpListener, daemon: Arc<Daemon>, started: Instant) {
    let mut served = VecDeque::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(ACCEPT_REST).await;
            continue;
        };
        make_place(&mut served).await;
        let daemon = Arc::clone(&daemon);
        let task = tokio::spawn(async move {
            // What goes wrong on a connection, or takes too long, is its alone.
            let _ = timeout(CONNECTION_TIME_MAX, answer(stream, &daemon, started)).await;
        });
        served.push_back((tokio::time::Instant::now(), task.abort_handle()));
    }
}

/// Ends the oldest connection where there are as many as may be: clients that ask
/// nothing must not keep the others out.
async fn make_place(served: &mut VecDeque<(tokio::time::Instant, AbortHandle)>) {
    served.retain(|(_, task)| !task.is_finished());
    if served.len() < CONNECTIONS_MAX {
        return;
    }
    if let Some((since, task)) = served.pop_front() {
        sleep_until(since + PLACE_TIME_MIN).await;
        task.abort();
    }
}

async fn answer(stream: TcpStream, daemon: &Daemon, started: Instant) -> hyper::Result<()> {
    let service = service_fn(async |request: Request<Incoming>| {
        let answer = respond(&request, || of(daemon, started));
        Ok::<_, Infallible>(answer)
    });
    let connection = http1::Builder::new();
    connection
        .serve_connection(TokioIo::new(stream), service)
        .await
}

fn respond<B>(request: &Request<B>, metrics: impl FnOnce() -> String) -> Response<Full<Bytes>> {
    let is_read = [Method::GET, Method::HEAD].contains(request.method());
    let (status, body) = match (request.uri().path(), is_read) {
        (PATH, true) => (StatusCode::OK, metrics()),
        (PATH, false) => (StatusCode::METHOD_NOT_ALLOWED, String::new()),
        _ => (StatusCode::NOT_FOUND, format!("metrics are at {PATH}\n")),
    };
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if status == StatusCode::OK {
        headers.insert(CONTENT_TYPE_HEADER, CONTENT_TYPE.parse().expect("ASCII"));
    }
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, "GET, HEAD".parse().expect("ASCII"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_read_at_one_place_and_nothing_else_is_done() {
        let status = |method: Method, path: &str| {
            let request = Request::builder().method(method).uri(path).body(());
            let response = respond(&request.expect("a request"), || "text".to_owned());
            response.status().as_u16()
        };
        assert_eq!(status(Method::GET, "/metrics"), 200);
        assert_eq!(status(Method::HEAD, "/metrics?a=b"), 200);
        assert_eq!(status(Method::POST, "/metrics"), 405);
        assert_eq!(status(Method::GET, "/queues"), 404);
        assert_eq!(status(Method::POST, "/queues/main/purge"), 404);
    }
}
