//! **Babbling**: whatever a plugin answers, the host refuses it with a fault or writes exactly that; never a panic.
//!
//! The fixture makes each answer from a number, most of them with something wrong in it. What is let through is written
//! to a read model and to maps in memory, which must agree on whether they take it and on every row.

use projectionist::event::{
    Batch, Column, Envelope, FaultKind, Group, Manifest, Position, Range, Result, Rows, Timestamp, Values,
};
use projectionist::plugin::{Engine, Instance, Limits, Lookup, Plugin, Start};
use projectionist::read_model::{BuildingGeneration, Commit, Flush, Identity, LiveGeneration, MemoryModel, Writer};

use crate::support::example_wasm;

/// Answers tried; a release of the fuzzer would try more, this is what an ordinary run has time for.
const ANSWERS: u64 = 3_000;

struct Live(LiveGeneration);

impl Lookup for Live {
    fn lookup(&mut self, table: usize, length: usize, keys: &[Column]) -> Result<Rows> {
        self.0.lookup(table, length, keys)
    }
}

fn said(seed: u64) -> Batch {
    Batch {
        range: Range { after: Position(seed), through: Position(seed + 1) },
        kinds: vec![0u16].into(),
        positions: vec![seed + 1].into(),
        envelope: Envelope::default(),
        groups: vec![Group {
            length: 1,
            fields: vec![Values::Integers(vec![seed.cast_signed()].into()).into()],
            document: None,
        }],
    }
}

fn instance(plugin: &Plugin, rows: Live) -> Instance<Live> {
    let start = Start { checkpoint: Position::START, empty: false, settings: "{}".into() };
    let mut instance = plugin.instantiate(&Limits::default(), rows).unwrap();
    instance.open(&start).unwrap();
    instance
}

fn generation(path: &std::path::Path, manifest: &Manifest) -> LiveGeneration {
    let identity = Identity {
        projection: manifest.name.clone(),
        plugin_version: manifest.version,
        plugin_hash: String::new(),
        settings: "{}".into(),
        contract: "0.1.0".into(),
        created_at: Timestamp(0),
    };
    BuildingGeneration::create(path, &identity, manifest).unwrap().finish().unwrap()
}

#[test]
fn whatever_it_answers_is_refused_or_written_as_it_is() {
    let bytes = std::fs::read(example_wasm("misbehaving", "babbling")).unwrap();
    let plugin = Engine::new(None).unwrap().load(&bytes, &Limits::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let live = generation(&folder.path().join("live.sqlite"), plugin.manifest());
    let mut memory = MemoryModel::new(plugin.manifest());
    let mut running = instance(&plugin, Live(live));
    let (mut refused, mut written) = (0, 0);
    for seed in 0..ANSWERS {
        let answered = running.apply(&said(seed)).and_then(|_| running.flush());
        let changes = match answered {
            Ok(changes) => changes,
            Err(fault) => {
                let is_told = matches!(fault.kind, FaultKind::Changes | FaultKind::Output | FaultKind::Trap);
                assert!(is_told && !fault.message.is_empty(), "seed {seed}: {fault:?}");
                refused += 1;
                running = instance(&plugin, running.into_rows());
                continue;
            }
        };
        let range = Range { after: memory.checkpoint(), through: Position(seed + 1) };
        let kept = memory.clone();
        let [of_memory, of_live] = [
            memory.commit(vec![Flush::whole(changes.clone())], Commit::from(range)),
            running.rows().0.commit(vec![Flush::whole(changes.clone())], Commit::from(range)),
        ];
        assert_eq!(of_memory.is_ok(), of_live.is_ok(), "seed {seed}: {of_memory:?} and {of_live:?} of {changes:?}");
        match of_live {
            Ok(()) => written += changes.len(),
            Err(fault) => {
                assert_eq!(fault.kind, FaultKind::Changes, "seed {seed}: {fault:?}");
                refused += 1;
                memory = kept;
                running = instance(&plugin, running.into_rows());
            }
        }
        if seed % 500 == 0 || seed + 1 == ANSWERS {
            let [of_memory, of_live] = [memory.digest(), running.rows().0.digest()];
            assert_eq!(of_memory.unwrap().to_string(), of_live.unwrap().to_string(), "after seed {seed}");
        }
    }
    assert!(refused > ANSWERS / 20 && written as u64 > ANSWERS / 20, "{refused} refused, {written} written");
}
