//! A project **operated** by the real program: several projections at once, imports between them, another version,
//! a rollback and the return from it, a rebuild, a replay up to anywhere. The rows are those of the plain way.

use std::path::Path;
use std::process::Command;

use projectionist::event::Position;
use projectionist::project::Project;
use projectionist::read_model::{Catalogue, Snapshot};

use crate::computed::Computed;
use crate::log::{self, Event};
use crate::probes::{self, Probe};
use crate::rng::Rng;
use crate::stored::{Stored, folder, lines};
use crate::way::Way;

/// Logs that go through all of it.
const LOGS: u64 = 3;

struct Operated {
    folder: tempfile::TempDir,
    projects: Vec<&'static Probe>,
}

impl Operated {
    fn new(batch_events: u64) -> Operated {
        let folder = folder();
        // Those that fault stop at an event, which is for other tests; a liar needs settings.
        let projects = probes::all().iter().filter(|probe| !matches!(probe.name, "picky" | "liar")).collect();
        let configuration = format!("batch-events = {batch_events}\n");
        std::fs::write(folder.path().join("projectionist.toml"), configuration).expect("a configuration");
        for folder in ["plugins", "data"].map(|name| folder.path().join(name)) {
            std::fs::create_dir_all(folder).expect("a folder");
        }
        Operated { folder, projects }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn run(&self, arguments: &[&str]) {
        let mut program = Command::new(env!("CARGO_BIN_EXE_projectionist"));
        let output = program.arg("--project").arg(self.path()).args(arguments).output().expect("the program");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn import(&self, name: &str, events: &[Event]) {
        let file = self.path().join(name);
        std::fs::write(&file, lines(events)).expect("a file");
        self.run(&["import", file.to_str().expect("a path")]);
    }

    /// Drops in all plugins; each number makes other bytes of the same.
    fn drop_plugins(&self, number: u8) {
        for probe in &self.projects {
            let mut bytes = probe.bytes().to_vec();
            bytes.extend([0, 3, 1, b'n', number]); // a custom section named `n` with one byte
            std::fs::write(self.path().join("plugins").join(probe.name).with_extension("wasm"), bytes).expect("a file");
        }
    }

    /// Compares what serves with the plain way over the first events.
    fn compare(&self, stored: &Stored, events: usize, after: &str) {
        let project = Project::open(self.path()).expect("the project");
        let catalogue = Catalogue::open(&project.data).expect("the catalogue");
        for probe in &self.projects {
            let serving = catalogue.serving(probe.name).expect("the catalogue").expect("it serves");
            let file = catalogue.generation_path(probe.name, serving.id);
            check(&file, stored, probe, events, after);
        }
    }
}

/// Compares a finished read model with the plain way over the first events.
fn check(file: &Path, stored: &Stored, probe: &Probe, events: usize, after: &str) {
    let snapshot = Snapshot::open(file).expect("a read model");
    let name = format!("{}-{after}", probe.name).replace(' ', "-");
    let plain = Computed::through(stored, probe, "{}", &Way::plain(), &name, Position(events as u64));
    assert_eq!(snapshot.checkpoint(), plain.checkpoint, "{} after {after}", probe.name);
    for (table, rows) in plain.tables.expect("rows") {
        let found = snapshot.rows_as_json(&table).expect("the rows");
        assert!(found == rows, "`{table}` of {} after {after}: {found:#?}\n instead of {rows:#?}", probe.name);
    }
    crate::sound::check(file);
}

#[test]
fn what_operators_do_changes_no_row() {
    for seed in 0..LOGS {
        let mut rng = Rng::new(seed);
        let mut events = log::generate(&mut rng);
        events.retain(|event| event.kind != "Poison" && !event.data.get().contains("\"many\""));
        let stored = Stored::new(&events);
        let operated = Operated::new(rng.between(1, 200));
        let (third, half) = (events.len() / 3, events.len() / 2);
        operated.import("first.jsonl", &events[..third]);
        operated.drop_plugins(1);
        operated.run(&["project"]);
        operated.compare(&stored, third, "the first builds");
        operated.drop_plugins(2);
        operated.run(&["project"]);
        operated.compare(&stored, third, "another version");
        operated.import("second.jsonl", &events[third..half]);
        operated.run(&["project"]);
        operated.compare(&stored, half, "following");
        for probe in &operated.projects {
            operated.run(&["rollback", probe.name]);
        }
        operated.import("third.jsonl", &events[half..]);
        operated.run(&["project"]);
        operated.compare(&stored, events.len(), "a rollback");
        operated.run(&["rebuild", rng.pick(&operated.projects).name]);
        operated.run(&["project"]);
        operated.compare(&stored, events.len(), "a rebuild");
        let (probe, until) = (*rng.pick(&operated.projects), rng.below(events.len() as u64 + 1));
        let (plugin, out) = (operated.path().join("plugins").join(probe.name), operated.path().join("out.sqlite"));
        let plugin = plugin.with_extension("wasm");
        let [plugin, out] = [&plugin, &out].map(|path| path.to_str().expect("a path"));
        operated.run(&["replay", plugin, "--until", &until.to_string(), "--out", out]);
        check(Path::new(out), &stored, probe, until as usize, "a replay");
    }
}
