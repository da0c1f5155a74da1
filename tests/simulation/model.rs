//! What the daemon has to make of a stream, said as plainly as possible: the
//! whole stream is at hand, nothing is cut, nothing is fast.

/// What a framer is told.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Whether frames may be octet counted.
    pub octet_counted: bool,
    pub message_bytes_max: usize,
    pub frame_bytes_max: usize,
    /// Another byte that ends a frame.
    pub additional: Option<u8>,
    /// Whether what is too long is split; else it is truncated.
    pub splits: bool,
}

/// What a stream comes to.
#[derive(Debug, Default)]
pub struct Expected {
    /// The messages, as lines of the output.
    pub lines: Vec<Vec<u8>>,
    /// Frames without a byte.
    pub empty: u64,
}

/// The messages of a stream that ended.
pub fn expected(stream: &[u8], limits: Limits) -> Expected {
    let mut expected = Expected::default();
    let mut rest = stream;
    while !rest.is_empty() {
        let frame;
        if let Some((text, len)) = octet_count(rest, limits) {
            let whole = &rest[text..];
            (frame, rest) = whole.split_at(len.min(whole.len()));
        } else {
            let ends = |byte| byte == b'\n' || Some(byte) == limits.additional;
            let mut parts = rest.splitn(2, |&byte| ends(byte));
            frame = parts.next().unwrap_or_default();
            rest = parts.next().unwrap_or_default();
        }
        if frame.is_empty() {
            expected.empty += 1;
        } else {
            let pieces = frame.chunks(limits.message_bytes_max);
            let taken = if limits.splits { usize::MAX } else { 1 };
            expected.lines.extend(pieces.take(taken).map(escaped));
        }
    }
    expected
}

/// Where the text behind an octet count starts, and its length.
fn octet_count(rest: &[u8], limits: Limits) -> Option<(usize, usize)> {
    let space = rest.iter().position(|&byte| byte == b' ')?;
    let digits = std::str::from_utf8(&rest[..space]).ok()?;
    let is_count = limits.octet_counted
        && (1..=10).contains(&space)
        && !digits.starts_with('0')
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    let value = is_count.then(|| digits.parse::<u64>().ok())??;
    (value <= limits.frame_bytes_max as u64).then_some((space + 1, value as usize))
}

fn escaped(frame: &[u8]) -> Vec<u8> {
    let frame = frame.strip_suffix(b"\0").unwrap_or(frame);
    let frame = frame.strip_suffix(b"\n").unwrap_or(frame);
    let mut text = Vec::new();
    for &byte in frame {
        if byte < 0x20 {
            text.extend_from_slice(format!("#{byte:03o}").as_bytes());
        } else {
            text.push(byte);
        }
    }
    text
}
