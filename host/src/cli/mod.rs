//! The **command line**: one file a command, all of the same shape.
//!
//! Stdout is data, stderr is talk. `--json` is a contract: listings print JSON Lines, single answers one object.
//! Exit codes: 0 done, 1 failed, 2 used wrongly.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgAction, Parser, Subcommand};

mod shell;
mod failure;
mod logging;
mod render;
mod stop;
mod table;
mod init;
mod import;
mod events;
mod history;
mod check;
mod project;
mod serve;
mod status;
mod query;
mod replay;
mod rebuild;
mod rollback;
mod pause;
mod resume;
mod ask;
mod sdk;
mod new;
mod cargo;
mod dev;
mod build;
#[cfg(test)]
mod documented;

use shell::Shell;

/// Replays stored events into sandboxed WebAssembly projections, and serves their read models.
#[derive(Debug, Parser)]
#[command(name = "projectionist", version, max_term_width = 100, after_help = EXAMPLES)]
struct Cli {
    /// The project folder; without it the nearest folder upward that holds a projectionist.toml
    #[arg(long, global = true, value_name = "DIR")]
    project: Option<PathBuf>,
    /// Print data as JSON: listings one object a line, single answers one object
    #[arg(long, global = true)]
    json: bool,
    /// Log what happens inside to stderr; twice for more (PROJECTIONIST_LOG sets the filter in full)
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
The usual way:
  projectionist init shop && cd shop       make a project
  projectionist import orders.jsonl        bring events in
  projectionist new revenue                start a plugin
  projectionist dev revenue                edit, save, served
  projectionist build revenue              make the file to deploy
  projectionist query revenue 'SELECT * FROM revenue'";

/// The commands in the order in which one meets them.
#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Init),
    Import(import::Import),
    #[command(subcommand)]
    Events(events::Events),
    #[command(subcommand)]
    History(history::History),
    Check(check::Check),
    Project(project::Project),
    Serve(serve::Serve),
    Status(status::Status),
    Query(query::Query),
    Replay(replay::Replay),
    Rebuild(rebuild::Rebuild),
    Rollback(rollback::Rollback),
    Pause(pause::Pause),
    Resume(resume::Resume),
    New(new::New),
    Dev(dev::Dev),
    Build(build::Build),
}

/// Reads the command line, runs the command, says how it ended.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    logging::start(cli.verbose);
    let shell = Shell::new(cli.project, cli.json);
    match cli.command.run(&shell) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&shell, &error),
    }
}

impl Command {
    fn run(self, shell: &Shell) -> anyhow::Result<()> {
        match self {
            Command::Init(command) => command.run(shell),
            Command::Import(command) => command.run(shell),
            Command::Events(command) => command.run(shell),
            Command::History(command) => command.run(shell),
            Command::Check(command) => command.run(shell),
            Command::Project(command) => command.run(shell),
            Command::Serve(command) => command.run(shell),
            Command::Status(command) => command.run(shell),
            Command::Query(command) => command.run(shell),
            Command::Replay(command) => command.run(shell),
            Command::Rebuild(command) => command.run(shell),
            Command::Rollback(command) => command.run(shell),
            Command::Pause(command) => command.run(shell),
            Command::Resume(command) => command.run(shell),
            Command::New(command) => command.run(shell),
            Command::Dev(command) => command.run(shell),
            Command::Build(command) => command.run(shell),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_fits_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_says_what_it_does_and_shows_an_example() {
        for command in Cli::command().get_subcommands() {
            assert!(command.get_about().is_some(), "{} says nothing of itself", command.get_name());
            let own = command.get_after_help().is_some();
            let below = command.get_subcommands().all(|inner| inner.get_after_help().is_some());
            assert!(own || (command.has_subcommands() && below), "{} shows no example", command.get_name());
        }
    }
}
