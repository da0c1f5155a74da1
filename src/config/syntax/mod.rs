//! Text to tree. Both syntaxes may be mixed in one file, as in rsyslog.
//!
//! The grammar is rsyslog's (`grammar/lexer.l`, `grammar/grammar.y`), read by
//! recursive descent. After an error the parser goes on at the next directive,
//! object or statement, so that one pass finds all of them.

mod cursor;
mod object;
mod statement;
pub mod tree;

use super::diagnostic::Diagnostic;
use super::source::Sources;
use super::span::{FileId, Span};
use cursor::Cursor;
use tree::Item;

/// What a file says, and what cannot be understood in it.
pub fn parse(sources: &Sources, file: FileId) -> (Vec<Item>, Vec<Diagnostic>) {
    let mut parser = Parser {
        cursor: Cursor::new(sources.text(file), file),
        found: Vec::new(),
        depth: 0,
        braces: 0,
        gave_up: false,
        quote_lost: false,
    };
    let items = parser.items();
    let Parser {
        cursor, mut found, ..
    } = parser;
    let not_utf8 = sources.get(file).map_or(&[][..], |source| &source.not_utf8);
    found.extend(outside_comments(not_utf8, &cursor, file));
    (items, found)
}

/// The parser's state. Its methods are in the files of this folder.
struct Parser<'a> {
    cursor: Cursor<'a>,
    found: Vec<Diagnostic>,
    /// Blocks and bodies of selectors that are open: the depth of recursion.
    depth: usize,
    /// `{` that are open.
    braces: usize,
    /// Whether the rest of the file was passed because of its depth.
    gave_up: bool,
    /// Whether a string of this object did not end.
    quote_lost: bool,
}

impl Parser<'_> {
    /// Passes blanks and comments.
    fn skip_blank(&mut self) {
        if let Err(error) = self.cursor.skip_blank() {
            self.found.push(error);
        }
    }

    /// The span of `start..end` in this file.
    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.cursor.here().file, start..end)
    }
}

/// An error for the first byte of each row that is not UTF-8 and is not in a
/// comment.
fn outside_comments(not_utf8: &[usize], cursor: &Cursor, file: FileId) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = Vec::new();
    let mut last = None;
    for &at in not_utf8 {
        if !cursor.is_in_comment(at) && last != at.checked_sub(1) {
            let span = Span::new(file, at..at + 1);
            found.push(
                Diagnostic::error(span, "this byte is not UTF-8")
                    .hint("save the file as UTF-8; other encodings are accepted in comments only"),
            );
        }
        last = Some(at);
    }
    found
}
