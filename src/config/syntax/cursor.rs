//! A position in a file and the smallest steps over it: blanks, comments,
//! names, lines, strings. What they mean depends on where they stand, so there
//! is no stream of tokens.

use std::ops::Range;

use crate::config::diagnostic::Diagnostic;
use crate::config::span::{FileId, Span, Spanned, Text};

/// A position in a file. It always lies on a character boundary.
pub struct Cursor<'a> {
    text: &'a str,
    file: FileId,
    at: usize,
    /// Where the comments stand that were passed.
    comments: Vec<Range<usize>>,
}

impl<'a> Cursor<'a> {
    pub fn new(text: &'a str, file: FileId) -> Cursor<'a> {
        let mut cursor = Cursor {
            text,
            file,
            at: 0,
            comments: Vec::new(),
        };
        // Editors on Windows begin a file with a byte order mark.
        cursor.take("\u{feff}");
        cursor
    }

    pub fn at(&self) -> usize {
        self.at
    }

    /// Goes to `at`, which lies on a character boundary.
    pub fn go(&mut self, at: usize) {
        self.at = at;
    }

    pub fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub fn is_end(&self) -> bool {
        self.at >= self.text.len()
    }

    /// Passes one character.
    pub fn bump(&mut self) {
        self.at += self.peek().map_or(0, char::len_utf8);
    }

    /// Passes `token` if it is next.
    pub fn take(&mut self, token: &str) -> bool {
        let is_next = self.rest().starts_with(token);
        if is_next {
            self.at += token.len();
        }
        is_next
    }

    /// The span from `start` to here.
    pub fn since(&self, start: usize) -> Span {
        Span::new(self.file, start..self.at)
    }

    /// The span of the next character.
    pub fn here(&self) -> Span {
        let width = self.peek().map_or(0, char::len_utf8);
        Span::new(self.file, self.at..self.at + width)
    }

    /// The characters of which `is_part` holds.
    pub fn word(&mut self, is_part: impl Fn(char) -> bool) -> Spanned<String> {
        let rest = self.rest();
        let len = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let start = self.at;
        self.at += len;
        Spanned {
            value: rest[..len].to_owned(),
            span: self.since(start),
        }
    }

    /// Whether only blanks stand before this position on its line.
    pub fn is_line_start(&self) -> bool {
        // Only the blanks are looked at: a line may be megabytes long.
        let head = self.text[..self.at].trim_end_matches([' ', '\t', '\r', '\u{feff}']);
        head.is_empty() || head.ends_with('\n')
    }

    /// Whether the byte at `at` stands in a comment that was passed.
    pub fn is_in_comment(&self, at: usize) -> bool {
        let behind = self.comments.partition_point(|comment| comment.end <= at);
        let comment = self.comments.get(behind);
        comment.is_some_and(|comment| comment.contains(&at))
    }

    /// Notes a comment, unless it was passed before: the parser looks ahead.
    pub fn comment(&mut self, comment: Range<usize>) {
        if self
            .comments
            .last()
            .is_none_or(|last| last.end <= comment.start)
        {
            self.comments.push(comment);
        }
    }

    /// The file's bytes `start..end`, which lie on character boundaries.
    pub fn between(&self, start: usize, end: usize) -> &'a str {
        &self.text[start..end]
    }

    /// Passes blanks, line ends and comments. A block comment that does not end
    /// is an error.
    pub fn skip_blank(&mut self) -> Result<(), Diagnostic> {
        loop {
            match self.peek() {
                Some(' ' | '\t' | '\n' | '\r') => self.bump(),
                Some('#') => self.skip_line_comment(),
                Some('/') if self.rest().starts_with("/*") => self.skip_block_comment()?,
                // A continued line.
                Some('\\') if self.continuation().is_some() => {
                    self.at += self.continuation().unwrap_or(0);
                }
                _ => return Ok(()),
            }
        }
    }

    /// Goes behind the end of the line.
    pub fn skip_line(&mut self) {
        let rest = self.rest();
        self.at += rest.find('\n').map_or(rest.len(), |newline| newline + 1);
    }

    fn skip_line_comment(&mut self) {
        let start = self.at;
        self.skip_line();
        self.comment(start..self.at);
    }

    fn skip_block_comment(&mut self) -> Result<(), Diagnostic> {
        let start = self.at;
        match self.rest().find("*/") {
            Some(end) => {
                self.at += end + 2;
                self.comment(start..self.at);
                Ok(())
            }
            None => {
                self.take("/*");
                let error = Diagnostic::error(self.since(start), "this comment does not end")
                    .hint("a comment that begins with /* ends with */");
                self.at = self.text.len();
                Err(error)
            }
        }
    }

    /// Length of a backslash and the line end behind it, if that is next.
    fn continuation(&self) -> Option<usize> {
        let rest = self.rest().strip_prefix('\\')?;
        if rest.starts_with('\n') {
            Some(2)
        } else if rest.starts_with("\r\n") {
            Some(3)
        } else {
            None
        }
    }

    /// The rest of the line. A backslash at its end continues it with the next
    /// one, whose leading blanks do not count; blanks at the end do not either.
    pub fn line(&mut self) -> Text {
        let mut text = Text::empty(self.file, self.at);
        let start = self.at;
        let mut run = self.at;
        loop {
            if self.is_end() || self.peek() == Some('\n') {
                text.push(&self.text[run..self.at], run);
                break;
            }
            if let Some(len) = self.continuation() {
                text.push(&self.text[run..self.at], run);
                self.at += len;
                self.word(|c| matches!(c, ' ' | '\t'));
                run = self.at;
            } else {
                self.bump();
            }
        }
        text.span = self.since(start);
        let len = text.value.trim_end_matches([' ', '\t', '\r']).len();
        text.slice(0..len)
    }

