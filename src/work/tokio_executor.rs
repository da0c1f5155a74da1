//! The worker's I/O on tokio-uring.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::Notify;
use tokio_uring::buf::BoundedBuf;

use crate::base::{AlignedBuffer, Sleeper, descriptor, kernel};
use crate::output::file::FileOptions;
use crate::output::{Completion, Executor, Opened, Route, Write};

/// Operations of one worker on its thread's tokio-uring runtime.
pub struct TokioExecutor {
    events: Rc<Events>,
    /// Whether files may be opened with O_DIRECT; off to run the other path.
    use_direct: bool,
}

/// What wakes a worker: completions, and its sleeper's callers.
pub struct Events {
    completions: RefCell<VecDeque<Completion>>,
    notify: Arc<Notify>,
    sleeper: Arc<Sleeper>,
}

/// An output file, open once or twice.
pub struct OpenFile {
    /// For its length; the others belong to the runtime.
    metadata: File,
    cached: Rc<tokio_uring::fs::File>,
    direct: Option<Rc<tokio_uring::fs::File>>,
}

impl Events {
    /// Waits for a completion or a wake-up, also one that came before.
    pub async fn wait(&self) {
        self.notify.notified().await;
    }

    /// The worker's sleep state.
    pub fn sleeper(&self) -> Arc<Sleeper> {
        Arc::clone(&self.sleeper)
    }

    fn push(&self, completion: Completion) {
        self.completions.borrow_mut().push_back(completion);
        self.notify.notify_one();
    }
}

impl TokioExecutor {
    /// An executor whose worker sleeps on `notify`, which `sleeper` calls.
    pub fn new(notify: Arc<Notify>, sleeper: Arc<Sleeper>, use_direct: bool) -> TokioExecutor {
        TokioExecutor {
            events: Rc::new(Events {
                completions: RefCell::default(),
                notify,
                sleeper,
            }),
            use_direct,
        }
    }

    /// What the worker waits for.
    pub fn events(&self) -> Rc<Events> {
        Rc::clone(&self.events)
    }
}

impl Executor for TokioExecutor {
    type File = OpenFile;

    fn open(&mut self, options: &FileOptions) -> io::Result<Opened<OpenFile>> {
        if options.create_dirs
            && let Some(parent) = options.path.parent()
            && !parent.as_os_str().is_empty()
        {
            DirBuilder::new()
                .recursive(true)
                .mode(options.dir_create_mode)
                .create(parent)?;
        }
        let open = |flags: i32| {
            OpenOptions::new()
                .append(true)
                .create(true)
                .mode(options.file_create_mode)
                // Opening a FIFO without a reader would block the worker.
                .custom_flags(flags | kernel::O_NOCTTY | kernel::O_NONBLOCK)
                .open(&options.path)
        };
        let cached = open(0)?;
        descriptor::set_blocking(&cached)?;
        // EINVAL: the file system has no O_DIRECT (tmpfs, some overlays).
        let direct = self
            .use_direct
            .then(|| open(kernel::O_DIRECT).ok())
            .flatten()
            .filter(|_| cached.metadata().is_ok_and(|metadata| metadata.is_file()));
        let metadata = cached.try_clone()?;
        let len = metadata.metadata()?.len();
        let is_direct = direct.is_some();
        let runtime_file = |file| Rc::new(tokio_uring::fs::File::from_std(file));
        Ok(Opened {
            file: OpenFile {
                metadata,
                cached: runtime_file(cached),
                direct: direct.map(runtime_file),
            },
            len,
            is_direct,
        })
    }

    fn len(&self, file: &OpenFile) -> io::Result<u64> {
        Ok(file.metadata.metadata()?.len())
    }

    fn write(&mut self, file: &OpenFile, write: Write) {
        let file = match (write.route, &file.direct) {
            (Route::Direct, Some(direct)) => Rc::clone(direct),
            _ => Rc::clone(&file.cached),
        };
        let events = Rc::clone(&self.events);
        tokio_uring::spawn(async move {
            let (bytes, begin) = write.buffer.into_parts();
            let part = bytes.slice(begin + write.range.start..begin + write.range.end);
            // The offset does not count: the file is open for appending.
            let (result, part) = file.write_at(part, 0).submit().await;
            events.push(Completion {
                action: write.action,
                buffer: Some(AlignedBuffer::from_parts(part.into_inner(), begin)),
                result,
            });
        });
    }

    fn sync(&mut self, file: &OpenFile, action: usize) {
        let file = Rc::clone(&file.cached);
        let events = Rc::clone(&self.events);
        tokio_uring::spawn(async move {
            let result = file.sync_data().await.map(|()| 0);
            events.push(Completion {
                action,
                buffer: None,
                result,
            });
        });
    }

    fn complete(&mut self) -> Option<Completion> {
        self.events.completions.borrow_mut().pop_front()
    }
}
