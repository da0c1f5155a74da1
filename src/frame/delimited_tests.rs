use proptest::prelude::*;

use super::super::{Delimiters, Framer, LineStart};
use super::*;

/// What is compared of a frame.
type Found = (Vec<u8>, Framing, bool, bool);

struct Yield {
    frames: Vec<Found>,
    oversize: Vec<Vec<u8>>,
    faults: FramingFaults,
}

fn options() -> FramerOptions {
    FramerOptions {
        octet_counted: true,
        message_bytes_max: 20,
        frame_bytes_max: 100,
        ..FramerOptions::default()
    }
}

fn with(delimiters: Delimiters) -> FramerOptions {
    FramerOptions {
        delimiters,
        ..options()
    }
}

fn multi_line() -> FramerOptions {
    with(Delimiters {
        is_multi_line: true,
        ..Delimiters::default()
    })
}

fn line_start(pattern: &str) -> FramerOptions {
    with(Delimiters {
        line_start: Some(LineStart::new(pattern).unwrap()),
        ..Delimiters::default()
    })
}

/// All that comes of a stream that arrives in the given pieces.
fn yield_of(options: &FramerOptions, pieces: &[&[u8]], end: Stream) -> Yield {
    let mut framer = DelimitedFramer::default();
    let mut frames = Vec::new();
    let mut oversize = Vec::new();
    let mut carry = Vec::new();
    let mut take = |carry: &[u8], found: DelimitedFrame| {
        let frame = found.frame;
        let text = carry[frame.range.clone()].to_vec();
        assert!(text.len() <= options.text_bytes_max());
        assert_eq!(frame.has_control, find_control(&text).is_some());
        frames.push((text, frame.framing, frame.has_control, frame.is_truncated));
        oversize.extend(found.oversize.map(|whole| carry[whole].to_vec()));
    };
    for piece in pieces {
        carry.extend_from_slice(piece);
        let mut at = 0;
        while let Some(found) = framer.next(options, &carry, &mut at, Stream::GoesOn) {
            take(&carry, found);
        }
        carry.drain(..at);
        assert!(carry.len() <= options.carry_bytes_max());
    }
    let mut at = 0;
    while let Some(found) = framer.next(options, &carry, &mut at, end) {
        take(&carry, found);
    }
    let faults = framer.take_faults();
    Yield {
        frames,
        oversize,
        faults,
    }
}

fn texts(options: &FramerOptions, stream: &str) -> Vec<String> {
    let found = yield_of(options, &[stream.as_bytes()], Stream::Closed);
    let text = |(text, ..): Found| String::from_utf8(text).unwrap();
    found.frames.into_iter().map(text).collect()
}

#[test]
fn another_byte_ends_a_frame_as_a_line_feed_does() {
    for byte in [0, b';', b'5', 0xff] {
        let options = with(Delimiters {
            additional: Some(byte),
            ..Delimiters::default()
        });
        let stream = [b"one" as &[u8], &[byte], b"two\n3 a\nbthree", &[byte]].concat();
        let found = yield_of(&options, &[&stream], Stream::Closed);
        let texts: Vec<Vec<u8>> = found.frames.into_iter().map(|frame| frame.0).collect();
        assert_eq!(texts, [&b"one"[..], b"two", b"a\nb", b"three"], "{byte}");
    }
}

#[test]
fn a_line_feed_may_be_text() {
    let mut options = with(Delimiters {
        additional: Some(b';'),
        line_feed_is_text: true,
        ..Delimiters::default()
    });
    assert_eq!(
        texts(&options, "one\n;\ntwo;3 a;b\n;three\n"),
        ["one\n", "\ntwo", "a;b", "\n", "three\n"]
    );
    // Then only an octet count or the end of the stream ends a frame.
    options.delimiters.additional = None;
    assert!(options.delimiters.has_none());
    assert_eq!(texts(&options, "3 a\nbone\n2 x;"), ["a\nb", "one\n2 x;"]);
    // A line feed is text for `multiLine` too.
    options.delimiters.additional = Some(b';');
    options.delimiters.is_multi_line = true;
    assert_eq!(texts(&options, "a\n<1>b;c;<2>d"), ["a\n<1>b;c", "<2>d"]);
}

#[test]
fn with_multi_line_a_line_feed_ends_a_frame_only_before_a_priority() {
    assert_eq!(
        texts(&multi_line(), "<1>a\n b\n\n<2>c\n7 d\n <3>e"),
        ["<1>a\n b\n", "<2>c\n7 d\n <3>e"]
    );
    // The last line's end is none of the message.
    assert_eq!(texts(&multi_line(), "<1>a\n"), ["<1>a"]);
    // Behind an octet-counted frame there may be another one.
    assert_eq!(
        texts(&multi_line(), "2 x\n3 a\nb<2>"),
        ["x\n", "a\nb", "<2>"]
    );
}

