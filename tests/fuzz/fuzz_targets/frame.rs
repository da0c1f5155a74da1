//! Framing: any bytes, cut anywhere, give the same frames as in one piece, none
//! longer than the limit, and never more carried over than stated.

#![no_main]

use libfuzzer_sys::fuzz_target;
use splashdam::frame::{
    DelimitedFramer, Delimiters, Framer, FramerOptions, Framing, FramingFaults, LineStart,
    OversizeMode, Stream,
};

/// Text, framing, control characters, truncated.
type Found = (Vec<u8>, Framing, bool, bool);

fn frames<'a>(
    options: &FramerOptions,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> (Vec<Found>, FramingFaults) {
    let mut framer = Framer::default();
    let mut found = Vec::new();
    let mut carry = Vec::new();
    for piece in pieces {
        carry.extend_from_slice(piece);
        let mut at = 0;
        while let Some(frame) = framer.next(options, &carry, &mut at) {
            let text = carry[frame.range].to_vec();
            assert!(text.len() <= options.message_bytes_max);
            found.push((text, frame.framing, frame.has_control, frame.is_truncated));
        }
        carry.drain(..at);
        assert!(carry.len() <= options.carry_bytes_max());
    }
    if let Some(frame) = framer.finish(options, &carry, true) {
        let text = carry[frame.range].to_vec();
        found.push((text, frame.framing, frame.has_control, frame.is_truncated));
    }
    for (text, _, has_control, _) in &found {
        let has = text.iter().any(|&byte| byte < 0x20 || byte == 0x7f);
        assert_eq!(has, *has_control);
    }
    (found, framer.take_faults())
}

/// The same by the framer of listeners with other delimiters; and, of messages
/// that are too long, the whole.
fn delimited<'a>(
    options: &FramerOptions,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> (Vec<Found>, Vec<Vec<u8>>, FramingFaults) {
    let mut framer = DelimitedFramer::default();
    let mut found = Vec::new();
    let mut oversize = Vec::new();
    let mut carry = Vec::new();
    for piece in pieces.map(Some).chain([None]) {
        let stream = match piece {
            Some(_) => Stream::GoesOn,
            None => Stream::Closed,
        };
        carry.extend_from_slice(piece.unwrap_or_default());
        let mut at = 0;
        while let Some(next) = framer.next(options, &carry, &mut at, stream) {
            let frame = next.frame;
            let text = carry[frame.range].to_vec();
            assert!(text.len() <= options.text_bytes_max());
            let has = text.iter().any(|&byte| byte < 0x20 || byte == 0x7f);
            assert_eq!(has, frame.has_control);
            found.push((text, frame.framing, frame.has_control, frame.is_truncated));
            oversize.extend(next.oversize.map(|whole| carry[whole].to_vec()));
        }
        carry.drain(..at);
        assert!(carry.len() <= options.carry_bytes_max());
    }
    (found, oversize, framer.take_faults())
}

/// Expressions that are anchored, that are not, and that match little and much.
const EXPRESSIONS: [&str; 4] = ["^<[0-9]+>", "a$", "[0-9]b?", "$"];

/// Options of any kind.
fn options(kind: u8, additional: Option<(u8, bool)>, octet_counted: bool) -> FramerOptions {
    let mode = match kind & 3 {
        0 => OversizeMode::Split,
        1 => OversizeMode::Accept,
        _ => OversizeMode::Truncate,
    };
    let expression = EXPRESSIONS[usize::from(kind >> 6)];
    let delimiters = Delimiters {
        additional: additional.map(|(byte, _)| byte),
        line_feed_is_text: additional.is_some_and(|(_, is_only)| is_only),
        is_multi_line: kind & 4 != 0,
        skips_spaces: kind & 8 != 0,
        line_start: (kind & 16 != 0).then(|| LineStart::new(expression).unwrap()),
    };
    FramerOptions {
        octet_counted,
        message_bytes_max: 40,
        frame_bytes_max: 200,
        delimiters,
        oversize: mode,
        keeps_oversize: kind & 32 != 0,
    }
}

fuzz_target!(|input: (u8, u8, Option<(u8, bool)>, bool, Vec<u8>)| {
    let (cut, kind, additional, octet_counted, stream) = input;
    let pieces = || stream.chunks(usize::from(cut % 50) + 1);
    let plain = FramerOptions {
        octet_counted,
        message_bytes_max: 40,
        frame_bytes_max: 200,
        ..FramerOptions::default()
    };
    let whole = frames(&plain, std::iter::once(&stream[..]));
    assert_eq!(whole, frames(&plain, pieces()));
    // Without options both framers do the same.
    let (found, _, faults) = delimited(&plain, pieces());
    assert_eq!(whole, (found, faults));
    let options = options(kind, additional, octet_counted);
    let whole = delimited(&options, std::iter::once(&stream[..]));
    assert_eq!(whole, delimited(&options, pieces()));
});
