//! `oversizemsg.errorfile`: messages that are longer than `maxMessageSize`, a
//! line of JSON for each, as rsyslog writes them. A thread of its own writes
//! them, since a file may block.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::message::{Report, Severity};
use crate::receive::{Oversize, OversizeQueue};

/// Mode of a new file, before the umask, as in rsyslog.
const MODE: u32 = 0o660;

/// Time after which it is told again that the file cannot be written.
const TOLD_AGAIN: Duration = Duration::from_secs(60);

/// The thread that writes the file.
pub struct OversizeFile {
    pub queue: Arc<OversizeQueue>,
    must_reopen: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

struct Writer {
    path: PathBuf,
    file: Option<File>,
    line: Vec<u8>,
    told_at: Option<Instant>,
    report: Arc<dyn Report>,
}

impl OversizeFile {
    /// Starts the thread. The file is opened when there is something to write.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(path: PathBuf, report: Arc<dyn Report>) -> io::Result<OversizeFile> {
        let queue = Arc::new(OversizeQueue::default());
        let must_reopen = Arc::new(AtomicBool::new(false));
        let writer = Writer {
            path,
            file: None,
            line: Vec::new(),
            told_at: None,
            report,
        };
        let thread = thread::Builder::new()
            .name("oversize-file".to_owned())
            .spawn({
                let (queue, must_reopen) = (Arc::clone(&queue), Arc::clone(&must_reopen));
                move || writer.run(&queue, &must_reopen)
            })?;
        // Before anything can be offered: nothing is missed.
        queue.set_consumer(thread.thread().clone());
        Ok(OversizeFile {
            queue,
            must_reopen,
            thread,
        })
    }

    /// Has the file opened again with the next message (SIGHUP).
    pub fn reopen(&self) {
        self.must_reopen.store(true, Ordering::Release);
    }

    /// Whether all is written and the thread has ended; it does after
    /// [`OversizeQueue::close`].
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }
}

impl Writer {
    fn run(mut self, queue: &OversizeQueue, must_reopen: &AtomicBool) {
        loop {
            // What came before the end is written.
            let is_closed = queue.is_closed();
            while let Some(oversize) = queue.take() {
                if must_reopen.swap(false, Ordering::AcqRel) {
                    self.file = None;
                }
                if let Err(error) = self.write(&oversize) {
                    oversize.sink.counters.oversize_unwritten.add(1);
                    self.tell(&error);
                }
            }
            if is_closed {
                return;
            }
            thread::park();
        }
    }

    fn write(&mut self, oversize: &Oversize) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(
                OpenOptions::new()
                    .append(true)
                    .create(true)
                    .mode(MODE)
                    .open(&self.path)?,
            ),
        };
        self.line.clear();
        render(&oversize.text, &oversize.sink.input, &mut self.line);
        file.write_all(&self.line)
    }

    fn tell(&mut self, error: &io::Error) {
        let is_recent = |at: Instant| at.elapsed() < TOLD_AGAIN;
        if self.told_at.is_some_and(is_recent) {
            return;
        }
        self.told_at = Some(Instant::now());
        let path = self.path.display();
        let text = format!("cannot write the oversizemsg.errorfile {path}: {error}");
        self.report.report(Severity::ERROR, text);
    }
}

/// The line of a message, as libfastjson spells it for rsyslog.
fn render(text: &[u8], input: &str, line: &mut Vec<u8>) {
    line.extend(b"{ \"rawmsg\": \"");
    escape(text, line);
    line.extend(b"\", \"input\": \"");
    escape(input.as_bytes(), line);
    line.extend(b"\" }\n");
}

/// Escapes what JSON wants escaped, and the slash. Bytes that are not UTF-8
/// stay as they are, as in rsyslog.
fn escape(text: &[u8], line: &mut Vec<u8>) {
    for &byte in text {
        match byte {
            b'"' | b'\\' | b'/' => line.extend([b'\\', byte]),
            0x08 => line.extend(b"\\b"),
            b'\t' => line.extend(b"\\t"),
            b'\n' => line.extend(b"\\n"),
            0x0c => line.extend(b"\\f"),
            b'\r' => line.extend(b"\\r"),
            0..0x20 => line.extend(format!("\\u{byte:04x}").bytes()),
            _ => line.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_json_that_reads_as_the_message() {
        let text = "a\"b\\c/d\u{8}\t\n\u{c}\r\0\u{1f}\u{7f}é";
        let mut line = Vec::new();
        render(text.as_bytes(), "in/put", &mut line);
        assert!(line.ends_with(b"\n"));
        let value: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(
            value,
            serde_json::json!({ "rawmsg": text, "input": "in/put" })
        );
    }
}
