//! The known name that an unknown one was probably meant to be.

use strsim::damerau_levenshtein;

/// The name nearest to `written`, in its own spelling; nothing where none is
/// near. Names are compared without case
/// or the space around them.
///
/// A name that only lacks letters counts as twice as near: to leave out a word
/// (`ActionFileName` for `ActionQueueFileName`) is the commoner slip.
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // The distance is quadratic: a megabyte of letters has no near name.
    if written.len() > 80 {
        return None;
    }
    let written = written.trim().to_lowercase();
    let mut best = None;
    for name in known {
        let lower = name.to_lowercase();
        let distance = damerau_levenshtein(&written, &lower);
        let lacks_only = is_subsequence(&written, &lower);
        let cost = if lacks_only { distance } else { 2 * distance };
        let limit = 2 * (written.chars().count() / 3).clamp(1, 5);
        if cost <= limit && best.is_none_or(|(least, _)| cost < least) {
            best = Some((cost, name));
        }
    }
    best.map(|(_, name)| name)
}

fn is_subsequence(part: &str, whole: &str) -> bool {
    let mut rest = whole.chars();
    part.chars().all(|wanted| rest.any(|found| found == wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_find_their_name() {
        let known = [
            "ActionName",
            "ActionQueueFileName",
            "queue.type",
            "queue.size",
        ];
        assert_eq!(
            nearest("ActionFileName", known),
            Some("ActionQueueFileName")
        );
        assert_eq!(nearest("queue.tpye", known), Some("queue.type"));
        assert_eq!(nearest(" Queue.Tpye ", known), Some("queue.type"));
        assert_eq!(nearest("xyz", known), None);
        assert_eq!(nearest("", known), None);
        assert_eq!(nearest(&"q".repeat(1000), known), None);
    }
}
