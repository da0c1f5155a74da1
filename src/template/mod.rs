//! Templates: from a message to the bytes that an output writes.
//!
//! A template is compiled once from rsyslog's string templates
//! (`template(type="string")`, `$template`; rsyslog's documentation,
//! "Templates" and "The Property Replacer") and rendered for every message.
//! What it renders is, byte for byte, what rsyslog 8.2302 renders, but for
//!
//! - `secpath-replace`, which here replaces every slash (rsyslog overlooks the
//!   second of two in a row);
//! - `rawmsg-after-pri`, which here takes off `<>`, and `<…>` only where that
//!   is a PRI that can be used (rsyslog keeps `<>`, and takes off `<…>` around
//!   any one to three bytes);
//! - `date-wday` and `date-year` of years before 1967.
//!
//! What is not understood is an error.
//!
//! Rendering copies as little as it can: parts that lie side by side in the
//! message are copied as one run.

mod compile;
mod edit;
mod error;
mod property;
mod run;
pub mod time;

#[cfg(test)]
mod compile_tests;
#[cfg(test)]
mod render_tests;

pub use error::TemplateError;

use crate::message::Message;
use compile::Backslash;
use edit::Edit;
use property::Property;
use run::Run;

/// Room that is reserved for what is not copied from the message's text: times,
/// numbers, the sender's name. More only costs a further reservation.
const RESERVE_BYTES: usize = 96;

/// A compiled template.
#[derive(Clone, Debug)]
pub struct Template {
    name: Box<str>,
    parts: Box<[Part]>,
    /// Bytes of all literals.
    literal_bytes: usize,
}

/// One step of rendering.
#[derive(Clone, Debug, PartialEq)]
enum Part {
    /// One byte as it stands: the commonest literal, and cheaper to compare.
    Byte(u8),
    /// Bytes as they stand.
    Literal(Box<[u8]>),
    /// A property as it is.
    Property(Property),
    /// A property with positions and options applied.
    Edited(Property, Edit),
    /// A space unless MSG begins with one. rsyslog's built-in formats write it
    /// before an empty MSG too, which `%msg:::sp-if-no-1st-sp%` does not.
    SpaceBeforeMsg,
    /// TIMESTAMP to the end of MSG in these parts, which is what a message as
    /// RFC 3164 has it already reads, but for the format of TIMESTAMP: then it
    /// is copied as a whole.
    Line { date: LineDate, parts: Box<[Part]> },
}

/// The format of TIMESTAMP in a [`Part::Line`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LineDate {
    Rfc3164,
    Rfc3339,
}

/// The built-in templates: name, header, and whether they are for files, which
/// drops the last LF of MSG and writes one. [`Part::SpaceBeforeMsg`] and
/// MSG follow the header.
const BUILTINS: [(&str, &str, bool); 4] = [
    (
        "RSYSLOG_TraditionalFileFormat",
        "%TIMESTAMP% %HOSTNAME% %syslogtag%",
        true,
    ),
    (
        "RSYSLOG_FileFormat",
        "%TIMESTAMP:::date-rfc3339% %HOSTNAME% %syslogtag%",
        true,
    ),
    (
        "RSYSLOG_TraditionalForwardFormat",
        "<%PRI%>%TIMESTAMP% %HOSTNAME% %syslogtag:1:32%",
        false,
    ),
    (
        "RSYSLOG_ForwardFormat",
        "<%PRI%>%TIMESTAMP:::date-rfc3339% %HOSTNAME% %syslogtag:1:32%",
        false,
    ),
];

/// The built-in template that can be written as a string template.
const PROTOCOL_23: (&str, &str) = (
    "RSYSLOG_SyslogProtocol23Format",
    "<%PRI%>1 %TIMESTAMP:::date-rfc3339% %HOSTNAME% %APP-NAME% %PROCID% %MSGID% \
     %STRUCTURED-DATA% %msg%\\n",
);

impl Template {
    /// Compiles the text of `$template name,"text"` as it stands between the
    /// quotes: a backslash begins an escape (`\n`, `\r`, `\\`, `\%`, `\` and
    /// the decimal number of a byte; before any other character it vanishes).
    ///
    /// Beyond rsyslog, `%%` is a percent sign.
    ///
    /// # Errors
    /// An unknown or unfinished property or option, and what is not built.
    pub fn compile(name: &str, text: &str) -> Result<Template, TemplateError> {
        compile::parts(text, Backslash::Escapes).map(|parts| Template::new(name, parts))
    }

    /// Compiles the value of `template(type="string" string=…)`, whose escapes
    /// the configuration's syntax has resolved: a backslash is a backslash.
    ///
    /// # Errors
    /// As for [`compile`](Template::compile).
    pub fn compile_unescaped(name: &str, text: &str) -> Result<Template, TemplateError> {
        compile::parts(text, Backslash::Literal).map(|parts| Template::new(name, parts))
    }

    /// The built-in template of this name, in rsyslog's spelling.
    pub fn builtin(name: &str) -> Option<Template> {
        if name == PROTOCOL_23.0 {
            return Template::compile(name, PROTOCOL_23.1).ok();
        }
        let (_, header, is_for_file) = BUILTINS.iter().find(|builtin| builtin.0 == name)?;
        let mut parts = compile::parts(header, Backslash::Literal).ok()?;
        parts.push(Part::SpaceBeforeMsg);
        if *is_for_file {
            parts.extend([compile::MSG_WITHOUT_LF, Part::Byte(b'\n')]);
        } else {
            parts.push(Part::Property(Property::Msg));
        }
        Some(Template::new(name, parts))
    }

    /// The names of the built-in templates.
    pub fn builtin_names() -> impl Iterator<Item = &'static str> {
        let names = BUILTINS.iter().map(|builtin| builtin.0);
        names.chain(std::iter::once(PROTOCOL_23.0))
    }

    fn new(name: &str, mut parts: Vec<Part>) -> Template {
        if let Some((date, range)) = compile::line(&parts) {
            let start = range.start;
            let line = parts.drain(range).collect();
            parts.insert(start, Part::Line { date, parts: line });
        }
        let literal_bytes = parts.iter().map(Part::literal_bytes).sum();
        Template {
            name: name.into(),
            parts: parts.into(),
            literal_bytes,
        }
    }

    /// The name it was compiled under.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Appends what the template makes of `message`. Allocates only where
    /// `out` has to grow.
    #[inline]
    pub fn render(&self, message: &Message, out: &mut Vec<u8>) {
        // By far the commonest template and the commonest message.
        if let [Part::Line { date, .. }, Part::Byte(end)] = &*self.parts
            && let Some(line) = run::line(message)
        {
            let rest = run::line_rest(*date, line, message, out);
            out.extend_from_slice(&message.text[rest..]);
            out.push(*end);
        } else {
            self.render_parts(message, out);
        }
    }

    fn render_parts(&self, message: &Message, out: &mut Vec<u8>) {
        out.reserve(message.text.len() + self.literal_bytes + RESERVE_BYTES);
        let mut run = Run::new(message, out);
        for part in &self.parts {
            run.part(part);
        }
        run.flush();
    }
}

impl Part {
    fn literal_bytes(&self) -> usize {
        match self {
            Part::Byte(_) => 1,
            Part::Literal(bytes) => bytes.len(),
            Part::Line { parts, .. } => parts.iter().map(Part::literal_bytes).sum(),
            _ => 0,
        }
    }
}
