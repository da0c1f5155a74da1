//! RainerScript's objects: `name(parameter="value" …)`.

use super::Parser;
use super::tree::{Item, Object, Parameter, Value};
use crate::config::diagnostic::Diagnostic;
use crate::config::span::{Span, Spanned, Text};
use crate::limits::DIAGNOSTICS_MAX;

impl Parser<'_> {
    /// The object called `name`, which was passed; its `(` is next.
    pub(super) fn object(&mut self, name: Spanned<String>) -> Object {
        let open = self.cursor.at();
        self.cursor.bump();
        self.quote_lost = false;
        let errors = self.found.len();
        let parameters = self.parameters(&name, open);
        let mut object = Object {
            name,
            parameters,
            block: None,
            is_broken: self.found.len() > errors,
        };
        if object.is("ruleset") || object.is("template") {
            self.skip_blank();
            if self.cursor.peek() == Some('{') {
                object.block = Some(self.block());
            }
        }
        object
    }

    /// `name="value" …)`.
    fn parameters(&mut self, object: &Spanned<String>, open: usize) -> Vec<Parameter> {
        let mut parameters = Vec::new();
        loop {
            let end = self.cursor.at();
            self.skip_blank();
            let at = self.cursor.at();
            match self.cursor.peek() {
                Some(')') => {
                    self.cursor.bump();
                    return parameters;
                }
                Some(next) if next.is_ascii_alphabetic() => {
                    let name = self
                        .cursor
                        .word(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'));
                    self.skip_blank();
                    if self.cursor.take("=") {
                        parameters.extend(self.value(name));
                    } else if self.begins_elsewhere(&name) {
                        self.cursor.go(at);
                        self.missing_parenthesis(object, open, end);
                        return parameters;
                    } else {
                        let message = format!("`{}` has no value", name.value);
                        let hint = format!("write {}=\"…\"", name.value);
                        self.found
                            .push(Diagnostic::error(name.span, message).hint(hint));
                    }
                }
                Some(',') => {
                    self.cursor.bump();
                    let error = Diagnostic::error(
                        self.cursor.since(at),
                        "parameters are separated by blanks, not by commas",
                    );
                    self.found.push(error);
                }
                None | Some('$' | '*' | ':' | '&' | '{' | '}') => {
                    self.missing_parenthesis(object, open, end);
                    return parameters;
                }
                Some(_) if self.cursor.is_line_start() => {
                    self.missing_parenthesis(object, open, end);
                    return parameters;
                }
                Some(_) => {
                    let error = Diagnostic::error(
                        self.cursor.here(),
                        format!("`name=\"value\"` or `)` is expected in {}(", object.value),
                    );
                    self.found.push(error);
                    self.skip_bare();
                }
            }
        }
    }

    /// Whether a name that is not followed by `=` begins something behind the
    /// object: `input(` or the selector `mail.*`.
    fn begins_elsewhere(&self, name: &Spanned<String>) -> bool {
        let is_stop = name.value.eq_ignore_ascii_case("stop");
        is_stop || matches!(self.cursor.peek(), Some('(' | '*' | '/' | '-' | ';' | '!'))
    }

    fn missing_parenthesis(&mut self, object: &Spanned<String>, open: usize, end: usize) {
        // Behind a lost quote the parenthesis is most likely in the string.
        if self.quote_lost {
            return;
        }
        let opening = self.span(object.span.start as usize, open + 1);
        let message = format!("{}( is not closed", object.value);
        let mut error = Diagnostic::error(opening, message);
        // To count lines is slow; behind the errors that are shown nobody reads
        // the number.
        if self.found.len() <= DIAGNOSTICS_MAX {
            let line = self.cursor.between(0, end).matches('\n').count() + 1;
            let hint = format!("a `)` is missing, probably at the end of line {line}");
            error = error.hint(hint);
        }
        self.found.push(error);
    }

    /// The value of `name`; `=` was passed.
    fn value(&mut self, name: Spanned<String>) -> Option<Parameter> {
        self.skip_blank();
        let start = self.cursor.at();
        let value = match self.cursor.peek() {
            Some('"') => match self.cursor.string() {
                Ok(text) => {
                    if self.lacks_a_quote(start) {
                        return None;
                    }
                    Value::Text(text)
                }
                Err(error) => {
                    self.quote_lost = true;
                    self.found.push(error);
                    return None;
                }
            },
            Some('`') => {
                self.other_value("a value in backticks", |parser| parser.cursor.skip_quoted())
            }
            Some('[') => {
                let mut items = Vec::new();
                let span = self.bracketed(|parser| parser.list(&mut items));
                Value::List { items, span }
            }
            quote => {
                let bare = self.skip_bare();
                let shown: String = bare.trim_matches('\'').chars().take(40).collect();
                let message = match quote {
                    Some('\'') => "values are written in double quotes".to_owned(),
                    _ => format!("the value of `{}` is not quoted", name.value),
                };
                let span = self.cursor.since(start);
                let hint = format!("write {}=\"{shown}\"", name.value);
                self.found.push(Diagnostic::error(span, message).hint(hint));
                return None;
            }
        };
        Some(Parameter { name, value })
    }

    /// A value whose end `skip` finds.
    fn other_value(&mut self, what: &'static str, skip: fn(&mut Self) -> bool) -> Value {
        let span = self.bracketed(skip);
        Value::Other { what, span }
    }

    /// Passes a value with `pass`, which says whether it ends.
    fn bracketed(&mut self, pass: impl FnOnce(&mut Self) -> bool) -> Span {
        let start = self.cursor.at();
        if !pass(self) {
            let opening = self.span(start, start + 1);
            self.found
                .push(Diagnostic::error(opening, "this value does not end"));
            self.cursor.go(start);
            self.cursor.skip_line();
        }
        self.cursor.since(start)
    }

    /// Reads `["…", "…"]`; false if it does not end.
    fn list(&mut self, items: &mut Vec<Text>) -> bool {
        self.cursor.bump();
        loop {
            self.skip_blank();
            match self.cursor.peek() {
                Some(']') => {
                    self.cursor.bump();
                    return true;
                }
                Some('"') => match self.cursor.string() {
                    Ok(text) => items.push(text),
                    Err(_) => return false,
                },
                Some(',') => self.cursor.bump(),
                _ => return false,
            }
        }
    }

    /// Whether the string that began at `start` took its end from the next
    /// one's beginning, `a="x b="y"`: then it is told, and the rest of its line
    /// is passed.
    fn lacks_a_quote(&mut self, start: usize) -> bool {
        let is_followed = matches!(
            self.cursor.peek(),
            Some(next) if next.is_alphanumeric() || matches!(next, '/' | '.' | '%' | '-')
        );
        let text = self.cursor.since(start).range();
        let tail = self
            .cursor
            .between(text.start, text.end.saturating_sub(1))
            .trim_end();
        if !(is_followed && (tail.ends_with('=') || tail.contains('\n'))) {
            return false;
        }
        let error = Diagnostic::error(self.span(start, start + 1), "this string does not end")
            .hint("a value ends with the next \" (write \\\" for a quote within it)");
        self.found.push(error);
        self.quote_lost = true;
        self.cursor.go(start);
        self.cursor.skip_line();
        true
    }

    /// Passes what stands where a quoted value should: up to a blank or `)`.
    fn skip_bare(&mut self) -> String {
        let first = self.cursor.peek();
        let start = self.cursor.at();
        if first == Some('\'') {
            let line = self.cursor.rest().lines().next().unwrap_or("");
            if let Some(close) = line[1..].find('\'') {
                self.cursor.go(start + close + 2);
                return line[..close + 2].to_owned();
            }
        }
        let bare = self.cursor.word(|c| !c.is_whitespace() && c != ')').value;
        if bare.is_empty() && first != Some(')') {
            self.cursor.bump();
        }
        bare
    }

    /// `{ … }`; the brace is next.
    pub(super) fn block(&mut self) -> Vec<Item> {
        let open = self.cursor.at();
        self.cursor.bump();
        self.nested(open, |parser| {
            parser.braces += 1;
            let items = parser.items();
            parser.braces -= 1;
            if !parser.cursor.take("}") && !parser.gave_up {
                let opening = parser.span(open, open + 1);
                parser.found.push(
                    Diagnostic::error(opening, "this block does not end").hint("a `}` is missing"),
                );
            }
            items
        })
    }
}
