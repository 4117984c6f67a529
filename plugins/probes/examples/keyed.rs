//! **Keyed**: tables with keys of each kind, alone and together, and with indexes, unique ones too.

use probes::Change;
use projectionist_sdk::prelude::*;

#[derive(Row)]
struct ByText {
    #[key]
    key: String,
    #[key]
    small: u8,
    #[index]
    events: u64,
    amount: i64,
}

#[derive(Row)]
#[row(index(amount, flag))]
struct ByNumbers {
    #[key]
    amount: i64,
    #[key]
    flag: bool,
    last: u64,
}

#[derive(Row)]
struct ByIds {
    #[key]
    uid: Uuid,
    #[key]
    at: Timestamp,
    key: String,
}

#[derive(Row)]
struct ByBytes {
    #[key]
    raw: Vec<u8>,
    events: u64,
}

#[derive(Row)]
struct BySix {
    #[key]
    count: u32,
    #[key]
    a: i32,
    #[key]
    b: u16,
    #[key]
    c: i16,
    #[key]
    d: i8,
    #[key]
    e: u64,
    keys: Vec<String>,
}

/// Who holds which slot: a slot moves from holder to holder, and no two hold the same.
#[derive(Row)]
#[row(unique(kind, slot))]
struct Slot {
    #[key]
    holder: String,
    kind: String,
    slot: Option<i64>,
}

#[derive(Default, Tables)]
struct Keyed {
    by_text: Table<ByText>,
    by_numbers: Table<ByNumbers>,
    by_ids: Table<ByIds>,
    by_bytes: Table<ByBytes>,
    #[table(name = "by_six_columns")]
    by_six: Table<BySix>,
    slots: Table<Slot>,
}

impl Projection for Keyed {
    type Event = Change<'static>;

    fn apply(&mut self, event: Change, envelope: &Envelope) -> Result<(), Fault> {
        let position = envelope.position();
        match event {
            Change::Set { key, amount, count, flag, raw, uid, at, .. } => {
                let row = self.by_text.entry((key, (amount & 3) as u8));
                row.events += 1;
                row.amount = amount;
                self.by_numbers.entry((amount, flag.unwrap_or_default())).last = position;
                if let (Some(uid), Some(at)) = (uid, at) {
                    self.by_ids.put(ByIds { uid, at, key: key.into() });
                }
                if let Some(raw) = raw {
                    self.by_bytes.entry(raw).events += 1;
                }
                let (a, b) = (amount as i32, amount as u16 & 7);
                let row = self.by_six.entry((count, a, b, amount as i16 & 3, (amount & 1) as i8, u64::from(count)));
                if row.keys.len() < 5 {
                    row.keys.push(key.into());
                }
                if self.slots.get(key).is_none() {
                    self.slots.put(Slot { holder: key.into(), kind: "slot".into(), slot: Some(position as i64) });
                }
            }
            Change::Removed { key } => {
                (0..4u8).for_each(|small| self.by_text.delete((key, small)));
                self.slots.delete(key);
            }
            Change::Moved { key, to } if key != to => {
                // They change places within one event, and a row that is looked up may not be there.
                let [from_slot, to_slot] = [key, to].map(|key| self.slots.get(key).and_then(|row| row.slot));
                self.slots.put(Slot { holder: key.into(), kind: "slot".into(), slot: to_slot });
                self.slots.put(Slot { holder: to.into(), kind: "slot".into(), slot: from_slot });
            }
            Change::Moved { .. } | Change::Tick | Change::Rare(_) => {}
        }
        Ok(())
    }
}

export!(Keyed, name = "keyed", version = 1, envelope = [position]);
