//! **Loading** a plugin under the limits that its projection has in this project.

use super::thresholds::QUICK_EVENTS_MAX;
use crate::event::{Result, Timestamp};
use crate::plugin::{CONTRACT, Engine, Plugin};
use crate::project::Project;
use crate::read_model::Identity;

/// What tells this plugin's generations from others.
pub fn identity(plugin: &Plugin, settings: String) -> Identity {
    Identity {
        projection: plugin.manifest().name.clone(),
        plugin_version: plugin.manifest().version,
        plugin_hash: plugin.hash().to_string(),
        settings,
        contract: CONTRACT.to_owned(),
        created_at: Timestamp::now(),
    }
}

/// Checks and compiles a plugin that is to fold about `events` events. A projection's own limits are known only once
/// the plugin has said its name, and whether fuel is counted is part of the compiled code: then it is loaded a second
/// time.
pub fn load(engine: &Engine, project: &Project, bytes: &[u8], events: u64) -> Result<Plugin> {
    let load = |limits| match events > QUICK_EVENTS_MAX {
        true => engine.load(bytes, limits),
        false => engine.load_quickly(bytes, limits),
    };
    let plugin = load(&project.limits)?;
    let limits = project.limits_of(&plugin.manifest().name);
    if limits.call_fuel_max.is_some() == project.limits.call_fuel_max.is_some() {
        return Ok(plugin);
    }
    load(limits)
}
