//! Prometheus' text exposition format, version 0.0.4
//! (prometheus.io/docs/instrumenting/exposition_formats).

use std::fmt::Write;

/// What kind of metric it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, from the daemon's start on; its name ends in `_total`.
    Counter,
    Gauge,
    /// Quantiles, a sum and a count.
    Summary,
}

/// A value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    Whole(u64),
    Real(f64),
    /// There is none now: no line.
    None,
}

impl From<u64> for Number {
    fn from(value: u64) -> Number {
        Number::Whole(value)
    }
}

impl From<bool> for Number {
    fn from(value: bool) -> Number {
        Number::Whole(value.into())
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Number {
        Number::Real(value)
    }
}

impl<T: Into<Number>> From<Option<T>> for Number {
    fn from(value: Option<T>) -> Number {
        value.map_or(Number::None, T::into)
    }
}

/// A text in this format, family by family.
#[derive(Default)]
pub struct Exposition(String);

impl Exposition {
    /// Begins a family of metrics.
    pub fn family(&mut self, name: &str, kind: Kind, help: &str) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Summary => "summary",
        };
        let help = help.replace('\\', r"\\").replace('\n', r"\n");
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// A metric of the family that was begun last. `labels` are names and values.
    pub fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Into<Number>) {
        let value = match value.into() {
            Number::Whole(value) => value.to_string(),
            Number::Real(value) => value.to_string(),
            Number::None => return,
        };
        self.0.push_str(name);
        for (index, (label, value)) in labels.iter().enumerate() {
            let separator = if index == 0 { '{' } else { ',' };
            let value = escaped(value);
            let _ = write!(self.0, "{separator}{label}=\"{value}\"");
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        let _ = writeln!(self.0, " {value}");
    }

    /// All of it.
    pub fn into_text(self) -> String {
        self.0
    }
}

/// A label's value: what would end it or the line is escaped.
fn escaped(value: &str) -> String {
    value
        .replace('\\', r"\\")
        .replace('"', "\\\"")
        .replace('\n', r"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_value_is_escaped() {
        let mut text = Exposition::default();
        text.family("a_total", Kind::Counter, "back\\slash\nline");
        text.sample("a_total", &[], 7);
        text.sample("a_total", &[("x", "q\"uote"), ("y", "\\n\n")], 0.25);
        text.sample("a_total", &[("x", "none")], None::<u64>);
        let expected = [
            r"# HELP a_total back\\slash\nline",
            "# TYPE a_total counter",
            "a_total 7",
            r#"a_total{x="q\"uote",y="\\n\n"} 0.25"#,
            "",
        ];
        assert_eq!(text.into_text(), expected.join("\n"));
    }
}
