//! `template()` and `$template`.

use super::Checker;
use crate::config::diagnostic::Diagnostic;
use crate::config::span::Text;
use crate::config::syntax::tree::{Directive, Object};
use crate::template::{Template, TemplateError};

/// How a template's text is compiled: with its escapes or without.
type Compile = fn(&str, &str) -> Result<Template, TemplateError>;

impl Checker {
    /// `template(name="…" type="string" string="…")`.
    pub(super) fn template_object(&mut self, object: &Object) {
        let mut once = super::Once::default();
        for parameter in &object.parameters {
            self.is_first(&mut once, parameter);
            match parameter.name.value.to_ascii_lowercase().as_str() {
                "name" | "type" | "string" => {
                    self.text_of(parameter);
                }
                _ => {
                    let names = ["name", "type", "string"].into_iter();
                    self.unknown(parameter, "template()", names, is_rsyslogs);
                }
            }
        }
        let name = self.required(object, "name");
        let kind = self.required(object, "type");
        let (Some(name), Some(kind)) = (name, kind) else {
            return;
        };
        match kind.value.to_ascii_lowercase().as_str() {
            "string" => {
                if let Some(text) = self.required(object, "string") {
                    self.template(name, text, Template::compile_unescaped);
                }
            }
            "list" | "subtree" | "plugin" => {
                self.not_built(kind.span, &format!("type=\"{}\" of template()", kind.value));
            }
            _ => {
                let message = format!("unknown template type {}", kind.value);
                let hint = self.suggest(&kind.value, ["string", "list", "subtree", "plugin"]);
                self.found
                    .push(Diagnostic::error(kind.span, message).maybe_hint(hint));
            }
        }
    }

    /// `$template name,"text"`.
    pub(super) fn template_directive(&mut self, written: &Directive) {
        let line = &written.argument;
        let example = "write $template name,\"text\"";
        let Some(comma) = line.value.find(',') else {
            return self.error(written.name.span, "$template has no text", example);
        };
        let name_len = line.value[..comma].trim_end().len();
        let name_start = line.value.len() - line.value.trim_start().len();
        if name_start >= name_len {
            return self.error(written.name.span, "$template has no name", example);
        }
        let name = line.slice(name_start..name_len);
        let rest = &line.value[comma + 1..];
        let open = comma + 1 + (rest.len() - rest.trim_start().len());
        match line.value[open..].chars().next() {
            Some('"') => {}
            Some('=') => {
                let span = line.part(open..line.value.len());
                return self.not_built(span, "a template made by a module (`=name`)");
            }
            _ => {
                let span = line.part(open..line.value.len());
                return self.error(span, "the template's text is not quoted", example);
            }
        }
        let Some(len) = quoted_len(&line.value[open + 1..]) else {
            let span = line.part(open..open + 1);
            let hint = "the text ends with the next \" (write \\\" for a quote within it)";
            return self.error(span, "this string does not end", hint);
        };
        let close = open + 1 + len;
        let behind = &line.value[close + 1..];
        let tail = close + 1 + (behind.len() - behind.trim_start().len());
        let span = line.part(tail..line.value.len());
        match line.value[tail..].chars().next() {
            None | Some('#') => {}
            Some(',') => self.not_built(span, "an option of a template"),
            Some(_) => {
                self.found.push(Diagnostic::error(
                    span,
                    "this is behind the template's text",
                ));
            }
        }
        self.template(&name, &line.slice(open + 1..close), Template::compile);
    }

    /// Compiles a template and keeps it under its name.
    fn template(&mut self, name: &Text, text: &Text, compile: Compile) {
        if name.value.is_empty() {
            let error = Diagnostic::error(name.span, "a template's name is empty");
            return self.found.push(error);
        }
        // rsyslog takes the first and says nothing.
        if let Some(first) = self.template_names.get(&name.value) {
            let line = self.sources.place(first.file, first.start as usize).line;
            let message = format!("the template {} is defined twice", name.value);
            return self.error(name.span, message, format!("first on line {line}"));
        }
        if Template::builtin(&name.value).is_some() {
            let message = format!("{} is a built-in template", name.value);
            return self.error(name.span, message, "choose another name");
        }
        self.template_names.insert(name.value.clone(), name.span);
        match compile(&name.value, &text.value) {
            Ok(template) => self.templates.push(template),
            Err(error) => {
                let span = text.part(error.range);
                let hint = error.nearest.map(|name| format!("did you mean {name}?"));
                self.found
                    .push(Diagnostic::error(span, error.message).maybe_hint(hint));
            }
        }
    }
}

/// Length of a template's text up to its closing quote. A quote within
/// `%property%` or behind a backslash does not close it.
fn quoted_len(text: &str) -> Option<usize> {
    let mut in_property = false;
    let mut is_escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '%' => in_property = !in_property,
            '"' if !in_property => return Some(at),
            _ => {}
        }
    }
    // A lone % hides the closing quote; the text's own error is the better one.
    text.rfind('"').filter(|_| in_property)
}

fn is_rsyslogs(name: &str) -> bool {
    let known = [
        "subtree",
        "plugin",
        "option.sql",
        "option.stdsql",
        "option.json",
        "option.jsonf",
        "option.casesensitive",
        "option.jsonftree",
    ];
    known.iter().any(|known| known.eq_ignore_ascii_case(name))
}
