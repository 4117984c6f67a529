//! **Kills**: the real program is ended by `kill -9`, or meets a full disk, at the calls that change files; afterwards
//! the same commands come to the rows of an undisturbed run.
//!
//! - `shim`: what stands between the program and the C library, counts those calls and kills at one of them;
//! - `stage`: a prepared project, copied for each kill, and what is compared of it;
//! - `scenes`: import, append, sealing, the first build, following, another version, rollback.
//!
//! Every call of a scene is one too many for an ordinary run: a number of them spread over the whole are taken.
//! `PROJECTIONIST_KILLS=all cargo test -p projectionist --test kills` takes every one.
#![cfg(target_os = "linux")]

#[path = "../support/mod.rs"]
mod support;

mod shim;
mod stage;
mod scenes;
