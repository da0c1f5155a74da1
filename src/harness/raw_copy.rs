//! `splashdam raw-copy`: the limit that a log daemon is measured against. It
//! receives over TCP and writes the same bytes to a preallocated file past the
//! page cache, and does nothing else: no framing, no parsing, and where there are
//! several connections their bytes are mixed as they come.
//!
//! One thread reads into 1 MiB buffers, two others write them: at that size the
//! system call and the wake-up of a write are shared by thousands of messages, and
//! all that is left to pay is the copy out of the socket.

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde::Serialize;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;

use super::latency::wall_ns;
use super::stop::Stop;
use crate::base::{descriptor, kernel};

/// Bytes of one write.
const BUFFER_BYTES: usize = 1024 * 1024;

/// Buffers in all: one is filled, the others are written.
const BUFFERS: usize = 4;

/// Writing threads.
const WRITERS: usize = 2;

/// Alignment of buffers, offsets and lengths for O_DIRECT, in bytes.
const ALIGN: usize = 4096;

/// Bytes that are allocated for the file at a time.
const ALLOCATE_BYTES: u64 = 1024 * 1024 * 1024;

/// Connections that wait to be accepted, at most.
const BACKLOG: i32 = 4096;

/// Between two looks at the end conditions.
const TICK: Duration = Duration::from_millis(10);

/// After a signal, what has been sent is still received; silence of this length
/// is the end of it.
const QUIET: Duration = Duration::from_secs(1);

/// Writes what it receives over TCP to a file, and nothing else: the raw limit.
#[derive(Clone, Debug, clap::Args)]
pub struct RawCopyArgs {
    /// Receive on this address:port.
    #[arg(long, short)]
    listen: SocketAddr,
    /// File to write; it is replaced.
    #[arg(long, short)]
    out: PathBuf,
    /// End after so many bytes; without it, with SIGTERM.
    #[arg(long)]
    bytes: Option<u64>,
}

/// The report, one line of JSON.
#[derive(Serialize)]
struct Report {
    bytes: u64,
    connections: u64,
    /// From the first read to the end of the last write.
    seconds: f64,
    /// The end of the last write, wall clock.
    finished_unix_ns: u64,
    /// VmHWM of proc(5).
    peak_rss_kib: Option<u64>,
}

/// Runs until the number of bytes or a signal, and prints a [`Report`]. Errors:
/// the address or the file cannot be had, a read or a write failed.
pub fn run(args: RawCopyArgs) -> anyhow::Result<ExitCode> {
    let stop = Stop::on_signal()?;
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .custom_flags(kernel::O_DIRECT)
        .open(&args.out)
        .with_context(|| format!("cannot open {} with O_DIRECT", args.out.display()))?;
    let writers = Writers::start(Arc::new(file))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()?;
    let copy = Rc::new(RefCell::new(Copy::new(writers)?));
    LocalSet::new().block_on(&runtime, receive(&args, copy.clone(), &stop))?;
    // Ends the connections that are left.
    drop(runtime);
    let copy = Rc::into_inner(copy)
        .context("a connection is left over")?
        .into_inner();
    let report = copy.finish()?;
    println!("{}", serde_json::to_string(&report)?);
    Ok(ExitCode::SUCCESS)
}

/// Accepts, with a task for each connection, until the end.
async fn receive(args: &RawCopyArgs, copy: Rc<RefCell<Copy>>, stop: &Stop) -> anyhow::Result<()> {
    let listener =
        listen(args.listen).with_context(|| format!("cannot listen on {}", args.listen))?;
    let mut quiet_since = Instant::now();
    let mut seen_bytes = 0;
    let mut tasks = tokio::task::JoinSet::new();
    loop {
        match tokio::time::timeout(TICK, listener.accept()).await {
            Ok(accepted) => {
                let (socket, _) = accepted.context("cannot accept")?;
                copy.borrow_mut().connections += 1;
                tasks.spawn_local(connection(socket, copy.clone()));
                continue;
            }
            Err(_) => {
                while let Some(result) = tasks.try_join_next() {
                    result.context("a connection's task failed")??;
                }
            }
        }
        let bytes = copy.borrow().received;
        if bytes != seen_bytes {
            seen_bytes = bytes;
            quiet_since = Instant::now();
        }
        let drained = tasks.is_empty() || quiet_since.elapsed() >= QUIET;
        if args.bytes.is_some_and(|limit| bytes >= limit) || (stop.requested() && drained) {
            break;
        }
    }
    tasks.shutdown().await;
    Ok(())
}

fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(TcpListener::from_std(socket.into())?)
}

