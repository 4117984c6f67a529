//! **Applying** a batch: what goes wrong while events are folded.

use std::hint::black_box;

use crate::State;
use crate::behaviour::Behaviour;
use crate::columns::{integers, texts};
use crate::contract::exports::projectionist::projection::projector::{Batch, Fault, Pending};
use crate::contract::projectionist::projection::columns::{Column, Dictionary, Text, Values};
use crate::contract::projectionist::projection::faults::Cause;
use crate::contract::projectionist::projection::logging::{Level, log};
use crate::contract::projectionist::projection::tables;

impl State {
    pub fn apply(&mut self, batch: &Batch) -> Result<Pending, Fault> {
        self.applied += 1;
        let commands = self.strings(&batch.groups[0].fields[0], batch.groups[0].length as usize);
        let positions = batch.envelope.positions.as_deref().unwrap_or_default();
        for (row, command) in commands.iter().enumerate() {
            let behaviour = Behaviour::named(command)
                .ok_or_else(|| fault(Cause::Event, &format!("no behaviour is named `{command}`")).at(row))?;
            let calls = self.react(behaviour, row, positions[row] as i64)?;
            self.rows.push(behaviour, positions[row] as i64, calls);
        }
        Ok(self.rows.pending())
    }

    /// What an event does at once; the number is for its row.
    fn react(&mut self, behaviour: Behaviour, row: usize, position: i64) -> Result<Option<i64>, Fault> {
        match behaviour {
            Behaviour::Random => return Ok(Some(self.applied as i64)),
            Behaviour::Trap => trap(),
            Behaviour::Panic => panic!("told to panic at {position}"),
            Behaviour::Clock => _ = black_box(std::time::SystemTime::now()),
            Behaviour::Thread => std::thread::spawn(|| {}).join().expect("it ends"),
            Behaviour::PanicWord => log(Level::Error, &format!("panicked at {position}, it says")),
            Behaviour::OverflowStack => {
                black_box(recurse(black_box(position as u64)));
            }
            Behaviour::Deep => {
                black_box(descend(black_box(DEEP), black_box([1, 2, 3, 4])));
            }
            Behaviour::Nan => {
                let odd = f64::from_bits(black_box(0xFFF0_0000_DEAD_BEEF));
                return Ok(Some((odd + black_box(1.0)).to_bits() as i64));
            }
            Behaviour::Spin => spin(),
            Behaviour::Burn => (0..5_000_000u32).for_each(|count| _ = black_box(count)),
            Behaviour::Allocate => loop {
                self.hoard.push(black_box(vec![1; 1 << 20]));
            },
            Behaviour::Hoard => self.hoard.push(black_box(vec![1; 8 << 20])),
            Behaviour::Log => {
                for level in [Level::Debug, Level::Info, Level::Warn, Level::Error] {
                    log(level, &format!("at {position}"));
                }
            }
            Behaviour::LogFlood => (0..1_000).for_each(|line| log(Level::Info, &format!("line {line}"))),
            Behaviour::LogOdd => log(Level::Warn, &"bell \u{7} and \u{1b}[31mred\n".repeat(500)),
            Behaviour::LookUp => return Ok(Some(look_up(0, integers([position])))),
            Behaviour::LookUpFlood => (0..1_000).for_each(|key| _ = look_up(0, integers([key]))),
            Behaviour::LookUpUnknownTable => _ = look_up(99, integers([position])),
            Behaviour::LookUpWrongKey => _ = look_up(0, texts(["one"])),
            Behaviour::LookUpInsertOnly => _ = look_up(1, integers([position])),
            Behaviour::FaultEvent => {
                let mut fault = fault(Cause::Event, "told to fail").at(row);
                fault.field = Some("do".into());
                fault.hint = Some("tell it otherwise".into());
                return Err(fault);
            }
            Behaviour::FaultProjection => return Err(fault(Cause::Projection, "its rule says no")),
            Behaviour::FaultHost => return Err(fault(Cause::Host, "the host broke the contract")),
            Behaviour::FaultBeyond => return Err(fault(Cause::Event, "told to fail elsewhere").at(1_000_000)),
            Behaviour::FaultLong => return Err(fault(Cause::Projection, &"\u{1b}[31mlong\n".repeat(1_000))),
            _ => {} // fine, or for the flush
        }
        Ok(None)
    }

    fn strings(&mut self, column: &Column, length: usize) -> Vec<String> {
        match &column.values {
            Values::Texts(text) => split(text),
            Values::Symbols(Dictionary { first, added, keys }) => {
                self.dictionary.truncate(*first as usize);
                self.dictionary.extend(split(added));
                keys.iter().map(|&key| self.dictionary[key as usize].clone()).collect()
            }
            _ => vec!["none".into(); length],
        }
    }
}

fn split(text: &Text) -> Vec<String> {
    text.offsets.windows(2).map(|ends| text.data[ends[0] as usize..ends[1] as usize].to_owned()).collect()
}

fn look_up(table: u16, key: Column) -> i64 {
    i64::from(tables::lookup(table, 1, &[key]).found[0])
}

#[inline(never)]
pub fn trap() {
    #[cfg(target_arch = "wasm32")]
    core::arch::wasm32::unreachable()
}

pub fn spin() {
    loop {
        black_box(());
    }
}

#[inline(never)]
#[allow(unconditional_recursion, reason = "that is what it is for")]
fn recurse(depth: u64) -> u64 {
    black_box(depth) + recurse(depth + 1) * 3
}

/// Frames of `descend` that fit 1 MiB of stack in optimised code, and not in quick code, which keeps every value there.
const DEEP: u64 = 16_000;

#[inline(never)]
fn descend(left: u64, [a, b, c, d]: [u32; 4]) -> u64 {
    if left == 0 { u64::from(a) } else { descend(left - 1, [b ^ 1, c + 1, d ^ 3, a + 3]) * 3 % 7 }
}

pub fn fault(cause: Cause, message: &str) -> Fault {
    Fault { cause, message: message.into(), event: None, field: None, hint: None }
}

impl Fault {
    fn at(mut self, row: usize) -> Fault {
        self.event = Some(row as u32);
        self
    }
}
