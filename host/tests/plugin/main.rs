//! The plugin host, tested with real plugins.
//!
//! | module | what it shows |
//! | --- | --- |
//! | [`fixture`] | how the tests get plugins, batches and rows |
//! | [`inspecting`] | what is refused before anything of it runs, and in which words |
//! | [`loading`] | manifests, and the cache of compiled code |
//! | [`behaving`] | each behaviour of the misbehaving plugin, and what comes of it |
//! | [`limiting`] | each limit obeyed and violated |
//! | [`living`] | the life of an instance: columns in and out, logs, lookups, death, and that nothing leaks |
//! | [`tiers`] | quick code: everything above once more, and how optimised code takes over |
//! | [`babbling`] | whatever a plugin answers, it is refused or written as it is |
//! | [`crossing`] | what it costs to hand a batch over |

#[path = "../support/mod.rs"]
mod support;

mod fixture;
mod inspecting;
mod loading;
mod behaving;
mod limiting;
mod living;
mod tiers;
mod crossing;
mod babbling;
