use projectionist_sdk::prelude::*;

#[derive(Event)]
enum Types {
    Deposited { amount: i64 },
    #[event(name = "Deposited")]
    Paid { amount: i64 },
}

#[derive(Event)]
enum Names {
    Deposited {
        amount: i64,
        #[event(rename = "amount")]
        sum: i64,
    },
}

#[derive(Row)]
struct Balance {
    #[key]
    account: String,
    #[row(rename = "account")]
    balance: i64,
}

fn main() {}
