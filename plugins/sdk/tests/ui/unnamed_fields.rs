use projectionist_sdk::prelude::*;

#[derive(Event)]
enum Ledger {
    Deposited(i64, String),
}

fn main() {}
