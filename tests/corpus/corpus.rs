//! Loader of the corpus: the messages, and what every property of each should
//! be. `README.md` describes the files.

use std::collections::BTreeMap;

/// The properties that are compared, in the order of `expected.tsv`'s columns.
pub const PROPERTIES: [&str; 11] = [
    "pri",
    "timestamp",
    "hostname",
    "syslogtag",
    "programname",
    "app-name",
    "procid",
    "msgid",
    "structured-data",
    "msg",
    "protocol-version",
];

/// One message of the corpus.
pub struct Sample {
    pub name: &'static str,
    /// The message as it is sent, without framing.
    pub message: Vec<u8>,
    /// What each of [`PROPERTIES`] should give: as rsyslog printed it, or as
    /// `differences.md` has it. For `timestamp` see `README.md`.
    pub expected: BTreeMap<&'static str, Vec<u8>>,
}

/// All messages of the corpus, in the order of `messages.txt`.
///
/// # Panics
/// If the files are not in the format that `README.md` describes.
pub fn samples() -> Vec<Sample> {
    let mut expected = recorded();
    for (name, property, rsyslog, splashdam) in differences() {
        let values = expected.get_mut(name).expect("a name of the corpus");
        let before = values.insert(property, splashdam);
        assert_eq!(
            before,
            Some(rsyslog),
            "{name}: differences.md is out of date"
        );
    }
    let is_message = |line: &&str| !line.is_empty() && !line.starts_with('#');
    let sample = |line: &'static str| {
        let (name, message) = line.split_once(' ').expect("a name and a message");
        Sample {
            name,
            message: unescape(message),
            expected: expected.remove(name).expect("a line in expected.tsv"),
        }
    };
    let lines = include_str!("messages.txt").lines();
    lines.filter(is_message).map(sample).collect()
}

/// What rsyslog printed, by name and property.
fn recorded() -> BTreeMap<&'static str, BTreeMap<&'static str, Vec<u8>>> {
    let values = |line: &'static str| {
        let (name, values) = line.split_once('\t').expect("a name and values");
        let values = values.split('\t').map(unescape);
        (name, PROPERTIES.into_iter().zip(values).collect())
    };
    let lines = include_str!("expected.tsv").lines();
    lines.skip(1).map(values).collect()
}

/// Rows of the tables in `differences.md`: name, property, rsyslog's value, ours.
pub fn differences() -> Vec<(&'static str, &'static str, Vec<u8>, Vec<u8>)> {
    let row = |line: &'static str| {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [name, property, rsyslog, splashdam] = cells[..] else {
            return None;
        };
        let code = |cell: &'static str| cell.strip_prefix('`')?.strip_suffix('`');
        Some((
            code(name)?,
            code(property)?,
            unescape(code(rsyslog)?),
            unescape(code(splashdam)?),
        ))
    };
    include_str!("differences.md")
        .lines()
        .filter_map(row)
        .collect()
}

/// Resolves `\n`, `\r`, `\t`, `\0`, `\\`, `\xHH`, and `\{N*B}`: N times B.
fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        if let Some(repeated) = rest.strip_prefix(b"\\{") {
            let star = repeated
                .iter()
                .position(|&byte| byte == b'*')
                .expect("a star");
            let count = std::str::from_utf8(&repeated[..star]).expect("digits");
            let (byte, behind) = unescape_one(&repeated[star + 1..]);
            out.resize(out.len() + count.parse::<usize>().expect("a count"), byte);
            rest = behind.strip_prefix(b"}").expect("a closing brace");
        } else {
            let (byte, behind) = unescape_one(rest);
            out.push(byte);
            rest = behind;
        }
    }
    out
}

fn unescape_one(text: &[u8]) -> (u8, &[u8]) {
    match text {
        [b'\\', b'x', high, low, rest @ ..] => {
            let digit = |digit: u8| char::from(digit).to_digit(16).expect("a hex digit") as u8;
            (digit(*high) << 4 | digit(*low), rest)
        }
        [b'\\', letter, rest @ ..] => {
            let byte = match letter {
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'0' => 0,
                b'\\' => b'\\',
                other => panic!("unknown escape \\{}", char::from(*other)),
            };
            (byte, rest)
        }
        [byte, rest @ ..] => (*byte, rest),
        [] => panic!("an escape is cut short"),
    }
}
