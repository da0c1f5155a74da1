//! What a connection's bytes are wrapped in before they are frames: a proxy's
//! header in front of them, a compressed stream around them.

use flate2::{Decompress, FlushDecompress, Status};

use super::ListenerOptions;

/// What the bytes of one connection are wrapped in.
pub(super) struct Wrapping {
    /// Whether the proxy's header has not come, or not whole.
    pub awaits_header: bool,
    /// Whether the bytes were found wrong: the connection is about to be closed,
    /// and what still comes is not looked at.
    pub is_refused: bool,
    /// Whether its receive was cancelled because of a backlog.
    pub is_paused: bool,
    /// Whether it stands in the list of those that wait to be inflated.
    pub is_listed: bool,
    pub inflater: Option<Inflater>,
}

impl Wrapping {
    /// That of a new connection; `None` where there is none.
    pub fn of(options: &ListenerOptions) -> Option<Box<Wrapping>> {
        if !options.proxy_protocol && !options.is_compressed {
            return None;
        }
        Some(Box::new(Wrapping {
            awaits_header: options.proxy_protocol,
            is_refused: false,
            is_paused: false,
            is_listed: false,
            inflater: options.is_compressed.then(Inflater::new),
        }))
    }

    /// Whether received bytes wait to be inflated.
    pub fn has_backlog(&self) -> bool {
        let inflater = self.inflater.as_ref();
        inflater.is_some_and(|inflater| !inflater.is_done)
    }

    /// Forgets what waits to be inflated. Returns its bytes.
    pub fn forget_backlog(&mut self) -> usize {
        self.inflater.as_mut().map_or(0, Inflater::forget)
    }
}

/// A zlib stream (RFC 1950) that is inflated piece by piece: what omfwd sends
/// with `compression.mode="stream:always"`.
pub(super) struct Inflater {
    stream: Decompress,
    /// Compressed bytes, used up to `at`.
    input: Vec<u8>,
    at: usize,
    /// Whether all of the input was used and nothing of it waits in the stream.
    is_done: bool,
    /// Whether the damage was found behind what was inflated last.
    is_corrupt: bool,
}

/// The stream is damaged.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Corrupt;

impl Inflater {
    pub fn new() -> Inflater {
        Inflater {
            stream: Decompress::new(true),
            input: Vec::new(),
            at: 0,
            is_done: true,
            is_corrupt: false,
        }
    }

    /// Adds compressed bytes behind those that wait.
    pub fn push(&mut self, bytes: &[u8]) {
        self.input.drain(..self.at);
        self.at = 0;
        self.input.extend_from_slice(bytes);
        self.is_done &= bytes.is_empty();
    }

    /// Inflates into `out`, which is not empty. Returns how many bytes that
    /// gave; 0 once all that was added is used.
    ///
    /// # Errors
    /// [`Corrupt`]; nothing of the stream can be used any more.
    pub fn step(&mut self, out: &mut [u8]) -> Result<usize, Corrupt> {
        if self.is_corrupt {
            return Err(Corrupt);
        }
        while !self.is_done {
            let (read, written) = (self.stream.total_in(), self.stream.total_out());
            let input = &self.input[self.at..];
            let status = self.stream.decompress(input, out, FlushDecompress::Sync);
            let read = (self.stream.total_in() - read) as usize;
            let written = (self.stream.total_out() - written) as usize;
            self.at += read;
            let Ok(status) = status else {
                self.is_corrupt = true;
                // What stands before the damage counts.
                return if written > 0 {
                    Ok(written)
                } else {
                    Err(Corrupt)
                };
            };
            let is_all_read = self.at == self.input.len();
            if status == Status::StreamEnd {
                // A sender may end one stream and begin another.
                self.stream.reset(true);
                self.is_done = is_all_read;
            } else if read == 0 && written == 0 {
                if !is_all_read {
                    return Err(Corrupt);
                }
                self.is_done = true;
            }
            if self.is_done {
                self.forget();
            }
            if written > 0 {
                return Ok(written);
            }
        }
        Ok(0)
    }

    fn forget(&mut self) -> usize {
        let bytes = self.input.len() - self.at;
        self.input.clear();
        self.at = 0;
        self.is_done = true;
        bytes
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;
    use proptest::prelude::*;

    use super::*;

    fn deflated(text: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn inflated(pieces: &[&[u8]], out: usize) -> Result<Vec<u8>, Corrupt> {
        let mut inflater = Inflater::new();
        let mut out = vec![0; out];
        let mut text = Vec::new();
        for piece in pieces {
            inflater.push(piece);
            loop {
                let len = inflater.step(&mut out)?;
                if len == 0 {
                    break;
                }
                text.extend_from_slice(&out[..len]);
            }
            assert!(inflater.is_done && inflater.input.is_empty());
        }
        Ok(text)
    }

    #[test]
    fn streams_may_follow_each_other() {
        let bytes = [deflated(b"one\n"), deflated(b"two\n")].concat();
        assert_eq!(inflated(&[&bytes], 3).unwrap(), b"one\ntwo\n");
        assert_eq!(inflated(&[], 3).unwrap(), b"");
    }

    #[test]
    fn what_is_no_stream_is_corrupt() {
        assert_eq!(inflated(&[b"<13>a message\n"], 100), Err(Corrupt));
        let mut bytes = deflated(&[b'x'; 1000]);
        // The checksum.
        *bytes.last_mut().unwrap() ^= 1;
        assert_eq!(inflated(&[&bytes], 5000), Err(Corrupt));
    }

    #[test]
    fn what_stands_before_the_damage_comes() {
        let mut bytes = deflated(b"one");
        *bytes.last_mut().unwrap() ^= 1;
        let mut inflater = Inflater::new();
        inflater.push(&bytes);
        let mut out = [0; 100];
        assert_eq!(inflater.step(&mut out), Ok(3));
        assert_eq!(inflater.step(&mut out), Err(Corrupt));
    }

    /// A little that becomes much comes in pieces of the size that is asked for.
    #[test]
    fn a_step_gives_no_more_than_there_is_room() {
        let bytes = deflated(&vec![0; 10_000_000]);
        assert!(bytes.len() < 11_000);
        let mut inflater = Inflater::new();
        inflater.push(&bytes);
        let mut out = [1; 1000];
        assert_eq!(inflater.step(&mut out), Ok(1000));
        assert!(!inflater.is_done);
        assert_eq!(inflated(&[&bytes], 4096).unwrap().len(), 10_000_000);
    }

    proptest! {
        #[test]
        fn cuts_change_nothing(
            text in prop::collection::vec(0u8..4, 0..3000),
            cut in any::<prop::sample::Index>(),
            out in 1usize..2000,
        ) {
            let bytes = deflated(&text);
            let (head, tail) = bytes.split_at(cut.index(bytes.len()));
            prop_assert_eq!(inflated(&[head, tail], out).unwrap(), text);
        }

        #[test]
        fn garbage_is_survived(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
            let _ = inflated(&[&[0x78, 0x9c], &bytes], 100);
        }
    }
}
