//! Receiving over TCP, a thread for each connection.

use std::io::{ErrorKind, Read};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::Context;
use socket2::{Domain, Protocol, Socket, Type};

use super::frames::Frames;
use super::{Arrivals, End};
use crate::base::kernel;
use crate::harness::stop::Stop;

/// Between two looks at the end conditions while nothing comes.
const WAIT: Duration = Duration::from_millis(50);

/// Connections that wait to be accepted, at most.
const BACKLOG: i32 = 4096;

/// Bytes that one call discards at most.
const DISCARD_BYTES: usize = 4 * 1024 * 1024;

/// What the threads have in common.
#[derive(Default)]
struct Shared {
    messages: AtomicU64,
    bytes: AtomicU64,
    over: AtomicBool,
}

/// Receives until the end. Errors: the address cannot be listened on, or no
/// thread can be started.
pub fn receive(
    address: SocketAddr,
    discard: bool,
    end: End,
    stop: &Stop,
) -> anyhow::Result<Arrivals> {
    let listener = listen(address).with_context(|| format!("cannot listen on {address}"))?;
    if let Some(address) = listener.local_addr()?.as_socket() {
        eprintln!("splashdam sink: listening on {address}");
    }
    let shared = Arc::new(Shared::default());
    let mut receivers: Vec<JoinHandle<Arrivals>> = Vec::new();
    let mut seen_bytes = 0;
    let mut seen_at = Instant::now();
    loop {
        match listener.accept() {
            Ok((socket, _)) => {
                let shared = shared.clone();
                receivers.push(
                    thread::Builder::new()
                        .name("sink".into())
                        .spawn(move || connection(&socket, discard, &shared))
                        .context("cannot start a receiving thread")?,
                );
            }
            Err(error) if expired(&error) => {}
            Err(error) => return Err(error).context("cannot accept"),
        }
        let bytes = shared.bytes.load(Ordering::Relaxed);
        if bytes != seen_bytes {
            seen_bytes = bytes;
            seen_at = Instant::now();
        }
        let idle = seen_bytes > 0 && end.idle.is_some_and(|idle| seen_at.elapsed() >= idle);
        let messages = shared.messages.load(Ordering::Relaxed);
        let counted = end.count.is_some_and(|count| messages >= count);
        if idle || counted || stop.requested() {
            break;
        }
    }
    shared.over.store(true, Ordering::Relaxed);
    let mut total = Arrivals::new();
    for receiver in receivers {
        match receiver.join() {
            Ok(arrivals) => total.merge(arrivals),
            Err(_) => total.errors.push("a receiving thread panicked".into()),
        }
    }
    Ok(total)
}

fn listen(address: SocketAddr) -> std::io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    // Holds for accept too (socket(7), SO_RCVTIMEO).
    socket.set_read_timeout(Some(WAIT))?;
    Ok(socket)
}

/// Whether a call only ended because there was nothing for [`WAIT`].
fn expired(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}

/// One connection, to its end or the end of all.
fn connection(socket: &Socket, discard: bool, shared: &Shared) -> Arrivals {
    let mut arrivals = Arrivals::new();
    let result = socket
        .set_read_timeout(Some(WAIT))
        .map_err(anyhow::Error::from)
        .and_then(|()| match discard {
            true => discard_all(socket, shared, &mut arrivals),
            false => verify_all(socket, shared, &mut arrivals),
        });
    if let Err(error) = result {
        arrivals.errors.push(format!("a connection: {error:#}"));
    }
    arrivals
}

fn verify_all(mut socket: &Socket, shared: &Shared, arrivals: &mut Arrivals) -> anyhow::Result<()> {
    let mut frames = Frames::new(true);
    while !shared.over.load(Ordering::Relaxed) {
        let bytes = match socket.read(frames.space()?) {
            Ok(0) => break,
            Ok(bytes) => bytes,
            Err(error) if expired(&error) => continue,
            Err(error) => return Err(error.into()),
        };
        arrivals.arrived(bytes);
        frames.filled(bytes);
        let mut messages = 0;
        while let Some(message) = frames.next()? {
            messages += u64::from(arrivals.verifier.add(message, None));
        }
        shared.messages.fetch_add(messages, Ordering::Relaxed);
        shared.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
    arrivals.cut += u64::from(frames.rest() > 0);
    Ok(())
}

fn discard_all(socket: &Socket, shared: &Shared, arrivals: &mut Arrivals) -> anyhow::Result<()> {
    let mut space = vec![MaybeUninit::uninit(); DISCARD_BYTES];
    while !shared.over.load(Ordering::Relaxed) {
        // With MSG_TRUNC the kernel drops the bytes instead of copying them
        // (tcp(7)).
        let bytes = match socket.recv_with_flags(&mut space, kernel::MSG_TRUNC) {
            Ok(0) => break,
            Ok(bytes) => bytes,
            Err(error) if expired(&error) => continue,
            Err(error) => return Err(error.into()),
        };
        arrivals.arrived(bytes);
        shared.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
    Ok(())
}
