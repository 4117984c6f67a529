use projectionist_sdk::prelude::*;

#[derive(Row)]
struct Balance {
    #[key]
    account: String,
    balance: i64,
}

#[derive(Default, Tables)]
struct Balances {
    balances: Table<Balance>,
}

fn main() {
    Balances::default().balances.entry(7).balance += 1;
}