    /// A string in double quotes, as rsyslog's objects take them; the opening
    /// quote is next. After an error the position is at the end of the line on
    /// which the string begins.
    pub fn string(&mut self) -> Result<Text, Diagnostic> {
        let open = self.at;
        self.bump();
        let start = self.at;
        let mut text = Text::empty(self.file, start);
        let mut run = self.at;
        loop {
            let Some(next) = self.peek() else {
                self.at = open;
                let error = Diagnostic::error(self.here(), "this string does not end")
                    .hint("a value ends with the next \" (write \\\" for a quote within it)");
                self.skip_line();
                return Err(error);
            };
            match next {
                '"' => {
                    text.push(&self.text[run..self.at], run);
                    text.span = self.since(start);
                    self.bump();
                    return Ok(text);
                }
                '\\' => {
                    text.push(&self.text[run..self.at], run);
                    let at = self.at;
                    match self.continuation() {
                        Some(len) => {
                            self.at += len;
                            self.word(|c| matches!(c, ' ' | '\t'));
                        }
                        None => match self.escape() {
                            Ok(escaped) => text.push(escaped.encode_utf8(&mut [0; 4]), at),
                            Err(error) => {
                                self.end_of_string();
                                return Err(error);
                            }
                        },
                    }
                    run = self.at;
                }
                _ => self.bump(),
            }
        }
    }

    /// The character that an escape stands for (rsyslog's `lexer.l`, state
    /// INOBJ).
    fn escape(&mut self) -> Result<char, Diagnostic> {
        let start = self.at;
        self.bump();
        let Some(letter) = self.peek() else {
            return Err(Diagnostic::error(
                self.since(start),
                "this string does not end",
            ));
        };
        let plain = match letter {
            'a' => Some('\x07'),
            'b' => Some('\x08'),
            'f' => Some('\x0c'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'v' => Some('\x0b'),
            '\'' | '"' | '?' | '\\' => Some(letter),
            _ => None,
        };
        if let Some(plain) = plain {
            self.bump();
            return Ok(plain);
        }
        let rest = self.rest().bytes().take(3);
        let digits = rest.take_while(|byte| matches!(byte, b'0'..=b'7')).count();
        if digits > 0 {
            let octal = &self.rest()[..digits];
            let value = u8::from_str_radix(octal, 8).ok();
            self.at += digits;
            return match value {
                Some(value) if value.is_ascii() && value != 0 => Ok(char::from(value)),
                _ => Err(Diagnostic::error(
                    self.since(start),
                    "an octal escape stands for an ASCII character, \\001 to \\177",
                )),
            };
        }
        self.bump();
        Err(
            Diagnostic::error(self.since(start), format!("\\{letter} is no escape"))
                .hint("write \\\\ for a backslash; escapes are \\a \\b \\f \\n \\r \\t \\v \\\" \\' \\? and octal \\ooo"),
        )
    }

    /// Goes behind the closing quote of a string that is not wanted, or to the
    /// end of the line.
    fn end_of_string(&mut self) {
        while let Some(next) = self.peek() {
            match next {
                '\n' => return,
                '"' => return self.bump(),
                '\\' => {
                    self.bump();
                    self.bump();
                }
                _ => self.bump(),
            }
        }
    }

    /// Passes a quoted text whose content does not matter; the quote is next.
    /// False if it does not end.
    pub fn skip_quoted(&mut self) -> bool {
        let Some(quote) = self.peek() else {
            return false;
        };
        self.bump();
        while let Some(next) = self.peek() {
            self.bump();
            if next == quote {
                return true;
            }
            if next == '\\' {
                self.bump();
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(text: &str) -> Result<String, String> {
        let found = Cursor::new(text, FileId(0)).string();
        found.map(|text| text.value).map_err(|error| error.message)
    }

    #[test]
    fn escapes_are_those_of_rsyslog() {
        assert_eq!(
            string(r#""a\n\t\"\\\'\101\0622""#).unwrap(),
            "a\n\t\"\\'A22"
        );
        assert_eq!(string("\"two\nlines\"").unwrap(), "two\nlines");
        assert_eq!(string("\"joined\\\r\n   lines\"").unwrap(), "joinedlines");
        assert_eq!(string(r#""\q""#).unwrap_err(), "\\q is no escape");
        assert_eq!(
            string(r#""\777""#).unwrap_err(),
            string(r#""\0""#).unwrap_err()
        );
        assert_eq!(string(r#""abc"#).unwrap_err(), "this string does not end");
        assert_eq!(string("\"abc\\").unwrap_err(), "this string does not end");
    }

    #[test]
    fn lines_continue() {
        let mut cursor = Cursor::new("a \\\r\n \t b\\\nc \r\nd", FileId(0));
        let line = cursor.line();
        assert_eq!(line.value, "a bc");
        assert_eq!(line.part(2..3).range(), 8..9);
        assert_eq!(cursor.rest(), "\nd");
    }

    #[test]
    fn comments_are_blank() {
        let mut cursor = Cursor::new(" # é\n/* a\n * b */ x", FileId(0));
        cursor.skip_blank().unwrap();
        assert_eq!(cursor.rest(), "x");
        assert_eq!(cursor.comments.len(), 2);
    }
}