#[test]
fn with_multi_line_another_delimiter_needs_a_priority_behind_it_too() {
    let mut options = multi_line();
    options.delimiters.additional = Some(b';');
    assert_eq!(
        texts(&options, "<1>a;b\nc;<2>d\n<3>"),
        ["<1>a;b\nc", "<2>d", "<3>"]
    );
}

#[test]
fn with_an_expression_a_message_begins_with_a_line_that_matches() {
    let options = line_start("^<[0-9]{1,3}>|^5 ");
    assert_eq!(
        texts(&options, "<1>a\n<b\n <2>c\n\n<22>d\n5 hello\n"),
        ["<1>a\n<b\n <2>c\n", "<22>d", "5 hello"]
    );
    // The first line of a stream begins a message whatever it is.
    assert_eq!(texts(&options, "a\nb\n<1>"), ["a\nb", "<1>"]);
    // A line is judged as a whole.
    assert_eq!(
        texts(&line_start("x$"), "a\nbxb\ncx\nd\n"),
        ["a\nbxb", "cx\nd"]
    );
    // An empty line begins none.
    assert_eq!(texts(&line_start("^"), "a\n\nb"), ["a\n", "b"]);
}

#[test]
fn only_the_beginning_of_a_line_is_judged() {
    let options = FramerOptions {
        message_bytes_max: 10_000,
        ..line_start("x$|y$")
    };
    let fill = "a".repeat(LINE_START_BYTES_MAX - 1);
    let texts = texts(&options, &format!("first\n{fill}x more\n{fill}ay\nlast"));
    assert_eq!(texts.len(), 2);
    assert_eq!(texts[1], format!("{fill}x more\n{fill}ay\nlast"));
}

#[test]
fn expressions_that_cannot_be_are_refused() {
    for wrong in ["(", "[", "a{1000}{1000}{1000}", r"(a)\1"] {
        assert!(LineStart::new(wrong).is_err(), "{wrong}");
    }
    // Bytes, not text: no letter beyond ASCII is one character.
    assert!(LineStart::new("^.$").unwrap().begins(b"\xff"));
}

#[test]
fn spaces_in_front_of_a_frame_are_skipped() {
    let options = with(Delimiters {
        skips_spaces: true,
        ..Delimiters::default()
    });
    assert_eq!(
        texts(&options, "  a \n b\n 3 x y  4 \nzz\n   "),
        ["a ", "b", "x y", "\nzz\n"]
    );
}

fn oversize(mode: OversizeMode, keeps_oversize: bool) -> FramerOptions {
    FramerOptions {
        oversize: mode,
        keeps_oversize,
        ..options()
    }
}

#[test]
fn what_is_too_long_is_truncated_split_or_accepted() {
    let long = "0123456789".repeat(5).replace('0', "x");
    let stream = format!("{long}\n50 {long}end\n");
    for keeps in [false, true] {
        let truncated = texts(&oversize(OversizeMode::Truncate, keeps), &stream);
        assert_eq!(truncated, [&long[..20], &long[..20], "end"]);
        let split = texts(&oversize(OversizeMode::Split, keeps), &stream);
        let pieces = [&long[..20], &long[20..40], &long[40..]];
        assert_eq!(split, [&pieces[..], &pieces, &["end"]].concat());
        let accepted = texts(&oversize(OversizeMode::Accept, keeps), &stream);
        assert_eq!(accepted, [&long, &long, "end"]);
    }
}

#[test]
fn exactly_the_limit_is_not_too_long() {
    let text = "y".repeat(20);
    let stream = format!("{text}\n20 {text}{text}");
    for mode in [
        OversizeMode::Truncate,
        OversizeMode::Split,
        OversizeMode::Accept,
    ] {
        let found = yield_of(&oversize(mode, true), &[stream.as_bytes()], Stream::Closed);
        assert_eq!(found.frames.len(), 3, "{mode:?}");
        assert_eq!(found.faults, FramingFaults::default(), "{mode:?}");
        assert!(found.oversize.is_empty());
    }
}

