//! What a file or a block is made of: directives, objects, selectors, actions,
//! control statements.

use super::Parser;
use super::tree::{Directive, Item};
use crate::config::diagnostic::Diagnostic;
use crate::config::span::{Span, Spanned, Text};
use crate::limits::BLOCK_DEPTH_MAX;

impl Parser<'_> {
    /// Everything up to the end of the file or the `}` of the block.
    pub(super) fn items(&mut self) -> Vec<Item> {
        let mut items = Vec::new();
        loop {
            self.skip_blank();
            match self.cursor.peek() {
                None => return items,
                Some('}') if self.depth > 0 => return items,
                Some('}') => {
                    let error = Diagnostic::error(self.cursor.here(), "this `}` closes nothing");
                    self.found.push(error);
                    self.cursor.bump();
                }
                Some(_) => self.statement(&mut items),
            }
        }
    }

    /// One statement, and the actions chained to it by `&`. It passes at least
    /// one character.
    fn statement(&mut self, items: &mut Vec<Item>) {
        let start = self.cursor.at();
        match self.cursor.peek() {
            Some('$') => items.extend(self.directive()),
            Some('{') => {
                let error = Diagnostic::error(self.cursor.here(), "this block has no selector")
                    .hint("write for example: *.* { … }");
                self.found.push(error);
                items.extend(self.block());
            }
            Some('&') => {
                self.cursor.bump();
                let error = Diagnostic::error(
                    self.cursor.since(start),
                    "`&` continues an action, and none stands before it",
                );
                self.found.push(error);
            }
            Some(':') => items.extend(self.property_filter()),
            Some('!') => items.push(self.unbuilt_line("a program selector (`!name`)")),
            Some('+' | '-') if !self.cursor.rest().starts_with("-/") => {
                items.push(self.unbuilt_line("a host selector (`+name`, `-name`)"));
            }
            Some(next) if is_name_part(next) || next == '*' => self.named(items),
            _ => self.actions(items),
        }
        if self.cursor.at() == start {
            let error = Diagnostic::error(self.cursor.here(), "this is not understood");
            self.found.push(error);
            self.cursor.bump();
        }
    }

    /// `$Name argument`.
    fn directive(&mut self) -> Option<Item> {
        let start = self.cursor.at();
        self.cursor.bump();
        let name = self.cursor.word(is_name_part);
        let span = self.cursor.since(start);
        let argument = self.cursor.line();
        if name.value.is_empty() {
            self.found.push(Diagnostic::error(
                span,
                "a directive's name is missing behind `$`",
            ));
            return None;
        }
        self.comment_of(&argument);
        Some(Item::Directive(Directive {
            name: Spanned {
                value: name.value,
                span,
            },
            argument,
        }))
    }

    /// What begins with a name or `*`: keyword, object, selector, users.
    fn named(&mut self, items: &mut Vec<Item>) {
        let start = self.cursor.at();
        let selector = self
            .cursor
            .word(|c| c.is_ascii_alphanumeric() || matches!(c, '*' | '.' | ',' | '!' | '=' | ';'));
        if selector.value.contains('.') && !selector.value.starts_with('.') {
            let mut text = Text::empty(selector.span.file, start);
            text.push(&selector.value, start);
            text.span = selector.span;
            items.extend(self.selector(text));
            return;
        }
        self.cursor.go(start);
        let name = self.cursor.word(is_name_part);
        match name.value.to_ascii_lowercase().as_str() {
            "if" => items.push(self.condition("`if`", name.span)),
            "foreach" => items.push(self.foreach(name.span)),
            "else" => {
                let error = Diagnostic::error(name.span, "`else` belongs to no `if`");
                self.found.push(error);
                items.extend(self.body(name.span).unwrap_or_default());
            }
            "set" | "reset" | "unset" => items.push(self.until_semicolon("a variable", name.span)),
            "continue" => items.push(Item::Unbuilt {
                what: "`continue`",
                span: name.span,
                inside: Vec::new(),
            }),
            _ => {
                self.skip_blank();
                match self.cursor.peek() {
                    Some('(') if !name.value.is_empty() && !is_action(&name.value) => {
                        let object = self.object(name);
                        items.push(Item::Object(object));
                    }
                    _ => {
                        self.cursor.go(start);
                        self.actions(items);
                    }
                }
            }
        }
    }

    /// A selector's text was passed; what it lets through follows.
    fn selector(&mut self, selector: Text) -> Option<Item> {
        let Some(then) = self.body(selector.span) else {
            let message = format!("the selector {} has no action", selector.value);
            let hint = "write for example: *.* /var/log/messages".to_owned();
            self.found
                .push(Diagnostic::error(selector.span, message).hint(hint));
            return None;
        };
        Some(Item::Selector { selector, then })
    }

    /// One statement or a block; nothing if neither follows.
    fn body(&mut self, owner: Span) -> Option<Vec<Item>> {
        self.skip_blank();
        match self.cursor.peek() {
            None | Some('}') => None,
            Some('{') => {
                let open = self.cursor.at();
                let errors = self.found.len();
                let items = self.block();
                if items.is_empty() && self.found.len() == errors {
                    let span = self.span(open, self.cursor.at());
                    self.found
                        .push(Diagnostic::error(span, "this block is empty"));
                }
                Some(items)
            }
            Some(_) => {
                let start = owner.start as usize;
                Some(self.nested(start, |parser| {
                    let mut items = Vec::new();
                    parser.statement(&mut items);
                    items
                }))
            }
        }
    }

    /// Actions, joined by `&`.
    fn actions(&mut self, items: &mut Vec<Item>) {
        loop {
            self.action(items);
            self.skip_blank();
            if !self.cursor.take("&") {
                return;
            }
            self.skip_blank();
            if matches!(self.cursor.peek(), None | Some('}' | '&')) {
                let error = Diagnostic::error(self.cursor.here(), "an action is missing after `&`");
                self.found.push(error);
                return;
            }
        }
    }

    /// One action: `action(…)`, `stop`, `call`, or one of the old syntax.
    fn action(&mut self, items: &mut Vec<Item>) {
        let start = self.cursor.at();
        let name = self.cursor.word(is_name_part);
        match name.value.to_ascii_lowercase().as_str() {
            "stop" => return items.push(Item::Stop(name.span)),
            "call_indirect" => {
                let item = self.until_semicolon("`call_indirect`", name.span);
                return items.push(item);
            }
            "call" => {
                self.skip_inline_blank();
                let ruleset = self
                    .cursor
                    .word(|c| is_name_part(c) || matches!(c, '-' | '.'));
                return items.push(Item::Call {
                    name: ruleset,
                    span: self.cursor.since(start),
                });
            }
            _ if is_action(&name.value) => {
                self.skip_blank();
                if self.cursor.peek() == Some('(') {
                    let object = self.object(name);
                    return items.push(Item::Object(object));
                }
            }
            _ => {}
        }
        self.cursor.go(start);
        if self.cursor.take("~") {
            let mut text = Text::empty(name.span.file, start);
            text.push("~", start);
            text.span = self.cursor.since(start);
            return items.push(Item::LegacyAction(text));
        }
        let line = self.action_line();
        if !line.value.is_empty() {
            self.comment_of(&line);
            items.push(Item::LegacyAction(line));
        }
    }

    /// An action of the old syntax: the rest of the line. In rsyslog a `}` at
    /// its end belongs to it, which nobody means: that is told, and the block
    /// ends there.
    fn action_line(&mut self) -> Text {
        let line = self.cursor.line();
        let len = line.value.len();
        let head = line.value.strip_suffix('}').filter(|_| self.braces > 0);
        let Some(head) = head.filter(|head| !head.contains(" #")) else {
            return line;
        };
        let brace = line.part(len - 1..len);
        let action = head.trim_end_matches([' ', '\t']).len();
        self.cursor.go(brace.start as usize);
        if !line.value.starts_with(is_name_part) {
            let error = Diagnostic::error(brace, "this `}` belongs to the action before it")
                .hint("an action of the old syntax takes its whole line; write the } on the next");
            self.found.push(error);
        }
        line.slice(0..action)
    }

    /// `:property, operation, "value"` and its body, or an action `:name:…`.
    fn property_filter(&mut self) -> Vec<Item> {
        let start = self.cursor.at();
        self.cursor.bump();
        let is_filter = self.property_part();
        let is_complete = is_filter
            && self.property_part()
            && self.cursor.peek() == Some('"')
            && self.cursor.skip_quoted();
        if is_complete {
            let span = self.cursor.since(start);
            let inside = self.body(span).unwrap_or_default();
            return vec![Item::Unbuilt {
                what: "a property filter",
                span,
                inside,
            }];
        }
        self.cursor.go(start);
        if is_filter {
            return vec![self.unbuilt_line("a property filter")];
        }
        let mut items = Vec::new();
        self.actions(&mut items);
        items
    }

    /// Passes a name of a property filter, the comma behind it and the blanks
    /// around; false if the comma is not there.
    fn property_part(&mut self) -> bool {
        self.skip_inline_blank();
        self.cursor
            .word(|c| is_name_part(c) || matches!(c, '$' | '!' | '.' | '-'));
        self.skip_inline_blank();
        let is_comma = self.cursor.take(",");
        self.skip_inline_blank();
        is_comma
    }

    /// `if` … `then` body `else` body; the keyword was passed. Chains of
    /// `else if` are read in a loop, so that their length costs no stack.
    fn condition(&mut self, what: &'static str, keyword: Span) -> Item {
        let mut inside = Vec::new();
        let mut opening = keyword;
        loop {
            if !self.expression("then") {
                let error = Diagnostic::error(opening, "this `if` has no `then`");
                self.found.push(error);
            }
            inside.extend(self.body(opening).unwrap_or_default());
            if !self.keyword("else") {
                break;
            }
            self.skip_blank();
            let start = self.cursor.at();
            if !self.keyword("if") {
                let keyword = self.cursor.since(start);
                inside.extend(self.body(keyword).unwrap_or_default());
                break;
            }
            opening = self.cursor.since(start);
        }
        Item::Unbuilt {
            what,
            span: keyword,
            inside,
        }
    }

    /// `foreach (… in …) do` body; the keyword was passed.
    fn foreach(&mut self, keyword: Span) -> Item {
        if !self.expression("do") {
            self.found
                .push(Diagnostic::error(keyword, "this `foreach` has no `do`"));
        }
        let inside = self.body(keyword).unwrap_or_default();
        Item::Unbuilt {
            what: "`foreach`",
            span: keyword,
            inside,
        }
    }

    /// Passes an expression and the keyword behind it; false, at the next brace
    /// or the end, if the keyword is missing.
    fn expression(&mut self, end: &str) -> bool {
        loop {
            self.skip_blank();
            match self.cursor.peek() {
                None | Some('{' | '}') => return false,
                Some('"' | '\'' | '`') => {
                    let opening = self.cursor.here();
                    if !self.cursor.skip_quoted() {
                        self.found
                            .push(Diagnostic::error(opening, "this string does not end"));
                        return false;
                    }
                }
                Some('$') => {
                    self.cursor.bump();
                    self.cursor
                        .word(|c| is_name_part(c) || matches!(c, '!' | '.' | '-' | '@'));
                }
                Some(next) if is_name_part(next) => {
                    let word = self.cursor.word(is_name_part);
                    if word.value.eq_ignore_ascii_case(end) {
                        return true;
                    }
                }
                Some(_) => self.cursor.bump(),
            }
        }
    }

    /// Passes `keyword` if it is next.
    fn keyword(&mut self, keyword: &str) -> bool {
        self.skip_blank();
        let start = self.cursor.at();
        let is_next = self
            .cursor
            .word(is_name_part)
            .value
            .eq_ignore_ascii_case(keyword);
        if !is_next {
            self.cursor.go(start);
        }
        is_next
    }

    /// A statement that ends with `;`; its keyword was passed.
    fn until_semicolon(&mut self, what: &'static str, keyword: Span) -> Item {
        loop {
            self.skip_blank();
            match self.cursor.peek() {
                Some(';') => {
                    self.cursor.bump();
                    break;
                }
                Some('"' | '\'' | '`') if self.cursor.skip_quoted() => {}
                None | Some('}') => {
                    self.found.push(Diagnostic::error(
                        keyword,
                        "this statement has no `;` at its end",
                    ));
                    break;
                }
                Some(_) => self.cursor.bump(),
            }
        }
        Item::Unbuilt {
            what,
            span: keyword,
            inside: Vec::new(),
        }
    }

    /// A line that is known and not built.
    fn unbuilt_line(&mut self, what: &'static str) -> Item {
        let line = self.cursor.line();
        self.comment_of(&line);
        Item::Unbuilt {
            what,
            span: line.span,
            inside: Vec::new(),
        }
    }

    /// Runs `read` one block deeper, or passes the rest of the file where that
    /// is too deep: nothing behind such a place can be understood.
    pub(super) fn nested(
        &mut self,
        start: usize,
        read: impl FnOnce(&mut Self) -> Vec<Item>,
    ) -> Vec<Item> {
        self.depth += 1;
        let items = if self.depth <= BLOCK_DEPTH_MAX {
            read(self)
        } else {
            self.gave_up = true;
            let message = format!("nested deeper than {BLOCK_DEPTH_MAX} blocks");
            let span = self.span(start, start + 1);
            self.found.push(Diagnostic::error(span, message));
            self.cursor.go(self.cursor.at() + self.cursor.rest().len());
            Vec::new()
        };
        self.depth -= 1;
        items
    }

    /// Notes the comment at the end of a line of the old syntax: `#` at its
    /// beginning or behind a blank.
    fn comment_of(&mut self, line: &Text) {
        let mut last = ' ';
        let hash = line.value.char_indices().find(|(_, c)| {
            let begins = *c == '#' && matches!(last, ' ' | '\t');
            last = *c;
            begins
        });
        if let Some((at, _)) = hash {
            let comment = line.part(at..line.value.len()).range();
            self.cursor.comment(comment);
        }
    }

    fn skip_inline_blank(&mut self) {
        self.cursor.word(|c| matches!(c, ' ' | '\t'));
    }
}

fn is_action(name: &str) -> bool {
    name.eq_ignore_ascii_case("action")
}

fn is_name_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}
