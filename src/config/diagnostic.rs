//! What is wrong with a configuration, and how the operator is told.

use crate::base::nearest::nearest;
use std::fmt;

use ariadne::{CharSet, Color, Config, IndexType, Label, Report, ReportKind};

use super::source::{Sources, floor};
use super::span::Span;
use crate::limits::{DIAGNOSTIC_CHARS_MAX, DIAGNOSTICS_MAX, EXCERPT_CHARS_MAX};

/// How grave a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The daemon does not start.
    Error,
    /// The daemon starts; the operator should know.
    Warning,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub level: Level,
    /// What is wrong, in one line.
    pub message: String,
    /// Where; nothing where it concerns the configuration as a whole.
    pub span: Option<Span>,
    /// What to do about it, in one line.
    pub hint: Option<String>,
}

impl Diagnostic {
    pub fn error(span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            level: Level::Error,
            message: one_line(message.into()),
            span: Some(span),
            hint: None,
        }
    }

    pub fn warning(span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            level: Level::Warning,
            ..Diagnostic::error(span, message)
        }
    }

    /// A diagnostic on the configuration as a whole.
    pub fn whole(level: Level, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            level,
            message: one_line(message.into()),
            span: None,
            hint: None,
        }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Diagnostic {
        self.hint = Some(one_line(hint.into()));
        self
    }

    /// Adds a hint if there is one.
    pub fn maybe_hint(self, hint: Option<String>) -> Diagnostic {
        match hint {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }
}

/// The findings on one configuration, and the texts that they point into.
#[derive(Debug, Default)]
pub struct Diagnostics {
    sources: Sources,
    list: Vec<Diagnostic>,
    /// Errors beyond `DIAGNOSTICS_MAX`.
    dropped: usize,
}

impl Diagnostics {
    /// Keeps at most `DIAGNOSTICS_MAX` of `list`, errors first, each kind in
    /// the order of the files.
    pub fn new(sources: Sources, mut list: Vec<Diagnostic>) -> Diagnostics {
        list.sort_by_key(|diagnostic| {
            let span = diagnostic.span.unwrap_or_default();
            let place = (diagnostic.span.is_none(), span.file, span.start);
            (diagnostic.level == Level::Warning, place)
        });
        let dropped = list.len().saturating_sub(DIAGNOSTICS_MAX);
        list.truncate(DIAGNOSTICS_MAX);
        Diagnostics {
            sources,
            list,
            dropped,
        }
    }