#[test]
fn each_message_that_is_too_long_is_counted_and_kept_once() {
    let long = "z".repeat(50);
    let longest = "z".repeat(250);
    let stream = format!("{long}\n50 {long}{longest}\nend");
    let of = |mode| yield_of(&oversize(mode, true), &[stream.as_bytes()], Stream::Closed);
    let truncated = of(OversizeMode::Truncate);
    assert_eq!(truncated.faults.truncated, 3);
    assert_eq!(truncated.frames.len(), 4);
    let split = of(OversizeMode::Split);
    assert_eq!(split.faults.split, 3);
    assert_eq!(split.faults.truncated, 0);
    // 250 bytes in pieces of 20.
    assert_eq!(split.frames.len(), 3 + 3 + 13 + 1);
    let accepted = of(OversizeMode::Accept);
    assert_eq!(
        (accepted.faults.accepted, accepted.faults.truncated),
        (2, 1)
    );
    assert_eq!(accepted.frames.len(), 4);
    assert_eq!(accepted.frames[2].0.len(), 100);
    for found in [truncated, split, accepted] {
        let whole: Vec<usize> = found.oversize.iter().map(Vec::len).collect();
        assert_eq!(whole, [50, 50, 100]);
    }
}

#[test]
fn a_stream_that_breaks_off_cuts_its_last_frame() {
    for (options, stream, texts, cut) in [
        (multi_line(), "<1>a\n<2>b", vec!["<1>a", "<2>b"], 1),
        (multi_line(), "<1>a\n<2>b\n", vec!["<1>a", "<2>b"], 0),
        (line_start("^<"), "<1>a\n<2>b", vec!["<1>a", "<2>b"], 1),
        (
            oversize(OversizeMode::Split, false),
            "9 abc",
            vec!["abc"],
            1,
        ),
    ] {
        let found = yield_of(&options, &[stream.as_bytes()], Stream::Broken);
        let found_texts: Vec<_> = found.frames.iter().map(|frame| frame.0.clone()).collect();
        assert_eq!(
            found_texts,
            texts.iter().map(|text| text.as_bytes()).collect::<Vec<_>>()
        );
        assert_eq!(found.faults.cut, cut, "{stream:?}");
    }
}

/// The same search for a frame that comes byte by byte and has no end: it goes
/// on where it was, whatever the mode.
#[test]
fn nothing_is_searched_twice() {
    for options in [
        multi_line(),
        line_start("^<"),
        oversize(OversizeMode::Accept, false),
    ] {
        let mut framer = DelimitedFramer::default();
        let mut carry = Vec::new();
        for len in 1..=options.whole_bytes_max() {
            carry.push(b'a');
            let mut at = 0;
            assert_eq!(framer.next(&options, &carry, &mut at, Stream::GoesOn), None);
            let State::Text { search, .. } = framer.state else {
                panic!("{:?}", framer.state);
            };
            assert_eq!((at, search.at), (0, len));
        }
    }
}

/// Options of every kind.
fn any_options() -> impl Strategy<Value = FramerOptions> {
    let additional = prop_oneof![Just(None), any::<u8>().prop_map(Some), Just(Some(b';'))];
    let delimiters = prop_oneof![
        (additional, prop::array::uniform3(any::<bool>())).prop_map(
            |(additional, [line_feed_is_text, is_multi_line, skips_spaces])| Delimiters {
                additional,
                line_feed_is_text,
                is_multi_line,
                skips_spaces,
                line_start: None,
            }
        ),
        prop::sample::select(vec!["^<", "z$", "^[0-9]|e", "$", "z{3,}"]).prop_map(|pattern| {
            Delimiters {
                line_start: Some(LineStart::new(pattern).unwrap()),
                ..Delimiters::default()
            }
        }),
    ];
    let mode = prop::sample::select(vec![
        OversizeMode::Truncate,
        OversizeMode::Split,
        OversizeMode::Accept,
    ]);
    (delimiters, mode, any::<bool>(), any::<bool>()).prop_map(
        |(delimiters, oversize, keeps_oversize, octet_counted)| FramerOptions {
            delimiters,
            oversize,
            keeps_oversize,
            octet_counted,
            ..options()
        },
    )
}

/// Bytes that meet the framer's cases often.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"\n".to_vec()),
        Just(b"\n<".to_vec()),
        Just(b" ".to_vec()),
        Just(b"<13>message\n".to_vec()),
        Just(b"<13>of two\nlines;<14>\n".to_vec()),
        Just(b"5 hello".to_vec()),
        Just(b"40 ".to_vec()),
        Just(b"90 ".to_vec()),
        Just(b"99999999999 x".to_vec()),
        Just(b"\0\t".to_vec()),
        (0usize..150).prop_map(|len| vec![b'z'; len]),
        "[0-9]{1,12} ?".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..10),
    ];
    prop::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

fn cut<'a>(stream: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    let mut rest = stream;
    for cut in cuts.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, next) = rest.split_at((*cut).min(rest.len()));
        pieces.push(piece);
        rest = next;
    }
    pieces
}

