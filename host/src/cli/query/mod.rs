//! `projectionist query`: SQL on a read model, read-only and bounded.

mod rows;

use super::failure::hint_of;
use super::render::{count, grouped, time};
use super::shell::Shell;
use crate::event::{Fault, Result};
use crate::project::Project;
use crate::read_model::Catalogue;
use crate::read_model::query::{self, Outcome, QueryLimits, Sink};
use crate::server;

use rows::{Csv, JsonLines, People};

/// The most rows that are laid out for people: a table stands in memory until its widths are known.
const PEOPLE_ROWS_MAX: usize = 10_000;

/// Ask a read model in SQL; reads only, and is bounded in rows and time
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    projectionist query balances 'SELECT * FROM balances ORDER BY balance DESC LIMIT 10'\n  \
    projectionist query balances 'SELECT name, sql FROM sqlite_schema'\n  \
    projectionist query balances 'SELECT * FROM balances' --csv --rows-max 1000000 > balances.csv\n\n\
    JSON: one object a row, blobs as hex text. CSV: a heading, NULL as nothing, blobs as hex. \
    It says on stderr when rows were cut.")]
pub(super) struct Query {
    /// The projection's name
    name: String,
    /// One statement that reads
    sql: String,
    /// Print CSV
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// At most so many rows, instead of the configured number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    rows_max: Option<u64>,
    /// At most so many milliseconds, instead of the configured number
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..=3_600_000))]
    ms_max: Option<u64>,
}

impl Query {
    pub(super) fn run(self, shell: &Shell) -> anyhow::Result<()> {
        let project = shell.project()?;
        let mut limits = project.query;
        limits.rows_max = self.rows_max.map_or(limits.rows_max, |rows| rows as usize);
        limits.ms_max = self.ms_max.unwrap_or(limits.ms_max);
        let started = std::time::Instant::now();
        let outcome = if shell.json() {
            let mut sink = JsonLines::new(shell.out());
            let outcome = run(&project, &self.name, &self.sql, &limits, &mut sink);
            sink.end()?;
            outcome?
        } else if self.csv {
            let mut sink = Csv::new(shell.out());
            let outcome = run(&project, &self.name, &self.sql, &limits, &mut sink);
            sink.end()?;
            outcome?
        } else {
            limits.rows_max = limits.rows_max.min(PEOPLE_ROWS_MAX);
            let mut sink = People::default();
            let outcome = run(&project, &self.name, &self.sql, &limits, &mut sink)?;
            sink.end(shell.out())?;
            let ms = started.elapsed().as_secs_f64() * 1_000.0;
            shell.say(format!("{} in {}", count(outcome.rows as u64, "row"), time(ms)));
            outcome
        };
        if outcome.cut {
            shell.say(format!(
                "cut after {}; --rows-max N or `rows-max` under [query] allows more, up to 128 MiB of text",
                count(outcome.rows as u64, "row")
            ));
        }
        Ok(())
    }
}

/// Runs the statement on the generation that serves. One that was pruned between the look and the opening is no
/// fault: another serves by then.
fn run(project: &Project, name: &str, sql: &str, limits: &QueryLimits, sink: &mut dyn Sink) -> Result<Outcome> {
    project.expect_event_store()?;
    let Some(catalogue) = Catalogue::open_to_read(&project.data)? else { return Err(never_served(project, name)) };
    catalogue.expect_projection(name)?;
    let serving = || match catalogue.serving(name)? {
        Some(generation) => Ok(catalogue.generation_path(name, generation.id)),
        None => Err(never_served(project, name)),
    };
    let mut path = serving()?;
    if !path.is_file() {
        path = serving()?;
    }
    query::run(&path, sql, limits, sink).map_err(|fault| fault.of(name))
}

/// There is nothing to ask yet, and why, as far as that is known.
fn never_served(project: &Project, name: &str) -> Fault {
    let none = Fault::input(format!("projection `{name}` has no read model yet"));
    let known = server::status(project).ok();
    let known = known.and_then(|status| status.projections.into_iter().find(|projection| projection.name == name));
    let Some(projection) = known else { return none };
    if let Some(mut fault) = projection.refused {
        let hint = hint_of(&fault);
        fault.projection = None; // it is named already
        let mut refused = Fault::input(format!("{}: its plugin was refused: {fault}", none.message));
        refused.hint = hint;
        return refused;
    }
    match projection.building {
        Some(building) => none.hint(format!(
            "it is being built, at {} of {}: ask again once `projectionist status` shows it live",
            grouped(building.covered.0),
            grouped(building.through.0)
        )),
        None => none.hint("`projectionist project` builds it, or `projectionist serve`"),
    }
}
