//! `$IncludeConfig` and `include()`.

use std::path::{Path, PathBuf};

use super::{Checker, Once};
use crate::config::diagnostic::Diagnostic;
use crate::config::span::Text;
use crate::config::syntax::tree::Object;
use crate::limits::{CONFIG_FILES_MAX, INCLUDE_DEPTH_MAX};
use crate::rules::Statement;

impl Checker {
    /// `include(file="…" mode="…")`.
    pub(super) fn include_object(&mut self, object: &Object, blocks: usize) -> Vec<Statement> {
        let mut once = Once::default();
        let mut is_required = true;
        for parameter in &object.parameters {
            self.is_first(&mut once, parameter);
            match parameter.name.value.to_ascii_lowercase().as_str() {
                "file" => {
                    self.text_of(parameter);
                }
                "mode" => {
                    let Some(mode) = self.text_of(parameter) else {
                        continue;
                    };
                    match mode.value.to_ascii_lowercase().as_str() {
                        "optional" => is_required = false,
                        "required" | "abort-if-missing" => {}
                        _ => {
                            let message = format!("`mode` cannot be {}", mode.value);
                            let hint = "it can be optional, required or abort-if-missing";
                            self.error(mode.span, message, hint);
                        }
                    }
                }
                _ => self.unknown(
                    parameter,
                    "include()",
                    ["file", "mode"].into_iter(),
                    |name| name.eq_ignore_ascii_case("text"),
                ),
            }
        }
        match object.text("file") {
            Some(pattern) => self.include(&pattern.clone(), is_required, blocks),
            None => {
                if object.parameter("file").is_none() && !object.is_broken {
                    let hint = "write file=\"…\"";
                    self.error(object.name.span, "include() has no `file`", hint);
                }
                Vec::new()
            }
        }
    }

    /// Reads the files that `pattern` means, in the order of their names. A
    /// pattern with wildcards may mean none.
    pub(super) fn include(
        &mut self,
        pattern: &Text,
        is_required: bool,
        blocks: usize,
    ) -> Vec<Statement> {
        let mut statements = Vec::new();
        if self.depth >= INCLUDE_DEPTH_MAX {
            let message = format!("included deeper than {INCLUDE_DEPTH_MAX} files");
            self.error(pattern.span, message, "does this file include itself?");
            return statements;
        }
        let paths = match expand(&pattern.value) {
            Ok(paths) => paths,
            Err(reason) => {
                self.found.push(Diagnostic::error(pattern.span, reason));
                return statements;
            }
        };
        for path in paths {
            if !is_required && !path.exists() {
                continue;
            }
            match self.sources.read(&path) {
                Ok(file) => {
                    self.depth += 1;
                    statements.extend(self.file(file, blocks));
                    self.depth -= 1;
                }
                Err(reason) => {
                    self.found.push(Diagnostic::error(pattern.span, reason));
                }
            }
        }
        statements
    }
}

/// The files that a pattern means. Wildcards (`*`, `?`) are understood in the
/// last component; hidden files only match if the pattern begins with a dot
/// (glob(7)).
fn expand(pattern: &str) -> Result<Vec<PathBuf>, String> {
    let (folder, name) = match pattern.rsplit_once('/') {
        Some((folder, name)) => (format!("{folder}/"), name),
        None => ("./".to_owned(), pattern),
    };
    let is_wild = |text: &str| text.contains(['*', '?', '[']);
    if is_wild(&folder) || name.contains('[') {
        return Err("wildcards other than * and ? in the file's name are not built".to_owned());
    }
    if !is_wild(name) {
        return Ok(vec![PathBuf::from(pattern)]);
    }
    let wanted: Vec<char> = name.chars().collect();
    let Ok(entries) = Path::new(&folder).read_dir() else {
        // As glob(3): a folder that is not there has no files.
        return Ok(Vec::new());
    };
    let mut paths = Vec::new();
    for entry in entries.flatten() {
        let found = entry.file_name();
        let Some(found) = found.to_str() else {
            continue;
        };
        let is_hidden = found.starts_with('.') && !name.starts_with('.');
        let letters: Vec<char> = found.chars().collect();
        if !is_hidden && matches(&wanted, &letters) && entry.path().is_file() {
            paths.push(Path::new(&folder).join(found));
        }
        if paths.len() > CONFIG_FILES_MAX {
            return Err(format!("more than {CONFIG_FILES_MAX} files"));
        }
    }
    paths.sort();
    Ok(paths)
}

/// Whether `name` matches `pattern` of `*` and `?`. On a mismatch the last `*`
/// takes one character more, so the time is the product of the lengths.
fn matches(pattern: &[char], name: &[char]) -> bool {
    let (mut at, mut from) = (0, 0);
    let mut star = None;
    while from < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(c) if *c == '?' || *c == name[from] => {
                at += 1;
                from += 1;
            }
            _ => {
                let Some((star_at, taken)) = star else {
                    return false;
                };
                star = Some((star_at, taken + 1));
                at = star_at + 1;
                from = taken + 1;
            }
        }
    }
    pattern[at..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        let is = |pattern: &str, name: &str| {
            let pattern: Vec<char> = pattern.chars().collect();
            matches(&pattern, &name.chars().collect::<Vec<char>>())
        };
        assert!(is("*.conf", "50-a.conf"));
        assert!(is("*.conf", ".conf.conf"));
        assert!(is("?0-*", "50-"));
        assert!(!is("*.conf", "50-a.conf.bak"));
        assert!(!is("?", ""));
        assert!(is(&"*a".repeat(50), &"a".repeat(200)));
    }
}
