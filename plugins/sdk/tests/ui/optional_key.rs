use projectionist_sdk::prelude::*;

#[derive(Row)]
struct Balance {
    #[key]
    account: Option<String>,
    balance: i64,
}

fn main() {}
