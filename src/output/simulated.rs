//! A simulated disk, and executors on it. For tests.
//!
//! Files are only ever appended to (O_APPEND). An operation takes simulated
//! time; a write becomes visible when it completes. Asserted: the rules of
//! O_DIRECT, and at most one operation for each action.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use super::file::FileOptions;
use super::{Completion, Executor, Opened, Route, Write};
use crate::base::simulated::{Random, SimulatedClock};
use crate::base::{Clock, Instant, kernel};
use crate::limits::DIRECT_ALIGN;

/// How a disk misbehaves.
#[derive(Clone, Debug)]
pub struct DiskFaults {
    /// Writes that write less than asked for, in percent.
    pub short: usize,
    /// Bound of the time of an operation.
    pub delay_max: Duration,
    /// Whether files can be opened with O_DIRECT.
    pub is_direct: bool,
}

/// Files, and operations under way. Clones are the same disk.
#[derive(Clone)]
pub struct SimulatedDisk(Rc<RefCell<Disk>>);

/// The I/O of one worker.
pub struct SimulatedExecutor(SimulatedDisk);

/// An open file.
pub struct SimulatedFile {
    file: usize,
    is_direct: bool,
}

/// A file as it is now, under whatever name.
#[derive(Clone, Debug, Default)]
pub struct Content {
    /// Where it lies, or lay before it was renamed.
    pub path: PathBuf,
    /// All bytes that were ever in it, also those that were truncated away.
    pub bytes: Vec<u8>,
    /// Where the bytes that are in it now begin.
    pub start: usize,
    /// Lines that ended in it, ever.
    pub lines: u64,
    /// Lines that ended in it and would survive a power cut.
    pub durable_lines: u64,
    was_truncated: bool,
}

struct Disk {
    clock: SimulatedClock,
    random: Random,
    faults: DiskFaults,
    names: BTreeMap<PathBuf, usize>,
    files: Vec<Content>,
    /// By action.
    operations: BTreeMap<usize, Operation>,
    /// Over, and reported to the worker when it looks.
    completions: VecDeque<Completion>,
    /// The error of every open, write and sync, and until when.
    failure: Option<(i32, Instant)>,
}

struct Operation {
    file: usize,
    /// `None` is a sync.
    write: Option<Write>,
    due: Instant,
}

impl SimulatedDisk {
    /// An empty disk.
    pub fn new(clock: SimulatedClock, random: Random, faults: DiskFaults) -> SimulatedDisk {
        SimulatedDisk(Rc::new(RefCell::new(Disk {
            clock,
            random,
            faults,
            names: BTreeMap::new(),
            files: Vec::new(),
            operations: BTreeMap::new(),
            completions: VecDeque::new(),
            failure: None,
        })))
    }

    /// The executor of a worker. There may be one only: operations are known by
    /// their action.
    pub fn executor(&self) -> SimulatedExecutor {
        SimulatedExecutor(self.clone())
    }

    /// Lets everything fail with `errno` until a point of time.
    pub fn fail(&self, errno: i32, until: Instant) {
        self.0.borrow_mut().failure = Some((errno, until));
    }

    /// Truncates a file to nothing, as logrotate's copytruncate does. Nothing
    /// if there is no such file.
    pub fn truncate(&self, path: &Path) {
        let mut disk = self.0.borrow_mut();
        if let Some(&file) = disk.names.get(path) {
            let file = &mut disk.files[file];
            file.start = file.bytes.len();
            file.was_truncated = true;
        }
    }

    /// Takes the name from a file, as logrotate does before it asks for a
    /// reopening. Nothing if there is no such file.
    pub fn rotate(&self, path: &Path) {
        self.0.borrow_mut().names.remove(path);
    }

    /// All bytes that were ever written to `path`, in order.
    pub fn written(&self, path: &Path) -> Vec<u8> {
        self.sum(path, |bytes: &mut Vec<u8>, file| {
            bytes.extend_from_slice(&file.bytes);
        })
    }

    /// Lines that ended in files at `path`, ever.
    pub fn lines(&self, path: &Path) -> u64 {
        self.sum(path, |lines, file| *lines += file.lines)
    }

    /// Of these, the ones that would survive a power cut.
    pub fn durable_lines(&self, path: &Path) -> u64 {
        self.sum(path, |lines, file| *lines += file.durable_lines)
    }

    /// When the next operation under way is over.
    pub fn next_completion(&self) -> Option<Instant> {
        let disk = self.0.borrow();
        disk.operations
            .values()
            .map(|operation| operation.due)
            .min()
    }

