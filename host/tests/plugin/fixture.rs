//! How the tests get plugins, batches and rows.

use std::sync::OnceLock;

use projectionist::event::{
    Batch, Changes, Column, Envelope, Fault, FaultKind, Group, Position, Range, Result, Rows, Text, Values,
};
use projectionist::plugin::{Engine, Instance, Limits, Lookup, Plugin, Start};

#[path = "../../../plugins/misbehaving/src/behaviour.rs"]
pub mod behaviour;
pub use behaviour::Behaviour;

use crate::support::plugin_bytes;

/// One engine for all tests, without a cache.
pub fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::new(None).unwrap())
}

/// The misbehaving plugin's file.
pub fn misbehaving_bytes() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| plugin_bytes("misbehaving"))
}

/// Set for the process that runs all tests once more, with quick code.
pub const QUICK: &str = "PLUGIN_TESTS_QUICK";

/// Whether plugins are loaded with quick code, in this process and on this machine.
pub fn is_quick() -> bool {
    std::env::var_os(QUICK).is_some() && cfg!(target_arch = "x86_64")
}

/// The misbehaving plugin, loaded without a fuel limit.
pub fn misbehaving() -> &'static Plugin {
    static PLUGIN: OnceLock<Plugin> = OnceLock::new();
    PLUGIN.get_or_init(|| load(misbehaving_bytes(), &Limits::default()).unwrap())
}

/// Loads with the code that this process is about.
pub fn load(bytes: &[u8], limits: &Limits) -> Result<Plugin> {
    let plugin = if is_quick() { engine().load_quickly(bytes, limits) } else { engine().load(bytes, limits) };
    if let Ok(plugin) = &plugin {
        assert_eq!(plugin.is_optimised(), !is_quick() || limits.call_fuel_max.is_some());
    }
    plugin
}

/// The file with `from`, which it holds once, overwritten by `to`.
pub fn patched(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let places: Vec<_> =
        bytes.windows(from.len()).enumerate().filter(|(_, window)| *window == from.as_bytes()).collect();
    assert_eq!(places.len(), 1, "`{from}` is there {} times", places.len());
    let mut patched = bytes.to_vec();
    patched[places[0].0..][..to.len()].copy_from_slice(to.as_bytes());
    patched
}

/// Looks up in a read model that holds one row, at position 1; refuses position 666.
#[derive(Debug, Default, PartialEq)]
pub struct OneRow {
    pub asked: Vec<i64>,
}

impl Lookup for OneRow {
    fn lookup(&mut self, table: usize, length: usize, keys: &[Column]) -> Result<Rows> {
        assert_eq!((table, keys.len()), (0, 1));
        let Values::Integers(keys) = &keys[0].values else { panic!("{keys:?}") };
        self.asked.extend(keys.iter());
        if keys.contains(&666) {
            return Err(Fault::new(FaultKind::Storage, "the disk is gone").retriable());
        }
        let found: Vec<u8> = keys
            .chunks(8)
            .map(|keys| (0..keys.len()).filter(|&row| keys[row] == 1).map(|row| 1 << row).sum())
            .collect();
        let missing = |values| Column { validity: Some(found.clone().into()), nulls: None, values };
        let columns = vec![
            missing(Values::Integers(keys.clone())),
            missing(Values::Texts((0..length).map(|_| "ok").collect())),
            Column::default(),
        ];
        Ok(Rows { found: found.into(), columns })
    }
}

/// An opened instance of the misbehaving plugin.
pub fn opened(limits: &Limits) -> Instance<OneRow> {
    let mut instance = misbehaving().instantiate(limits, OneRow::default()).unwrap();
    instance.open(&start("{}")).unwrap();
    instance
}

/// The start of an empty generation.
pub fn start(settings: &str) -> Start {
    Start { checkpoint: Position::START, empty: true, settings: settings.into() }
}

/// Events that tell the misbehaving plugin what to do, at positions from `after + 1` on.
pub fn batch(after: u64, commands: &[&str]) -> Batch {
    let positions: Vec<u64> = (1..=commands.len() as u64).map(|place| after + place).collect();
    Batch {
        range: Range { after: Position(after), through: Position(after + commands.len() as u64) },
        kinds: vec![0u16; commands.len()].into(),
        positions: positions.into(),
        envelope: Envelope { with_positions: true, ..Envelope::default() },
        groups: vec![Group {
            length: commands.len() as u32,
            fields: vec![Values::Texts(commands.iter().collect::<Text>()).into()],
            document: None,
        }],
    }
}

/// Applies the commands from position 1 on, and flushes.
pub fn run(limits: &Limits, commands: &[&str]) -> Result<Vec<Changes>> {
    let mut instance = opened(limits);
    instance.apply(&batch(0, commands))?;
    instance.flush()
}

/// The integers of a column.
pub fn integers(column: &Column) -> Vec<Option<i64>> {
    match &column.values {
        Values::Integers(values) => (0..values.len()).map(|row| column.is_valid(row).then_some(values[row])).collect(),
        Values::Nothing => Vec::new(),
        other => panic!("no integers: {other:?}"),
    }
}

/// The strings of a column.
pub fn strings(column: &Column) -> Vec<&str> {
    match &column.values {
        Values::Texts(values) | Values::Json(values) => values.iter().collect(),
        other => panic!("no strings: {other:?}"),
    }
}
