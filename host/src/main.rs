//! The `projectionist` command: see [`projectionist::cli`].

fn main() {}
