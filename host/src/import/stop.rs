//! How an import **stops** before its end: the fault, and what is kept of what came before.

use std::io;

use super::decompress::Damage;
use super::options::Report;
use super::place::BadLine;
use crate::event::{Blame, Fault, count};

/// What an import was doing when it stopped.
pub(super) struct Stopped<'a> {
    /// The input's name.
    pub input: &'a str,
    pub report: &'a Report,
}

impl Stopped<'_> {
    pub fn at_bad_line(&self, bad: &BadLine) -> Fault {
        let what = if bad.member.is_some() { "member" } else { "line" };
        Fault::input(format!("{}:{bad}", self.input)).blame(Blame::Data).hint(format!(
            "{}; mend the {what} and import again, or put bad lines aside with --skip-bad FILE",
            self.kept()
        ))
    }

    pub fn at_broken_array(&self, bad: &BadLine) -> Fault {
        Fault::input(format!("{}:{bad}", self.input))
            .blame(Blame::Data)
            .hint(format!("{}; mend the array and import again: what is recorded is not recorded again", self.kept()))
    }

    pub fn at_unreadable_input(&self, error: &io::Error) -> Fault {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Damage>()) {
            Some(damage) => Fault::input(format!("{}: {damage}", self.input)).blame(Blame::Data).hint(format!(
                "{}; {}",
                self.kept(),
                damage.hint(self.input)
            )),
            None => Fault::storage(format!("reading {}", self.input), error)
                .hint(format!("{}; importing again goes on from there", self.kept())),
        }
    }

    fn kept(&self) -> String {
        let Report { added, already_there, .. } = *self.report;
        let is_are = |number| if number == 1 { "is" } else { "are" };
        match (added, already_there) {
            (0, 0) => "nothing was recorded before it".into(),
            (0, there) => format!("nothing new was recorded before it ({} there already)", was_were(there)),
            (added, 0) => format!("the {} before it {} kept", count(added, "event"), is_are(added)),
            (added, there) => format!(
                "the {} added before it {} kept ({} there already)",
                count(added, "event"),
                is_are(added),
                was_were(there)
            ),
        }
    }
}

fn was_were(number: u64) -> String {
    format!("{} {}", count(number, "event"), if number == 1 { "was" } else { "were" })
}
