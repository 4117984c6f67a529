use projectionist_sdk::prelude::*;
use projectionist_sdk::{dbg, eprintln, println};

fn main() {
    println!("{} accounts", 3);
    println!();
    eprintln!("odd: {odd}", odd = 1);
    debug!("{}", dbg!(1 + 1));
    info!("plain");
    warn!("plain");
    error!("{:?}", "plain");
}
