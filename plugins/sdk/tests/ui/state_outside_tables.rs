use projectionist_sdk::prelude::*;

#[derive(Row)]
struct Balance {
    #[key]
    account: String,
}

#[derive(Default, Tables)]
struct Balances {
    balances: Table<Balance>,
    count: u64,
}

fn main() {}
