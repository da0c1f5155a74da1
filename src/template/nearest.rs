//! The known name that an unknown one was probably meant to be.

use strsim::damerau_levenshtein;

/// Longest name that is compared: the distance takes quadratic time, and a
/// megabyte of letters has no near name.
const NAME_BYTES_MAX: usize = 80;

/// The name nearest to `written`, compared without case or the space around it;
/// nothing where more than a third of it would have to change.
pub fn nearest(
    written: &str,
    known: impl IntoIterator<Item = &'static str>,
) -> Option<&'static str> {
    if written.len() > NAME_BYTES_MAX {
        return None;
    }
    let written = written.trim().to_lowercase();
    let limit = (written.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|name| (damerau_levenshtein(&written, &name.to_lowercase()), name))
        .filter(|&(distance, _)| distance <= limit)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_find_their_name() {
        let known = ["msg", "hostname", "syslogtag"];
        assert_eq!(nearest("mgs", known), Some("msg"));
        assert_eq!(nearest("SysLogTga", known), Some("syslogtag"));
        assert_eq!(nearest("xyz", known), None);
        assert_eq!(nearest("", known), None);
        assert_eq!(nearest(&"m".repeat(1000), known), None);
    }
}
