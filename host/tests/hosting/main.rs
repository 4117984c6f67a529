//! **Hosting**: a project with a running host, as its operator and its plugins' authors meet it.
//!
//! | module | what it shows |
//! | --- | --- |
//! | `dropping` | a plugin file appears, changes, is broken, half-written, renamed, removed |
//! | `following` | new events reach the rows, from this process and others, over restarts |
//! | `keeping` | history grows with the log; without it projections go on |
//! | `operating` | pause, resume, rebuild, rollback, status, beside a running host and without one |
//! | `failing` | faults park a projection right before the event that caused them |
//! | `passing` | faults that pass: a full disk, a busy catalogue, too many open files |
//! | `memory` | builds wait for room, and all together stay inside the budget |
//! | `killing` | `kill -9` at many moments leaves the rows of an undisturbed run |
//! | `reloading` | the golden scenarios under reloads and kills |

#[path = "../support/mod.rs"]
mod support;

mod stage;
mod dropping;
mod following;
mod keeping;
mod operating;
mod failing;
mod passing;
mod memory;
mod killing;
mod reloading;
