//! The golden scenarios come out the same when the log grows piece by piece, the plugin is reloaded at each piece, and
//! the host is killed between them.

use std::io::Cursor;
use std::process::{Command, Stdio};
use std::time::Duration;

use projectionist::import::{Input, Options, import};
use projectionist::read_model::{Catalogue, Snapshot};

use crate::stage::{Stage, variant};
use crate::support::workspace;

struct Scenario {
    folder: &'static str,
    package: &'static str,
    projection: &'static str,
    table: &'static str,
}

const LEDGER: Scenario =
    Scenario { folder: "ledger", package: "ledger-balances", projection: "balances", table: "balances" };
const EVOLVED: Scenario = Scenario { folder: "evolved", package: "orders", projection: "orders", table: "orders" };

impl Scenario {
    fn lines(&self) -> Vec<String> {
        let file = workspace().join("sample-events").join(self.folder).join("events.jsonl");
        std::fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect()
    }

    /// Imports the beginning of the file, as if it had grown since the last time.
    fn grow(&self, stage: &Stage, lines: &[String]) {
        let input = Input::new(self.folder, Cursor::new(lines.join("\n"))).unwrap();
        import(&stage.store, input, Options::default()).unwrap();
    }

    fn check(&self, stage: &Stage) {
        let catalogue = Catalogue::open(&stage.project.data).unwrap();
        let serving = catalogue.serving(self.projection).unwrap().expect("a generation serves");
        let snapshot = Snapshot::open(&catalogue.generation_path(self.projection, serving.id)).unwrap();
        let expected = workspace().join("sample-events").join(self.folder).join("expected").join(self.package);
        let expected = std::fs::read_to_string(expected.join(format!("{}.jsonl", self.table))).unwrap();
        assert_eq!(snapshot.rows_as_json(self.table).unwrap().join("\n"), expected.trim_end(), "{}", self.folder);
    }
}

fn reload(scenario: &Scenario) {
    let (stage, lines) = (Stage::new(), scenario.lines());
    let mut show = stage.show();
    for (number, end) in (0..=lines.len()).step_by(3).chain([lines.len()]).enumerate() {
        scenario.grow(&stage, &lines[..end]);
        stage.drop_plugin("scenario.wasm", &variant(scenario.package, number as u8));
        show.swapped();
    }
    show.end();
    scenario.check(&stage);
}

fn kill(scenario: &Scenario) {
    let (stage, lines) = (Stage::with("batch-events = 2\n"), scenario.lines());
    let program = |command: &str| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_projectionist"));
        program.arg("--project").arg(&stage.project.folder).arg(command);
        program.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        program
    };
    stage.drop_plugin("scenario.wasm", &variant(scenario.package, 0));
    for (number, end) in (0..=lines.len()).step_by(4).enumerate() {
        let mut life = program("serve").spawn().unwrap();
        std::thread::sleep(Duration::from_millis(number as u64 * 37 % 150));
        scenario.grow(&stage, &lines[..end]);
        std::thread::sleep(Duration::from_millis(number as u64 * 11 % 40));
        life.kill().unwrap();
        life.wait().unwrap();
    }
    scenario.grow(&stage, &lines);
    assert!(program("project").status().unwrap().success());
    scenario.check(&stage);
}

#[test]
fn the_ledger_survives_reloads_and_kills() {
    reload(&LEDGER);
    kill(&LEDGER);
}

#[test]
fn the_evolved_schema_survives_reloads_and_kills() {
    reload(&EVOLVED);
    kill(&EVOLVED);
}
