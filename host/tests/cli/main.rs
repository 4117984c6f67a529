//! The command line, tested as people and scripts use it: the real program, real files, real plugins.
//!
//! | module | what it shows |
//! | --- | --- |
//! | [`bench`] | how the tests run the program |
//! | [`manners`] | exit codes, stdout and stderr, broken pipes, help |
//! | [`projects`] | `init`, finding a project, mistakes in its configuration |
//! | [`events`] | `import`, `events append`, `events show` and the way round |
//! | `stores` | a store that is missing, users who may only read |
//! | [`history`] | `history status`, `history build`, `history drop`, and what imports do for it |
//! | [`plugins`] | `check`, `replay`, `project`, `query`, `rebuild`, `rollback`, `pause`, `resume` |
//! | [`serving`] | `serve`, and the commands beside it |
//! | [`surroundings`] | little address space, a user who may only read |
//! | [`authoring`] | `new`, `dev` and `build`: from nothing to served, from a save to served |

#[path = "../support/mod.rs"]
mod support;

mod bench;
mod manners;
mod projects;
mod events;
#[cfg(unix)]
mod stores;
mod history;
mod plugins;
mod serving;
mod surroundings;
mod authoring;
