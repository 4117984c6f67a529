use projectionist_sdk::prelude::*;

#[derive(Event)]
enum Ledger {
    Deposited {
        #[event(nmae = "sum")]
        amount: i64,
    },
}

fn main() {}
