//! What is told of keepalive at start.

use super::assemble::Daemon;
use crate::message::{Report, Severity};
use crate::receive::KeepAliveOptions;

/// Listeners that one warning names; of more it says how many.
const NAMED_MAX: usize = 10;

/// Tells, for each TCP listener, what the kernel does about silent peers, and
/// warns where that comes too late: once for all listeners of which the same is
/// true.
pub fn tell(daemon: &Daemon) {
    let mut warned = Vec::new();
    for listener in &daemon.reactors.listeners {
        let Some(liveness) = listener.liveness() else {
            continue;
        };
        let options = &listener.options;
        let name = format!("{} on {}", options.name, listener.endpoint());
        let words = options.keep_alive.describe(liveness);
        let text = format!("listener {name}: {words}");
        daemon.own.report(Severity::INFO, text);
        if let Some(warning) = KeepAliveOptions::warning(liveness) {
            warned.push((warning, name));
        }
    }
    for text in together(warned) {
        daemon.own.report(Severity::WARNING, text);
    }
}

/// One text for each warning, with the listeners that it is about; both in the
/// order in which they come.
fn together(warned: Vec<(String, String)>) -> Vec<String> {
    let mut kinds: Vec<(String, Vec<String>)> = Vec::new();
    for (warning, name) in warned {
        match kinds.iter_mut().find(|(kind, _)| *kind == warning) {
            Some((_, names)) => names.push(name),
            None => kinds.push((warning, vec![name])),
        }
    }
    let text = |(warning, names): (String, Vec<String>)| {
        let word = if names.len() == 1 {
            "listener"
        } else {
            "listeners"
        };
        let named = names.len().min(NAMED_MAX);
        let more = match names.len() - named {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("{word} {}{more}: {warning}", names[..named].join(", "))
    };
    kinds.into_iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(warning, name): &(&str, &str)| (warning.to_string(), name.to_string());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn each_warning_is_told_once_with_its_listeners() {
        let told = together(warned(&[("off", "a"), ("late", "b"), ("off", "c")]));
        assert_eq!(told, ["listeners a, c: off", "listener b: late"]);
        assert!(together(Vec::new()).is_empty());
    }

    #[test]
    fn the_names_of_many_listeners_are_bounded() {
        let names: Vec<String> = (0..NAMED_MAX + 1).map(|name| name.to_string()).collect();
        let of = |names: &[String]| {
            let pairs = names.iter().map(|name| ("off".to_owned(), name.clone()));
            together(pairs.collect())
        };
        let all = format!("listeners {}", names[..NAMED_MAX].join(", "));
        assert_eq!(of(&names[..NAMED_MAX]), [format!("{all}: off")]);
        assert_eq!(of(&names), [format!("{all} and 1 more: off")]);
    }
}