async fn connection(socket: TcpStream, copy: Rc<RefCell<Copy>>) -> anyhow::Result<()> {
    loop {
        let read = {
            let mut copy = copy.borrow_mut();
            let read = socket.try_read(copy.space());
            if let Ok(bytes) = read {
                copy.filled(bytes)?;
            }
            read
        };
        match read {
            Ok(0) => return Ok(()),
            Ok(_) => tokio::task::yield_now().await,
            Err(error) if error.kind() == ErrorKind::WouldBlock => socket.readable().await?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Memory that starts at a multiple of [`ALIGN`].
struct Buffer {
    memory: Vec<u8>,
    start: usize,
}

impl Buffer {
    fn new() -> Buffer {
        let memory = vec![0; BUFFER_BYTES + ALIGN];
        let start = memory.as_ptr().align_offset(ALIGN);
        Buffer { memory, start }
    }

    fn bytes(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..self.start + BUFFER_BYTES]
    }
}

/// A part of the file.
struct Part {
    buffer: Buffer,
    bytes: usize,
    offset: u64,
}

/// The writing threads, and the ways to them and back.
struct Writers {
    file: Arc<File>,
    parts: Sender<Part>,
    free: Receiver<Buffer>,
    threads: Vec<JoinHandle<anyhow::Result<()>>>,
}

impl Writers {
    fn start(file: Arc<File>) -> anyhow::Result<Writers> {
        let (parts, waiting) = channel::<Part>();
        let (give_back, free) = channel();
        let waiting = Arc::new(Mutex::new(waiting));
        let mut threads = Vec::new();
        for _ in 0..BUFFERS {
            give_back.send(Buffer::new())?;
        }
        for _ in 0..WRITERS {
            let (file, waiting, give_back) = (file.clone(), waiting.clone(), give_back.clone());
            let writer = move || -> anyhow::Result<()> {
                loop {
                    let part = waiting
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .recv();
                    let Ok(mut part) = part else {
                        return Ok(());
                    };
                    file.write_all_at(&part.buffer.bytes()[..part.bytes], part.offset)
                        .context("cannot write")?;
                    // Fails only when the reader has gone already.
                    let _ = give_back.send(part.buffer);
                }
            };
            threads.push(thread::Builder::new().name("writer".into()).spawn(writer)?);
        }
        Ok(Writers {
            file,
            parts,
            free,
            threads,
        })
    }
}

/// The state of the copy.
struct Copy {
    writers: Writers,
    buffer: Buffer,
    /// Bytes in `buffer`.
    filled: usize,
    /// Where `buffer` goes in the file.
    offset: u64,
    allocated: u64,
    received: u64,
    connections: u64,
    first_read: Option<Instant>,
}

impl Copy {
    fn new(writers: Writers) -> anyhow::Result<Copy> {
        let buffer = writers.free.recv()?;
        let mut copy = Copy {
            writers,
            buffer,
            filled: 0,
            offset: 0,
            allocated: 0,
            received: 0,
            connections: 0,
            first_read: None,
        };
        copy.allocate()?;
        Ok(copy)
    }

    fn space(&mut self) -> &mut [u8] {
        &mut self.buffer.bytes()[self.filled..]
    }

    /// So many bytes were read to [`Copy::space`]. A full buffer goes to the
    /// writers; where they have all the others, this waits for them.
    fn filled(&mut self, bytes: usize) -> anyhow::Result<()> {
        self.first_read.get_or_insert_with(Instant::now);
        self.filled += bytes;
        self.received += bytes as u64;
        if self.filled == BUFFER_BYTES {
            self.write(BUFFER_BYTES)?;
        }
        Ok(())
    }

    fn write(&mut self, bytes: usize) -> anyhow::Result<()> {
        if self.offset + bytes as u64 > self.allocated {
            self.allocate()?;
        }
        let Ok(next) = self.writers.free.recv() else {
            bail!("the writing threads have failed");
        };
        let buffer = std::mem::replace(&mut self.buffer, next);
        let offset = self.offset;
        self.offset += bytes as u64;
        self.filled = 0;
        self.writers
            .parts
            .send(Part {
                buffer,
                bytes,
                offset,
            })
            .ok()
            .context("the writing threads have failed")
    }

    fn allocate(&mut self) -> anyhow::Result<()> {
        descriptor::allocate(&self.writers.file, self.allocated, ALLOCATE_BYTES)
            .context("cannot allocate the file")?;
        self.allocated += ALLOCATE_BYTES;
        Ok(())
    }

    /// Writes the rest, waits for all writes and cuts the file to its length.
    fn finish(mut self) -> anyhow::Result<Report> {
        let filled = self.filled;
        if filled > 0 {
            let padded = filled.next_multiple_of(ALIGN);
            self.buffer.bytes()[filled..padded].fill(0);
            self.write(padded)?;
        }
        let Writers {
            file,
            parts,
            free: _free,
            threads,
        } = self.writers;
        drop(parts);
        for thread in threads {
            match thread.join() {
                Ok(result) => result?,
                Err(_) => bail!("a writing thread panicked"),
            }
        }
        let finished = Instant::now();
        let finished_unix_ns = wall_ns();
        file.set_len(self.received)
            .context("cannot cut the file to its length")?;
        Ok(Report {
            bytes: self.received,
            connections: self.connections,
            seconds: self
                .first_read
                .map_or(0.0, |first| (finished - first).as_secs_f64()),
            finished_unix_ns,
            peak_rss_kib: peak_rss_kib(),
        })
    }
}

fn peak_rss_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}
