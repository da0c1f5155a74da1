//! The way of rendered bytes into a file.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use super::FileOptions;
use crate::base::{AlignedBuffer, Instant, kernel};
use crate::limits::{DIRECT_ALIGN, DIRECT_BYTES_MIN, FILE_FLUSH_MS, FILE_WRITE_BYTES};
use crate::output::{Completion, Executor, Opened, Route, Write};

/// Time between two writes of a file that is not written at full speed: more
/// of them would cost more than they make visible sooner.
const FLUSH: Duration = Duration::from_millis(FILE_FLUSH_MS);

/// Memory of a buffer: one write, and the message that goes beyond it.
const BUFFER_BYTES: usize = FILE_WRITE_BYTES + FILE_WRITE_BYTES / 4;

/// Appends rendered bytes to one file: one buffer is written while the next
/// one is filled.
pub struct FileWriter<F> {
    /// Index of the action.
    action: usize,
    options: FileOptions,
    file: Option<Opened<F>>,
    filling: AlignedBuffer,
    flight: Flight,
    /// The buffer that is not in use.
    spare: Option<AlignedBuffer>,
    /// Bytes rendered and bytes written, since the start.
    rendered: u64,
    written: u64,
    /// Where in the stream of rendered bytes a batch ends: (end, sequence).
    marks: VecDeque<(u64, u64)>,
    first_filled_at: Option<Instant>,
    last_write_at: Option<Instant>,
    must_reopen: bool,
    /// Whether what is in the file ends within a line.
    is_within_line: bool,
}

/// What is being written.
enum Flight {
    None,
    /// No operation is under way: to be continued, or tried again after an
    /// error.
    Waiting(Load),
    /// An operation is under way that has the buffer.
    Writing {
        load: LoadPart,
        route: Route,
    },
    /// All is written, and is being made durable.
    Syncing(AlignedBuffer),
    /// All is written, but making it durable failed.
    Unsynced(AlignedBuffer),
}

/// A buffer on its way into the file.
struct Load {
    buffer: AlignedBuffer,
    part: LoadPart,
}

/// How far a buffer is written.
#[derive(Clone, Copy)]
struct LoadPart {
    done: usize,
    end: usize,
    /// Not past the page cache, whatever its alignment.
    cached_only: bool,
}

/// What came of a completion or a start.
#[derive(Debug)]
pub enum Progress {
    /// All batches up to and with this sequence are in the file.
    Committed(Option<u64>),
    /// The operation failed; what it was about is kept and tried again by
    /// [`FileWriter::resume`].
    Failed(io::Error),
}

impl<F> FileWriter<F> {
    /// A writer for action number `action`. The file is opened with the first
    /// bytes.
    pub fn new(action: usize, options: FileOptions) -> FileWriter<F> {
        FileWriter {
            action,
            options,
            file: None,
            filling: AlignedBuffer::with_capacity(0, 0),
            flight: Flight::None,
            spare: None,
            rendered: 0,
            written: 0,
            marks: VecDeque::new(),
            first_filled_at: None,
            last_write_at: None,
            must_reopen: false,
            is_within_line: false,
        }
    }

    pub fn options(&self) -> &FileOptions {
        &self.options
    }

    /// Whether there is room to render into.
    pub fn has_room(&self) -> bool {
        self.filling.len() < FILE_WRITE_BYTES
    }

    /// Lets `render` append rendered messages; it is given the length of the
    /// vector at which there is no more room.
    pub fn fill(&mut self, now: Instant, render: impl FnOnce(&mut Vec<u8>, usize)) {
        if self.filling.capacity() < BUFFER_BYTES && self.filling.is_empty() {
            let phase = self.file_phase();
            self.filling = AlignedBuffer::with_capacity(BUFFER_BYTES, phase);
        }
        let before = self.filling.len();
        let full = self.filling.tail_len(FILE_WRITE_BYTES);
        render(self.filling.tail(), full);
        self.rendered += (self.filling.len() - before) as u64;
        if self.first_filled_at.is_none() && !self.filling.is_empty() {
            self.first_filled_at = Some(now);
        }
    }

    /// Notes that the batch with this sequence ends with what was rendered.
    pub fn mark(&mut self, sequence: u64) {
        self.marks.push_back((self.rendered, sequence));
    }

    /// The first batch that is not in the file yet.
    pub fn oldest_uncommitted(&self) -> Option<u64> {
        self.marks.front().map(|&(_, sequence)| sequence)
    }

    /// Closes the file, and opens it anew for the next write: logrotate has
    /// moved it.
    pub fn reopen(&mut self) {
        self.must_reopen = true;
        self.close_moved();
    }

    /// Closes the file if it is to be reopened and not in use: a log that stays
    /// quiet would keep the space of a deleted file. A line is not cut by it.
    fn close_moved(&mut self) {
        if self.must_reopen && !self.is_within_line && matches!(self.flight, Flight::None) {
            self.file = None;
        }
    }

