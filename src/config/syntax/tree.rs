//! What a configuration file says, before it is asked whether it makes sense:
//! one tree for both syntaxes.

use crate::config::span::{Span, Spanned, Text};

/// One thing in a file or in a block, in the order in which they are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// `$Name argument`.
    Directive(Directive),
    /// `name(parameter="value" …)`: `module`, `input`, `action`, `include`, ….
    Object(Object),
    /// `facility.severity …`: what a selector lets through.
    Selector { selector: Text, then: Vec<Item> },
    /// What stands in the place of an action in the old syntax: a path, `~`,
    /// `@host`, a list of users.
    LegacyAction(Text),
    /// `stop`.
    Stop(Span),
    /// `call name`; without a name that is empty.
    Call { name: Spanned<String>, span: Span },
    /// A part of rsyslog's language that Splashdam knows and does not have.
    Unbuilt {
        /// What it is, as a noun: "a property filter".
        what: &'static str,
        span: Span,
        /// The blocks that belong to it.
        inside: Vec<Item>,
    },
}

/// `$Name argument`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    /// The name without `$`; its span has the `$`.
    pub name: Spanned<String>,
    /// The rest of the line as it stands, a comment included.
    pub argument: Text,
}

/// `name(parameter="value" …)` and its block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    pub name: Spanned<String>,
    pub parameters: Vec<Parameter>,
    /// `{ … }` behind it (`ruleset`, `template`).
    pub block: Option<Vec<Item>>,
    /// Whether a part of it was not understood, which was told: what is missing
    /// may be in that part.
    pub is_broken: bool,
}

/// `name="value"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    pub name: Spanned<String>,
    pub value: Value,
}

/// What a parameter is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `"…"`.
    Text(Text),
    /// `["…", "…"]`.
    List { items: Vec<Text>, span: Span },
    /// A text in backticks, which rsyslog replaces by the output of `echo` or
    /// `cat`.
    Other { what: &'static str, span: Span },
}

impl Value {
    /// Where it is, without quotes where it is a text.
    pub fn span(&self) -> Span {
        match self {
            Value::Text(text) => text.span,
            Value::List { span, .. } | Value::Other { span, .. } => *span,
        }
    }
}

impl Object {
    /// Whether it is the object of this name.
    pub fn is(&self, name: &str) -> bool {
        self.name.value.eq_ignore_ascii_case(name)
    }

    /// The parameter of this name.
    pub fn parameter(&self, name: &str) -> Option<&Parameter> {
        let mut all = self.parameters.iter();
        all.find(|parameter| parameter.name.value.eq_ignore_ascii_case(name))
    }

    /// The text that a parameter is set to.
    pub fn text(&self, name: &str) -> Option<&Text> {
        match &self.parameter(name)?.value {
            Value::Text(text) => Some(text),
            Value::List { .. } | Value::Other { .. } => None,
        }
    }
}
