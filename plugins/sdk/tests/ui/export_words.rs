use projectionist_sdk::prelude::*;

struct Balances;

export!(Balances, name = "Balances", version = 1);
export!(Balances, name = "balances");
export!(Balances, name = "balances", version = 1, envelope = [stream, clock]);
export!(Balances, name = "balances", version = 1, partitions = 4);

fn main() {}