    /// Whether the file that was moved lacks the end of its last line.
    fn owes_line_end(&self) -> bool {
        self.must_reopen && self.is_within_line && self.file.is_some()
    }

    /// Whether an operation is under way.
    pub fn is_busy(&self) -> bool {
        matches!(self.flight, Flight::Writing { .. } | Flight::Syncing(_))
    }

    /// Forgets what is not in the file, but for the rest of a line that is in
    /// it in part: that one would swallow the next line. Not while an operation
    /// is under way.
    pub fn forget(&mut self) {
        debug_assert!(!self.is_busy());
        let rest = self.rest_of_line();
        self.flight = Flight::None;
        self.filling.reset(self.file_phase());
        self.marks.clear();
        self.written = self.rendered;
        self.first_filled_at = None;
        self.filling.tail().extend_from_slice(&rest);
        self.rendered += rest.len() as u64;
    }

    /// What is missing of the line that the file ends with, its line feed
    /// included.
    fn rest_of_line(&self) -> Vec<u8> {
        let mut rest = Vec::new();
        if !self.is_within_line {
            return rest;
        }
        if let Flight::Waiting(Load { buffer, part }) = &self.flight {
            rest.extend_from_slice(&buffer.content(0)[part.done..part.end]);
        }
        rest.extend_from_slice(self.filling.content(0));
        rest.truncate(line_end(&rest));
        rest
    }

    /// When a write is due, given that nothing more can be rendered now
    /// (`is_idle`).
    pub fn due(&self, is_idle: bool) -> Option<Instant> {
        if !matches!(self.flight, Flight::None) || self.filling.is_empty() {
            return None;
        }
        let filled = self.first_filled_at.unwrap_or_default();
        if self.filling.len() >= FILE_WRITE_BYTES || self.owes_line_end() {
            return Some(filled);
        }
        // A log that was quiet is written at once.
        let rested = self.last_write_at.map_or(filled, |last| last + FLUSH);
        Some(if is_idle {
            rested.max(filled)
        } else {
            filled + FLUSH
        })
    }

    /// Starts writing what was rendered: all of it, or whole pages where these
    /// go past the page cache. Only when [`due`](Self::due).
    pub fn start<X: Executor<File = F>>(&mut self, executor: &mut X, now: Instant) -> Progress {
        if let Err(error) = self.ensure_open(executor) {
            return Progress::Failed(error);
        }
        let mut part = LoadPart {
            done: 0,
            end: self.filling.len(),
            cached_only: false,
        };
        let phase = if self.owes_line_end() {
            part.end = line_end(self.filling.content(0));
            part.cached_only = true;
            // What follows goes into a new file.
            0
        } else {
            // The rest of a page waits for the next write: the one that follows
            // it past the page cache would have to wait for the page's
            // writeback.
            if let Some((head, pages)) = self.direct_bytes(&self.filling, part) {
                part.end = head + pages;
            }
            (self.file_phase() + part.end) % DIRECT_ALIGN
        };
        let mut next = match self.spare.take() {
            Some(mut spare) => {
                spare.reset(phase);
                spare
            }
            None => AlignedBuffer::with_capacity(BUFFER_BYTES, phase),
        };
        next.tail()
            .extend_from_slice(self.filling.content(part.end));
        self.first_filled_at = (!next.is_empty()).then_some(now);
        self.last_write_at = Some(now);
        let buffer = std::mem::replace(&mut self.filling, next);
        self.advance(executor, Load { buffer, part })
    }

    /// Tries again after an error.
    pub fn resume<X: Executor<File = F>>(&mut self, executor: &mut X) -> Progress {
        match std::mem::replace(&mut self.flight, Flight::None) {
            // What is written has to become durable where it is, also if the
            // file has lost its name since.
            Flight::Unsynced(buffer) => return self.sync(executor, buffer),
            other => self.flight = other,
        }
        // Other programs may have changed or removed the file meanwhile.
        self.file = None;
        if let Err(error) = self.ensure_open(executor) {
            return Progress::Failed(error);
        }
        match std::mem::replace(&mut self.flight, Flight::None) {
            Flight::Waiting(load) => self.advance(executor, load),
            other => {
                self.flight = other;
                self.committed()
            }
        }
    }

    /// Takes a completion of this action.
    pub fn complete<X: Executor<File = F>>(
        &mut self,
        executor: &mut X,
        completion: Completion,
    ) -> Progress {
        match std::mem::replace(&mut self.flight, Flight::None) {
            Flight::Writing { load, route } => {
                let buffer = completion.buffer.unwrap_or_default();
                let load = Load { buffer, part: load };
                self.written(executor, load, route, completion.result)
            }
            Flight::Syncing(buffer) => match completion.result {
                Ok(_) => {
                    self.spare = Some(buffer);
                    self.committed()
                }
                Err(error) => {
                    self.flight = Flight::Unsynced(buffer);
                    Progress::Failed(error)
                }
            },
            other => {
                self.flight = other;
                Progress::Committed(None)
            }
        }
    }