    /// Ends the operations whose time is over. As in the daemon this happens
    /// only while the worker rests: an executor whose worker never rests
    /// completes nothing.
    pub fn run(&self) {
        let mut disk = self.0.borrow_mut();
        let now = disk.clock.now();
        let is_over = |(_, operation): &(&usize, &Operation)| operation.due <= now;
        while let Some((&action, _)) = disk.operations.iter().find(is_over) {
            disk.end(action);
        }
    }

    fn sum<T: Default>(&self, path: &Path, mut add: impl FnMut(&mut T, &Content)) -> T {
        let mut sum = T::default();
        for file in &self.0.borrow().files {
            if file.path == path {
                add(&mut sum, file);
            }
        }
        sum
    }
}

impl Disk {
    fn failure(&self) -> io::Result<()> {
        match self.failure {
            Some((errno, until)) if self.clock.now() < until => {
                Err(io::Error::from_raw_os_error(errno))
            }
            _ => Ok(()),
        }
    }

    fn start(&mut self, action: usize, file: usize, write: Option<Write>) {
        let due = self.clock.now() + self.random.duration(self.faults.delay_max);
        let operation = Operation { file, write, due };
        let before = self.operations.insert(action, operation);
        assert!(before.is_none(), "two operations of one action");
    }

    fn end(&mut self, action: usize) {
        let Some(Operation { file, write, .. }) = self.operations.remove(&action) else {
            return;
        };
        let result = match &write {
            Some(write) => self.write(file, write),
            None => self.failure().map(|()| {
                let content = &mut self.files[file];
                content.durable_lines = content.lines;
                0
            }),
        };
        self.completions.push_back(Completion {
            action,
            buffer: write.map(|write| write.buffer),
            result,
        });
    }

    fn write(&mut self, file: usize, write: &Write) -> io::Result<usize> {
        // A full disk may take a part yet.
        let is_failing = self.failure();
        let mut len = write.range.len();
        if self.random.chance(self.faults.short) {
            len = self.random.within(1..len + 1);
        } else {
            is_failing?;
        }
        let content = &mut self.files[file];
        if write.route == Route::Direct {
            if !(content.bytes.len() - content.start).is_multiple_of(DIRECT_ALIGN) {
                assert!(content.was_truncated, "direct at an odd end");
                return Err(io::Error::from_raw_os_error(kernel::EINVAL));
            }
            // The device's blocks are smaller than a page.
            len = (len - len % 512).max(512);
        }
        let bytes = &write.buffer.content(write.range.start)[..len];
        content.bytes.extend_from_slice(bytes);
        content.lines += memchr::memchr_iter(b'\n', bytes).count() as u64;
        Ok(len)
    }
}

impl Executor for SimulatedExecutor {
    type File = SimulatedFile;

    fn open(&mut self, options: &FileOptions) -> io::Result<Opened<SimulatedFile>> {
        let mut disk = self.0.0.borrow_mut();
        disk.failure()?;
        let is_direct = disk.faults.is_direct;
        let file = match disk.names.get(&options.path) {
            Some(&file) => file,
            None => {
                let file = disk.files.len();
                disk.names.insert(options.path.clone(), file);
                disk.files.push(Content {
                    path: options.path.clone(),
                    ..Content::default()
                });
                file
            }
        };
        let content = &disk.files[file];
        Ok(Opened {
            len: (content.bytes.len() - content.start) as u64,
            file: SimulatedFile { file, is_direct },
            is_direct,
        })
    }

    fn len(&self, file: &SimulatedFile) -> io::Result<u64> {
        let disk = self.0.0.borrow();
        let content = &disk.files[file.file];
        Ok((content.bytes.len() - content.start) as u64)
    }

    fn write(&mut self, file: &SimulatedFile, write: Write) {
        assert!(!write.range.is_empty() && write.range.end <= write.buffer.len());
        if write.route == Route::Direct {
            assert!(file.is_direct, "direct on a file without");
            assert_eq!(write.buffer.phase_at(write.range.start), 0, "memory");
            assert!(write.range.len().is_multiple_of(DIRECT_ALIGN), "length");
        }
        let action = write.action;
        self.0.0.borrow_mut().start(action, file.file, Some(write));
    }

    fn sync(&mut self, file: &SimulatedFile, action: usize) {
        self.0.0.borrow_mut().start(action, file.file, None);
    }

    fn complete(&mut self) -> Option<Completion> {
        self.0.0.borrow_mut().completions.pop_front()
    }
}
