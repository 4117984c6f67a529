//! The **ledger**: seeded events as JSON Lines, imported through the public door.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use projectionist::project::Project;
use projectionist::source::import::{Input, Options, import};
use projectionist::source::sqlite::SqliteStore;

use super::measure::Measured;

pub const SEED: u64 = 0x5EED_1ED6_E200_2026;
pub const ACCOUNTS: u64 = 10_000;

/// Makes a project in `folder`, writes the ledger and imports it; measures the import.
pub fn prepare(folder: &Path, events: u64) -> Measured {
    std::fs::write(folder.join("projectionist.toml"), "").expect("the configuration");
    let file = folder.join("ledger.jsonl");
    write(&file, events).expect("the ledger's file");
    let project = project(folder);
    std::fs::create_dir_all(&project.data).expect("the data folder");
    std::fs::create_dir_all(&project.plugins).expect("the plugin folder");
    let store = SqliteStore::open(&project.store).expect("the store");
    let started = Instant::now();
    let report = import(&store, Input::open(&file).expect("the ledger"), Options::default()).expect("the import");
    assert_eq!(report.added, events);
    Measured::new(started.elapsed().as_secs_f64(), None)
}

pub fn project(folder: &Path) -> Project {
    Project::open(folder).expect("the project")
}

fn write(file: &Path, events: u64) -> std::io::Result<()> {
    let mut out = BufWriter::new(File::create(file)?);
    let mut random = SEED;
    for number in 0..events {
        // xorshift64*: small, seeded, the same everywhere (Vigna 2016, https://arxiv.org/abs/1402.6246).
        random ^= random >> 12;
        random ^= random << 25;
        random ^= random >> 27;
        let drawn = random.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16;
        let (account, amount) = (drawn % ACCOUNTS, drawn / ACCOUNTS % 100_000);
        let kind = if drawn & 1 << 40 == 0 { "Deposited" } else { "Withdrawn" };
        writeln!(
            out,
            r#"{{"stream":"account-{account:06}","type":"{kind}","time":"2026-01-01T00:00:00Z","data":{{"amount":{amount},"currency":"EUR","reference":"transfer {number:010}","channel":"web"}}}}"#
        )?;
    }
    out.flush()
}