    fn written<X: Executor<File = F>>(
        &mut self,
        executor: &mut X,
        mut load: Load,
        route: Route,
        result: io::Result<usize>,
    ) -> Progress {
        let error = match result {
            Ok(0) => io::ErrorKind::WriteZero.into(),
            Ok(written) => {
                self.written += written as u64;
                load.part.done += written;
                self.is_within_line =
                    load.buffer.content(load.part.done - 1).first() != Some(&b'\n');
                if let Some(file) = &mut self.file {
                    file.len += written as u64;
                }
                return self.advance(executor, load);
            }
            Err(error) => error,
        };
        let is_misplaced = route == Route::Direct && error.raw_os_error() == Some(kernel::EINVAL);
        if is_misplaced && let Some(file) = &mut self.file {
            // The file does not end at a page boundary any more: somebody
            // truncated it, or wrote to it.
            load.part.cached_only = true;
            match executor.len(&file.file) {
                Ok(len) => {
                    file.len = len;
                    return self.advance(executor, load);
                }
                Err(error) => {
                    self.flight = Flight::Waiting(load);
                    return Progress::Failed(error);
                }
            }
        }
        self.flight = Flight::Waiting(load);
        Progress::Failed(error)
    }

    /// Starts the next operation of a load, if it needs one.
    fn advance<X: Executor<File = F>>(&mut self, executor: &mut X, load: Load) -> Progress {
        let Load { buffer, part } = load;
        if part.done == part.end {
            return self.sync(executor, buffer);
        }
        let (route, len) = match self.direct_bytes(&buffer, part) {
            Some((0, pages)) => (Route::Direct, pages),
            Some((head, _)) => (Route::Cached, head),
            None => (Route::Cached, part.end - part.done),
        };
        let Some(file) = &self.file else {
            self.flight = Flight::Waiting(Load { buffer, part });
            return Progress::Failed(io::ErrorKind::NotFound.into());
        };
        executor.write(
            &file.file,
            Write {
                action: self.action,
                route,
                range: part.done..part.done + len,
                buffer,
            },
        );
        self.flight = Flight::Writing { load: part, route };
        Progress::Committed(None)
    }

    fn sync<X: Executor<File = F>>(&mut self, executor: &mut X, buffer: AlignedBuffer) -> Progress {
        match &self.file {
            Some(file) if self.options.sync => {
                executor.sync(&file.file, self.action);
                self.flight = Flight::Syncing(buffer);
                Progress::Committed(None)
            }
            _ => {
                self.spare = Some(buffer);
                self.committed()
            }
        }
    }

    /// Bytes up to the next page boundary, and bytes of whole pages behind it,
    /// if these are worth going past the page cache, and can.
    fn direct_bytes(&self, buffer: &AlignedBuffer, part: LoadPart) -> Option<(usize, usize)> {
        let file = self.file.as_ref()?;
        let phase = self.file_phase();
        let is_cached_only = part.cached_only || self.options.is_shared;
        if !file.is_direct || is_cached_only || buffer.phase_at(part.done) != phase {
            return None;
        }
        let head = (DIRECT_ALIGN - phase) % DIRECT_ALIGN;
        let len = (part.end - part.done).saturating_sub(head);
        let pages = len - len % DIRECT_ALIGN;
        (pages >= DIRECT_BYTES_MIN).then_some((head, pages))
    }

    fn committed(&mut self) -> Progress {
        self.close_moved();
        Progress::Committed(self.take_written())
    }

    /// The last batch of which all is in the file, if there is one since the
    /// last call: also where the write that it was part of has failed.
    pub fn take_committed(&mut self) -> Option<u64> {
        // What is to be durable is not, before it was made so.
        if self.options.sync {
            return None;
        }
        self.take_written()
    }

    fn take_written(&mut self) -> Option<u64> {
        let mut committed = None;
        while let Some(&(end, sequence)) = self.marks.front()
            && end <= self.written
        {
            committed = Some(sequence);
            self.marks.pop_front();
        }
        committed
    }

    fn ensure_open<X: Executor<File = F>>(&mut self, executor: &mut X) -> io::Result<()> {
        if self.owes_line_end() {
            return Ok(());
        }
        if std::mem::take(&mut self.must_reopen) {
            self.file = None;
        }
        if self.file.is_none() {
            self.file = Some(executor.open(&self.options)?);
        }
        Ok(())
    }

    /// Where the end of the file lies within a page.
    fn file_phase(&self) -> usize {
        self.file
            .as_ref()
            .map_or(0, |file| (file.len % DIRECT_ALIGN as u64) as usize)
    }
}

/// Bytes up to and with the first line feed; 0 where there is none.
fn line_end(bytes: &[u8]) -> usize {
    memchr::memchr(b'\n', bytes).map_or(0, |end| end + 1)
}
