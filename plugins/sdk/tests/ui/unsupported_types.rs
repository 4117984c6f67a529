use projectionist_sdk::prelude::*;

struct Money(i64);

#[derive(Event)]
enum Ledger {
    Deposited { amount: Money },
}

#[derive(Row)]
struct Balance {
    #[key]
    account: String,
    balance: Money,
}

fn main() {}
