//! Where in the configuration something is written.

use std::ops::Range;

/// Number of a file of the configuration, in the order of reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileId(pub u16);

/// Bytes `start..end` of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub file: FileId,
    pub start: u32,
    pub end: u32,
}

impl Span {
    /// The span of `range` in `file`. Files are shorter than 4 GiB
    /// (`bounds::CONFIG_FILE_BYTES_MAX`).
    pub fn new(file: FileId, range: Range<usize>) -> Span {
        Span {
            file,
            start: u32::try_from(range.start).unwrap_or(u32::MAX),
            end: u32::try_from(range.end).unwrap_or(u32::MAX),
        }
    }

    /// The bytes of the file.
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A value and where it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    pub value: T,
    pub span: Span,
}

/// A text of the configuration after escapes and line continuations were
/// resolved, with the way back: each of its bytes knows its place in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The text as the parameter takes it.
    pub value: String,
    /// All of it in the file, without quotes.
    pub span: Span,
    /// Runs that were copied as they are: (offset in `value`, offset in the
    /// file), ascending.
    runs: Vec<(usize, usize)>,
}

impl Text {
    /// An empty text at `at`.
    pub fn empty(file: FileId, at: usize) -> Text {
        Text {
            value: String::new(),
            span: Span::new(file, at..at),
            runs: Vec::new(),
        }
    }

    /// Appends `piece`, which stands (or whose escape begins) at `at` in the
    /// file.
    pub fn push(&mut self, piece: &str, at: usize) {
        if !piece.is_empty() {
            self.runs.push((self.value.len(), at));
            self.value.push_str(piece);
        }
    }

    /// Where the bytes `range` of the text stand in the file.
    pub fn part(&self, range: Range<usize>) -> Span {
        let all = self.span.range();
        let place = |offset: usize| {
            let run = self.runs.partition_point(|(text, _)| *text <= offset);
            match run.checked_sub(1).and_then(|run| self.runs.get(run)) {
                Some((text, file)) => (file + (offset - text)).min(all.end),
                None => all.start,
            }
        };
        let start = place(range.start);
        let end = match range.end.checked_sub(1) {
            Some(last) if range.end > range.start => place(last) + 1,
            _ => start,
        };
        Span::new(self.span.file, start..end.clamp(start, all.end.max(start)))
    }

    /// The bytes `range` of the text as a text of its own. `range` lies on
    /// character boundaries.
    pub fn slice(&self, range: Range<usize>) -> Text {
        let mut runs = Vec::new();
        for (index, (text, file)) in self.runs.iter().enumerate() {
            let next = self.runs.get(index + 1);
            let end = next.map_or(self.value.len(), |(text, _)| *text);
            if end <= range.start || *text >= range.end {
                continue;
            }
            let skipped = range.start.saturating_sub(*text);
            runs.push(((text + skipped) - range.start, file + skipped));
        }
        Text {
            value: self.value[range.clone()].to_owned(),
            span: self.part(range),
            runs,
        }
    }

    /// The text with its span.
    pub fn spanned(&self) -> Spanned<String> {
        Spanned {
            value: self.value.clone(),
            span: self.span,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `ab\n` + `cd`, as it stands in a file from offset 10: `ab\ncd`.
    fn escaped() -> Text {
        let mut text = Text::empty(FileId(0), 10);
        text.push("ab", 10);
        text.push("\n", 12);
        text.push("cd", 14);
        text.span = Span::new(FileId(0), 10..16);
        text
    }

    #[test]
    fn parts_are_exact_behind_an_escape() {
        assert_eq!(escaped().part(0..2).range(), 10..12);
        assert_eq!(escaped().part(3..5).range(), 14..16);
        assert_eq!(escaped().part(5..5).range(), 16..16);
        assert_eq!(escaped().part(9..12).range().end, 16);
    }

    #[test]
    fn a_slice_keeps_its_place() {
        let slice = escaped().slice(1..5);
        assert_eq!(slice.value, "b\ncd");
        assert_eq!(slice.part(0..1).range(), 11..12);
        assert_eq!(slice.part(3..4).range(), 15..16);
    }
}
