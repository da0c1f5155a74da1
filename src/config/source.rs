//! The files of a configuration.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::span::{FileId, Span};
use crate::limits::{CONFIG_FILE_BYTES_MAX, CONFIG_FILES_MAX};

/// Stands for a byte that is not UTF-8. One byte wide, so that positions stay
/// those of the file.
const NOT_UTF8: char = '\u{1a}';

/// One file.
#[derive(Debug)]
pub struct Source {
    /// Its path as the operator named it.
    pub name: String,
    /// Its text. A byte that is not UTF-8 is replaced by a SUB character.
    pub text: String,
    /// Offsets of the bytes that are not UTF-8, ascending. They are harmless
    /// in a comment and an error elsewhere.
    pub not_utf8: Vec<usize>,
}

/// All files, in the order of reading.
#[derive(Debug, Default)]
pub struct Sources {
    files: Vec<Source>,
}

/// Line and column of a position, both from 1; the column counts characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub line: usize,
    pub column: usize,
}

impl Sources {
    /// Adds a text under a name. The error says why it is refused.
    pub fn add(&mut self, name: &str, bytes: &[u8]) -> Result<FileId, String> {
        if bytes.len() as u64 > CONFIG_FILE_BYTES_MAX {
            return Err(format!(
                "{name}: larger than {} MiB, which no configuration is",
                CONFIG_FILE_BYTES_MAX >> 20
            ));
        }
        let id = match u16::try_from(self.files.len()) {
            Ok(id) if self.files.len() < CONFIG_FILES_MAX => FileId(id),
            _ => return Err(format!("{name}: more than {CONFIG_FILES_MAX} files")),
        };
        let mut text = String::with_capacity(bytes.len());
        let mut not_utf8 = Vec::new();
        for chunk in bytes.utf8_chunks() {
            text.push_str(chunk.valid());
            for _ in chunk.invalid() {
                not_utf8.push(text.len());
                text.push(NOT_UTF8);
            }
        }
        self.files.push(Source {
            name: name.to_owned(),
            text,
            not_utf8,
        });
        Ok(id)
    }

    /// Reads a file. The error names the file and says why it is refused.
    pub fn read(&mut self, path: &Path) -> Result<FileId, String> {
        let name = path.display().to_string();
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(|error| format!("{name}: {error}"))?;
        // A device or a pipe (`/dev/zero`) would never end.
        file.take(CONFIG_FILE_BYTES_MAX + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| format!("{name}: {error}"))?;
        self.add(&name, &bytes)
    }

    /// The file of this number.
    pub fn get(&self, file: FileId) -> Option<&Source> {
        self.files.get(file.0 as usize)
    }

    /// The file's text; empty if there is no such file.
    pub fn text(&self, file: FileId) -> &str {
        self.get(file).map_or("", |source| source.text.as_str())
    }

    /// What is written at `span`.
    pub fn excerpt(&self, span: Span) -> &str {
        self.text(span.file).get(span.range()).unwrap_or("")
    }

    /// Line and column of an offset.
    pub fn place(&self, file: FileId, offset: usize) -> Place {
        let text = self.text(file);
        let head = &text[..floor(text, offset)];
        let line_start = head.rfind('\n').map_or(0, |newline| newline + 1);
        Place {
            line: head.matches('\n').count() + 1,
            column: head[line_start..].chars().count() + 1,
        }
    }

    /// The line that holds an offset, without its end, and where it begins.
    pub fn line(&self, file: FileId, offset: usize) -> (usize, &str) {
        let text = self.text(file);
        let offset = floor(text, offset);
        let start = text[..offset].rfind('\n').map_or(0, |newline| newline + 1);
        let end = text[offset..]
            .find('\n')
            .map_or(text.len(), |newline| offset + newline);
        (start, text[start..end].trim_end_matches('\r'))
    }
}

/// The last character boundary that is not behind `offset`.
pub fn floor(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters() {
        let mut sources = Sources::default();
        let file = sources.add("a", "eins\nzwölf x\r\n".as_bytes()).unwrap();
        assert_eq!(sources.place(file, 12), Place { line: 2, column: 7 });
        assert_eq!(sources.line(file, 12), (5, "zwölf x"));
        assert_eq!(sources.place(file, 99), Place { line: 3, column: 1 });
    }

    #[test]
    fn bytes_that_are_not_utf8_keep_positions() {
        let mut sources = Sources::default();
        let file = sources.add("a", b"ab\xff\xfecd").unwrap();
        assert_eq!(sources.text(file).len(), 6);
        assert_eq!(sources.get(file).unwrap().not_utf8, [2, 3]);
    }

    #[test]
    fn an_endless_file_is_refused() {
        let error = Sources::default().read(Path::new("/dev/zero")).unwrap_err();
        assert_eq!(
            error,
            "/dev/zero: larger than 4 MiB, which no configuration is"
        );
    }
}
