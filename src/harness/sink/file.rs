//! Reading log files, as they are or as they grow.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use memchr::memchr_iter;

use super::frames::Frames;
use super::windows::Windows;
use super::{Arrivals, End};
use crate::harness::latency::wall_ns;
use crate::harness::stop::Stop;

/// Between two looks at a file that did not grow; what is added to each latency
/// at most.
const POLL: Duration = Duration::from_micros(200);

/// Reads the files one after the other. Errors: a file cannot be read.
pub fn read(paths: &[PathBuf], stop: &Stop) -> anyhow::Result<Arrivals> {
    let mut arrivals = Arrivals::new();
    for path in paths {
        let mut source: Box<dyn Read> = if path == Path::new("-") {
            Box::new(std::io::stdin().lock())
        } else {
            Box::new(File::open(path).with_context(|| format!("cannot open {}", path.display()))?)
        };
        let mut lines = Frames::new(false);
        while !stop.requested() {
            let bytes = read_some(&mut source, &mut lines, None, &mut arrivals)
                .with_context(|| format!("cannot read {}", path.display()))?;
            if bytes == 0 {
                break;
            }
        }
        arrivals.cut += u64::from(lines.rest() > 0);
    }
    Ok(arrivals)
}

/// Follows one file from its start, waiting for it to be created. `window`: a
/// latency is kept for each. Errors: the file cannot be read, or it became
/// shorter.
pub fn tail(
    paths: &[PathBuf],
    window: Option<Duration>,
    end: End,
    stop: &Stop,
) -> anyhow::Result<Arrivals> {
    let [path] = paths else {
        bail!("--tail follows one file");
    };
    let mut arrivals = Arrivals::new();
    arrivals.verifier.windows = window.map(Windows::new);
    let Some(mut file) = wait_for(path, stop)? else {
        return Ok(arrivals);
    };
    let mut lines = Frames::new(false);
    let mut read_at = Instant::now();
    let mut messages = 0;
    while !stop.requested() && end.count.is_none_or(|count| messages < count) {
        let bytes = read_some(&mut file, &mut lines, Some(&mut messages), &mut arrivals)
            .with_context(|| format!("cannot read {}", path.display()))?;
        if bytes > 0 {
            read_at = Instant::now();
            continue;
        }
        ensure!(
            file.metadata()?.len() >= arrivals.bytes,
            "{} became shorter",
            path.display()
        );
        let idle = end.idle.is_some_and(|idle| read_at.elapsed() >= idle);
        if idle && arrivals.bytes > 0 {
            break;
        }
        thread::sleep(POLL);
    }
    arrivals.cut += u64::from(lines.rest() > 0);
    Ok(arrivals)
}

/// `None` where a signal came first.
fn wait_for(path: &Path, stop: &Stop) -> anyhow::Result<Option<File>> {
    while !stop.requested() {
        match File::open(path) {
            Ok(file) => return Ok(Some(file)),
            Err(error) if error.kind() == ErrorKind::NotFound => thread::sleep(POLL),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot open {}", path.display()));
            }
        }
    }
    Ok(None)
}

/// One read, and the lines that it completed. `live`: they became readable now,
/// and how many they are is added to it. Returns the bytes read.
fn read_some(
    source: &mut impl Read,
    lines: &mut Frames,
    live: Option<&mut u64>,
    arrivals: &mut Arrivals,
) -> anyhow::Result<usize> {
    let bytes = loop {
        match source.read(lines.space()?) {
            Ok(0) => return Ok(0),
            Ok(bytes) => break bytes,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    };
    let now_ns = live.is_some().then(wall_ns);
    arrivals.arrived(bytes);
    arrivals.nul_bytes += memchr_iter(0, lines.filled(bytes)).count() as u64;
    let mut messages = 0;
    while let Some(line) = lines.next()? {
        messages += u64::from(arrivals.verifier.add(line, now_ns));
    }
    if let Some(live) = live {
        *live += messages;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn line(sequence: u64) -> String {
        format!("Oct 11 22:14:15 flood0000 flood[4711]: conn=0000 seq={sequence:010} x\n")
    }

    #[test]
    fn several_files_are_one_stream() {
        let directory = tempfile::tempdir().unwrap();
        let paths = ["log.1", "log"].map(|name| directory.path().join(name));
        std::fs::write(&paths[0], line(0) + &line(1)).unwrap();
        std::fs::write(&paths[1], line(2) + &line(4) + "Oct 11 cut").unwrap();
        let stop = Stop::on_signal().unwrap();
        let arrivals = read(&paths, &stop).unwrap();
        let findings = arrivals.verifier.findings(Some(5));
        assert_eq!((findings.messages, findings.missing), (4, 1));
        assert_eq!((arrivals.cut, arrivals.nul_bytes), (1, 0));
    }

    #[test]
    fn space_that_was_never_written_is_seen() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        std::fs::write(&path, line(0) + "\0\0\0").unwrap();
        let stop = Stop::on_signal().unwrap();
        assert_eq!(read(&[path], &stop).unwrap().nul_bytes, 3);
    }

    #[test]
    fn tail_ends_with_the_count() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let stop = Stop::on_signal().unwrap();
        let end = End {
            count: Some(100),
            idle: None,
        };
        let writer = {
            let path = path.clone();
            thread::spawn(move || {
                let mut file = File::create(path).unwrap();
                for sequence in 0..100 {
                    let line = line(sequence);
                    let (head, tail) = line.split_at(30);
                    file.write_all(head.as_bytes()).unwrap();
                    file.write_all(tail.as_bytes()).unwrap();
                }
            })
        };
        let arrivals = tail(&[path], None, end, &stop).unwrap();
        writer.join().unwrap();
        assert!(arrivals.verifier.findings(Some(100)).clean());
    }
}
