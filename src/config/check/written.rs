//! Parameters of a listener with the places where they are written: in its
//! input, in `module()`, in a directive before it.

use std::rc::Rc;

use super::{Checker, Legacy};
use crate::config::parameters::Setting;
use crate::config::span::Span;
use crate::config::syntax::tree::Parameter;
use crate::receive::{KeepAliveOptions, ListenerOptions};

/// A parameter of a listener that was read.
pub(super) struct Written {
    /// RainerScript's name.
    pub parameter: &'static str,
    /// Its name as the operator knows it: `` `keepAlive` ``, `$InputTCPServerKeepAlive`.
    pub shown: String,
    pub name: Span,
    pub value: Span,
    pub setting: Setting<ListenerOptions>,
}

impl Written {
    /// A parameter of `input()` or `module()`.
    pub(super) fn of_object(
        name: &'static str,
        parameter: &Parameter,
        setting: Setting<ListenerOptions>,
    ) -> Rc<Written> {
        Rc::new(Written {
            parameter: name,
            shown: format!("`{name}`"),
            name: parameter.name.span,
            value: parameter.value.span(),
            setting,
        })
    }

    /// A directive.
    pub(super) fn of_directive(legacy: &Legacy<ListenerOptions>) -> Rc<Written> {
        Rc::new(Written {
            parameter: legacy.parameter,
            shown: legacy.directive.value.clone(),
            name: legacy.directive.span,
            value: legacy.value,
            setting: legacy.setting(),
        })
    }

    /// Adds one to those of a module, where the last one of a name holds.
    pub(super) fn hold(list: &mut Vec<Rc<Written>>, new: Rc<Written>) {
        list.retain(|old| old.parameter != new.parameter);
        list.push(new);
    }
}

impl Checker {
    /// Notes where the keepalive of a listener is set, for what is told at start.
    pub(super) fn note_keep_alive(&self, options: &mut KeepAliveOptions, written: &[Rc<Written>]) {
        for name in KeepAliveOptions::PARAMETERS {
            let mut set = written.iter().rev();
            if let Some(set) = set.find(|written| written.parameter == name) {
                options.places.push((name, self.place(set.name)));
            }
        }
    }

    /// File and line.
    pub(super) fn place(&self, span: Span) -> String {
        let line = self.sources.place(span.file, span.start as usize).line;
        let name = self.sources.get(span.file).map(|source| &source.name);
        format!("{}:{line}", name.map_or("", |name| name))
    }
}
