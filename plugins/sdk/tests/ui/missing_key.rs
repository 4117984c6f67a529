use projectionist_sdk::prelude::*;

#[derive(Row)]
struct Balance {
    account: String,
    balance: i64,
}

fn main() {}
