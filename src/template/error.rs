//! What is wrong with a template's text.

use std::ops::Range;

/// Why a template was not compiled. Displayed as the message, with the
/// suggestion behind it where there is one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}{}", suggestion(self.nearest))]
pub struct TemplateError {
    /// The offending bytes of the text that was given.
    pub range: Range<usize>,
    /// What is wrong with them.
    pub message: String,
    /// For an unknown name, the known one nearest to it.
    pub nearest: Option<&'static str>,
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!("; did you mean {name}?"))
}

impl TemplateError {
    pub(super) fn new(range: Range<usize>, message: impl Into<String>) -> TemplateError {
        TemplateError {
            range,
            message: message.into(),
            nearest: None,
        }
    }
}
