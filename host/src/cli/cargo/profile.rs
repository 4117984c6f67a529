//! With which **profile** cargo builds a plugin: one for the loop of edit and look, the crate's own for deployment.
//!
//! The profile of the loop is handed over on cargo's command line, so it needs nothing in the crate. It is the crate's
//! release profile without what makes a build slow and a file small: link-time optimisation and a single codegen unit.
//! Dependencies keep the optimisation of the release profile. See `docs/decisions/0035-quick-builds.md`.

/// What the profile of the loop is called, and so the folder of what it builds.
const LOOP: &str = "projectionist-dev";

/// The profile that `dev --test` builds tests with.
pub(super) const TEST_PROFILE: &str = "projectionist-test";

/// A cargo profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Built in a moment after a change.
    Loop,
    /// One that the crate or cargo defines, such as `release`.
    Named(String),
}

impl Profile {
    /// What is deployed.
    pub fn release() -> Profile {
        Profile::Named("release".into())
    }

    /// Its name; also the folder below the target folder that its builds go to.
    pub fn name(&self) -> &str {
        match self {
            Profile::Loop => LOOP,
            Profile::Named(name) => name,
        }
    }

    /// Cargo's arguments that choose it, and define it where the crate does not.
    pub fn arguments(&self) -> Vec<String> {
        let mut arguments = vec!["--profile".to_owned(), self.name().to_owned()];
        if *self == Profile::Loop {
            arguments.extend(settings(
                LOOP,
                &[
                    ("inherits", "\"release\""),
                    ("lto", "\"off\""),
                    ("incremental", "true"),
                    ("codegen-units", "16"),
                    ("debug", "false"),
                    ("strip", "\"debuginfo\""),
                    ("panic", "\"abort\""),
                    // A sum that wraps is a wrong row that nobody sees.
                    ("overflow-checks", "true"),
                ],
            ));
        }
        arguments
    }
}

/// Cargo's arguments for native tests that are built in a moment: line numbers in backtraces and no other debug
/// information.
pub fn test_settings() -> Vec<String> {
    let own = [("inherits", "\"dev\""), ("incremental", "true"), ("debug", "\"line-tables-only\"")];
    let mut arguments = vec!["--profile".to_owned(), TEST_PROFILE.to_owned()];
    arguments.extend(settings(TEST_PROFILE, &own));
    arguments
}

fn settings(profile: &str, values: &[(&str, &str)]) -> Vec<String> {
    values.iter().flat_map(|(key, value)| ["--config".to_owned(), format!("profile.{profile}.{key}={value}")]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_of_the_crate_is_only_named() {
        assert_eq!(Profile::release().arguments(), ["--profile", "release"]);
        assert!(Profile::Loop.arguments().contains(&"profile.projectionist-dev.overflow-checks=true".to_owned()));
    }
}
