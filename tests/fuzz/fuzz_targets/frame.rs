//! Framing: any bytes, cut anywhere, give the same frames as in one piece, none
//! longer than the limit, and never more carried over than stated.

#![no_main]

use libfuzzer_sys::fuzz_target;
use splashdam::frame::{Framer, FramerOptions, Framing, FramingFaults};

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

fuzz_target!(|input: (u8, bool, Vec<u8>)| {
    let (cut, octet_counted, stream) = input;
    let options = FramerOptions {
        octet_counted,
        message_bytes_max: 40,
        frame_bytes_max: 200,
    };
    let whole = frames(&options, std::iter::once(&stream[..]));
    let parts = frames(&options, stream.chunks(usize::from(cut % 50) + 1));
    assert_eq!(whole, parts);
});
