use projectionist_sdk::prelude::*;

#[derive(Event)]
enum Ledger<T> {
    Deposited { amount: T },
}

fn main() {}