proptest! {
    #[test]
    fn how_the_stream_is_cut_does_not_matter(
        options in any_options(),
        stream in stream(),
        cuts in prop::collection::vec(1usize..9, 1..50),
        is_closed in any::<bool>(),
    ) {
        let end = if is_closed { Stream::Closed } else { Stream::Broken };
        let whole = yield_of(&options, &[&stream], end);
        let parts = yield_of(&options, &cut(&stream, &cuts), end);
        prop_assert_eq!(whole.frames, parts.frames);
        prop_assert_eq!(whole.oversize, parts.oversize);
        prop_assert_eq!(whole.faults, parts.faults);
    }

    /// What is kept beside the messages changes nothing about them.
    #[test]
    fn keeping_what_is_too_long_changes_no_message(options in any_options(), stream in stream()) {
        // Beyond what is kept, only a split goes on.
        let mut kept = options.clone();
        kept.keeps_oversize = !options.keeps_oversize;
        let one = yield_of(&options, &[&stream], Stream::Closed);
        let other = yield_of(&kept, &[&stream], Stream::Closed);
        let texts = |found: Yield| -> Vec<Vec<u8>> {
            found.frames.into_iter().map(|frame| frame.0).collect()
        };
        prop_assert_eq!(texts(one), texts(other));
    }

    /// Without options it does what the plain framer does.
    #[test]
    fn without_options_the_frames_are_those_of_the_plain_framer(
        stream in stream(),
        octet_counted in any::<bool>(),
        is_closed in any::<bool>(),
    ) {
        let options = FramerOptions { octet_counted, ..options() };
        prop_assert!(options.is_plain());
        let end = if is_closed { Stream::Closed } else { Stream::Broken };
        let found = yield_of(&options, &[&stream], end);
        let mut framer = Framer::default();
        let (mut frames, mut at) = (Vec::new(), 0);
        let mut take = |bytes: &[u8], frame: Frame| {
            let text = bytes[frame.range].to_vec();
            frames.push((text, frame.framing, frame.has_control, frame.is_truncated));
        };
        while let Some(frame) = framer.next(&options, &stream, &mut at) {
            take(&stream, frame);
        }
        if let Some(frame) = framer.finish(&options, &stream[at..], is_closed) {
            take(&stream[at..], frame);
        }
        prop_assert_eq!(found.frames, frames);
        prop_assert_eq!(found.faults, framer.take_faults());
    }

    /// A line feed that is text is any byte: where it stands changes nothing
    /// but the text.
    #[test]
    fn a_line_feed_that_is_text_is_like_any_byte(mut stream in stream()) {
        let options = |line_feed_is_text| with(Delimiters {
            additional: Some(b';'),
            line_feed_is_text,
            ..Delimiters::default()
        });
        let found = yield_of(&options(true), &[&stream], Stream::Closed);
        let shown: Vec<Vec<u8>> = found.frames.into_iter().map(|frame| frame.0).collect();
        let replace = |bytes: &mut Vec<u8>| {
            bytes.iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = b'z');
        };
        replace(&mut stream);
        let found = yield_of(&options(false), &[&stream], Stream::Closed);
        let expected: Vec<Vec<u8>> = found.frames.into_iter().map(|frame| frame.0).collect();
        let mut replaced = shown;
        replaced.iter_mut().for_each(replace);
        prop_assert_eq!(replaced, expected);
    }

    /// All text is delivered where nothing is cut off.
    #[test]
    fn a_split_loses_no_byte(stream in stream()) {
        let options = FramerOptions {
            octet_counted: false,
            ..oversize(OversizeMode::Split, false)
        };
        let found = yield_of(&options, &[&stream], Stream::Closed);
        let mut delivered: Vec<u8> = found.frames.into_iter().flat_map(|frame| frame.0).collect();
        let mut sent = stream;
        sent.retain(|byte| *byte != b'\n');
        delivered.retain(|byte| *byte != b'\n');
        prop_assert_eq!(delivered, sent);
    }

    /// Frames that are short enough, as the parameters' documentation has it.
    #[test]
    fn short_messages_are_those_that_the_documentation_says(
        lines in prop::collection::vec("[a<]?[a-z]{0,3}", 1..30),
    ) {
        let stream = format!("<{}\n", lines.join("\n"));
        let mut expected: Vec<String> = Vec::new();
        for line in stream.trim_end_matches('\n').split('\n') {
            match expected.last_mut() {
                Some(last) if !line.starts_with('<') => {
                    last.push('\n');
                    last.push_str(line);
                }
                _ => expected.push(line.to_owned()),
            }
        }
        // Empty lines at the end belong to the last message but for one.
        let ends = stream.len() - stream.trim_end_matches('\n').len();
        if let Some(last) = expected.last_mut() {
            last.push_str(&"\n".repeat(ends - 1));
        }
        for options in [multi_line(), line_start("^<")] {
            let options = FramerOptions { message_bytes_max: 1000, ..options };
            prop_assert_eq!(&texts(&options, &stream), &expected);
        }
    }
}
