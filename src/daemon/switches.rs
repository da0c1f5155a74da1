//! Switches that fake the absence of a kernel's or file system's ability, so
//! that the path without it can be run anywhere.

/// Name of the environment variable: a list of abilities, separated by commas.
pub const VARIABLE: &str = "SPLASHDAM_WITHOUT";

/// Abilities that are used where they are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switches {
    /// Receive bundles (Linux 6.10).
    pub bundles: bool,
    /// O_DIRECT.
    pub direct: bool,
}

impl Switches {
    /// From [`VARIABLE`].
    ///
    /// # Errors
    /// The unknown word, if there is one.
    pub fn from_environment() -> Result<Switches, String> {
        Switches::parse(&std::env::var(VARIABLE).unwrap_or_default())
    }

    fn parse(list: &str) -> Result<Switches, String> {
        let mut switches = Switches {
            bundles: true,
            direct: true,
        };
        for word in list.split(',').filter(|word| !word.is_empty()) {
            match word {
                "bundles" => switches.bundles = false,
                "direct" => switches.direct = false,
                other => return Err(other.to_owned()),
            }
        }
        Ok(switches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_switches_one_ability_off() {
        let all = Switches::parse("").unwrap();
        assert!(all.bundles && all.direct);
        let none = Switches::parse("bundles,direct").unwrap();
        assert!(!none.bundles && !none.direct);
        assert_eq!(Switches::parse("direct,warp"), Err("warp".to_owned()));
    }
}