    /// The findings, errors first.
    pub fn list(&self) -> &[Diagnostic] {
        &self.list
    }

    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether one of them stops the start.
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|found| found.level == Level::Error)
    }

    /// The text for the operator. Without colour each finding begins with
    /// `file:line:column: error: …`, which editors and `grep` understand; with
    /// colour it is drawn for a terminal.
    pub fn render(&self, colour: bool) -> String {
        let mut out = String::new();
        for diagnostic in &self.list {
            match diagnostic.span {
                Some(span) if colour => self.draw(&mut out, diagnostic, span),
                span => self.write(&mut out, diagnostic, span, colour),
            }
        }
        if self.dropped > 0 {
            out.push_str(&format!("and {} more\n", self.dropped));
        }
        out
    }

    /// The plain form.
    fn write(&self, out: &mut String, found: &Diagnostic, span: Option<Span>, colour: bool) {
        let level = match (found.level, colour) {
            (Level::Error, false) => "error",
            (Level::Warning, false) => "warning",
            (Level::Error, true) => "\x1b[31merror\x1b[0m",
            (Level::Warning, true) => "\x1b[33mwarning\x1b[0m",
        };
        let message = &found.message;
        let Some(span) = span else {
            out.push_str(&format!("{level}: {message}\n"));
            self.write_hint(out, found, "");
            return;
        };
        let name = self.sources.get(span.file).map_or("", |file| &file.name);
        let place = self.sources.place(span.file, span.start as usize);
        out.push_str(&format!(
            "{name}:{}:{}: {level}: {message}\n",
            place.line, place.column
        ));
        let (line_start, line) = self.sources.line(span.file, span.start as usize);
        let excerpt = Excerpt::of(line, span.range(), line_start);
        let number = place.line.to_string();
        let margin = " ".repeat(number.len());
        out.push_str(&format!(" {number} | {}\n", excerpt.text));
        out.push_str(&format!(
            " {margin} | {}{}\n",
            " ".repeat(excerpt.indent),
            "^".repeat(excerpt.carets)
        ));
        self.write_hint(out, found, &margin);
    }

    fn write_hint(&self, out: &mut String, found: &Diagnostic, margin: &str) {
        if let Some(hint) = &found.hint {
            out.push_str(&format!(" {margin} = {hint}\n"));
        }
    }

    /// The form for a terminal.
    fn draw(&self, out: &mut String, found: &Diagnostic, span: Span) {
        let text = self.sources.text(span.file);
        let name = self.sources.get(span.file).map_or("", |file| &file.name);
        let (kind, colour) = match found.level {
            Level::Error => (ReportKind::Error, Color::Red),
            Level::Warning => (ReportKind::Warning, Color::Yellow),
        };
        // ariadne draws a span of many lines as a frame around all of them;
        // its first line is enough to find the place.
        let (line_start, line) = self.sources.line(span.file, span.start as usize);
        let start = floor(text, span.start as usize);
        // It would draw all of a line of megabytes.
        if line.chars().count() > EXCERPT_CHARS_MAX {
            return self.write(out, found, Some(span), true);
        }
        let line_end = line_start + line.len();
        let end = floor(text, span.end as usize).min(line_end).max(start);
        let config = Config::default()
            .with_index_type(IndexType::Byte)
            .with_char_set(CharSet::Unicode);
        let report = Report::build(kind, (name, start..end))
            .with_config(config)
            .with_message(&found.message)
            .with_label(
                Label::new((name, start..end))
                    .with_color(colour)
                    .with_message(found.hint.as_deref().unwrap_or("here")),
            );
        let mut drawn = Vec::new();
        let cache = (name, ariadne::Source::from(text));
        match report.finish().write(cache, &mut drawn) {
            Ok(()) => out.push_str(&String::from_utf8_lossy(&drawn)),
            Err(_) => self.write(out, found, Some(span), true),
        }
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostics {}

/// A message with what it quotes cut to a readable length: a value may be
/// megabytes long and hold what a terminal takes as commands.
fn one_line(text: String) -> String {
    let mut line: String = text.chars().take(DIAGNOSTIC_CHARS_MAX).collect();
    if line.len() < text.len() {
        line.push('…');
    }
    line.replace(char::is_control, " ")
}

/// A source line as it is shown: at most `EXCERPT_CHARS_MAX` characters around
/// the span, control characters as spaces.
struct Excerpt {
    text: String,
    /// Characters before the first caret.
    indent: usize,
    /// At least 1.
    carets: usize,
}

impl Excerpt {
    fn of(line: &str, span: std::ops::Range<usize>, line_start: usize) -> Excerpt {
        let start = floor(line, span.start.saturating_sub(line_start));
        let end = floor(line, span.end.saturating_sub(line_start)).max(start);
        let before = line[..start].chars().count();
        let within = line[start..end].chars().count().max(1);
        let skipped = if before + within <= EXCERPT_CHARS_MAX {
            0
        } else {
            before.saturating_sub(EXCERPT_CHARS_MAX / 3)
        };
        let mut text = String::new();
        if skipped > 0 {
            text.push('…');
        }
        let shown = line.chars().skip(skipped).take(EXCERPT_CHARS_MAX);
        text.extend(shown.map(|c| if c.is_control() { ' ' } else { c }));
        if line.chars().count() > skipped + EXCERPT_CHARS_MAX {
            text.push('…');
        }
        Excerpt {
            text: text.trim_end().to_owned(),
            indent: before - skipped + usize::from(skipped > 0),
            carets: within.min(EXCERPT_CHARS_MAX),
        }
    }
}

/// The hint for an unknown name: `did you mean …?`.
pub fn did_you_mean<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(written, known).map(|name| format!("did you mean {name}?"))
}
