use proptest::prelude::*;

use super::*;

fn options() -> FramerOptions {
    FramerOptions {
        octet_counted: true,
        message_bytes_max: 20,
        frame_bytes_max: 100,
        ..FramerOptions::default()
    }
}

/// All frames of a stream that arrives in the given pieces, with the faults.
fn frames_of(pieces: &[&[u8]]) -> (Vec<(Vec<u8>, Frame)>, FramingFaults) {
    let options = options();
    let mut framer = Framer::default();
    let mut frames = Vec::new();
    let mut carry = Vec::new();
    for piece in pieces {
        carry.extend_from_slice(piece);
        let mut at = 0;
        while let Some(frame) = framer.next(&options, &carry, &mut at) {
            frames.push((carry[frame.range.clone()].to_vec(), frame));
        }
        carry.drain(..at);
        assert!(carry.len() <= options.carry_bytes_max());
    }
    if let Some(frame) = framer.finish(&options, &carry, true) {
        frames.push((carry[frame.range.clone()].to_vec(), frame));
    }
    (frames, framer.take_faults())
}

fn texts(stream: &str) -> Vec<String> {
    let (frames, _) = frames_of(&[stream.as_bytes()]);
    let text = |(text, _): (Vec<u8>, Frame)| String::from_utf8(text).unwrap();
    frames.into_iter().map(text).collect()
}

fn faults(stream: &str) -> FramingFaults {
    frames_of(&[stream.as_bytes()]).1
}

#[test]
fn both_framings_live_on_one_connection() {
    assert_eq!(
        texts("<1>one\n5 <2>tw<3>three\n"),
        ["<1>one", "<2>tw", "<3>three"]
    );
}

#[test]
fn an_octet_counted_message_may_hold_line_feeds() {
    assert_eq!(texts("7 one\ntwo3 abc"), ["one\ntwo", "abc"]);
}

#[test]
fn the_last_frame_needs_no_line_feed() {
    assert_eq!(texts("one\ntwo"), ["one", "two"]);
    assert_eq!(texts("one\n"), ["one"]);
}

#[test]
fn empty_lines_are_empty_frames() {
    assert_eq!(texts("\n\nx\n"), ["", "", "x"]);
}

#[test]
fn a_digit_that_is_no_count_is_text() {
    for stream in [
        "123: Cisco",
        "0 zero",
        "007 bond",
        "1,5",
        "12\n",
        "2026-01-01T00:00:00Z",
    ] {
        assert_eq!(texts(&format!("{stream}\nnext\n"))[0], stream.trim_end());
        assert_eq!(faults(&format!("{stream}\n")).no_count, 1, "{stream}");
    }
}

#[test]
fn a_lying_count_allocates_nothing_and_loses_nothing() {
    for stream in ["99999999999 x", "101 x", "18446744073709551617 x"] {
        assert_eq!(texts(&format!("{stream}\nnext\n"))[1], "next", "{stream}");
        assert_eq!(
            faults(&format!("{stream}\n")).count_too_large,
            1,
            "{stream}"
        );
    }
    // Longer than the stream: what came is delivered at its end.
    assert_eq!(texts("99 abc"), ["abc"]);
    assert_eq!(faults("99 abc").cut, 1);
    assert_eq!(texts("99"), ["99"]);
}

#[test]
fn long_frames_are_truncated_and_the_next_one_is_whole() {
    let long = "y".repeat(30);
    let cut = "y".repeat(20);
    assert_eq!(texts(&format!("{long}\nnext\n")), [cut.as_str(), "next"]);
    assert_eq!(texts(&format!("30 {long}next\n")), [cut.as_str(), "next"]);
    assert_eq!(texts(&long), [cut.as_str()]);
    assert_eq!(faults(&format!("{long}\n30 {long}")).truncated, 2);
    // Exactly the limit is not too long.
    assert_eq!(faults(&format!("{cut}\n20 {cut}")).truncated, 0);
}

#[test]
fn control_characters_are_noticed_where_they_count() {
    let controls = |stream: &[u8]| -> Vec<bool> {
        let (frames, _) = frames_of(&[stream]);
        frames.iter().map(|(_, frame)| frame.has_control).collect()
    };
    assert_eq!(controls(b"plain\nta\tb\nnul\0\n"), [false, true, true]);
    assert_eq!(controls(b"3 a\nb5 clean"), [true, false]);
    assert_eq!(controls(b"yyyyyyyyyyyyyyyyyyyy\t\n"), [false]);
    assert_eq!(controls(b"del\x7f"), [true]);
}

/// Bytes that meet the framer's cases often.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"\n".to_vec()),
        Just(b"<13>message\n".to_vec()),
        Just(b"5 hello".to_vec()),
        Just(b"40 ".to_vec()),
        Just(b"99999999999 x".to_vec()),
        Just(b"\0\t".to_vec()),
        (0usize..40).prop_map(|len| vec![b'z'; len]),
        "[0-9]{1,12} ?".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..10),
    ];
    prop::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn how_the_stream_is_cut_does_not_matter(
        stream in stream(),
        cuts in prop::collection::vec(1usize..7, 1..50),
    ) {
        let whole = frames_of(&[&stream]);
        let mut pieces = Vec::new();
        let mut rest = &stream[..];
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, next) = rest.split_at((*cut).min(rest.len()));
            pieces.push(piece);
            rest = next;
        }
        let parts = frames_of(&pieces);
        let plain = |frames: &[(Vec<u8>, Frame)]| -> Vec<(Vec<u8>, Framing, bool, bool)> {
            frames
                .iter()
                .map(|(text, frame)| {
                    (text.clone(), frame.framing, frame.has_control, frame.is_truncated)
                })
                .collect()
        };
        prop_assert_eq!(plain(&whole.0), plain(&parts.0));
        prop_assert_eq!(whole.1, parts.1);
    }

    #[test]
    fn no_byte_of_a_short_line_is_lost(lines in prop::collection::vec("[a-z <>]{0,20}", 0..20)) {
        let stream: String = lines.iter().map(|line| format!("{line}\n")).collect();
        prop_assert_eq!(texts(&stream), lines);
    }
}
