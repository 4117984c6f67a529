//! `projectionist check`: says what a plugin is, and whether this host takes it.

use std::fmt::Write;
use std::path::PathBuf;

use serde::Serialize;

use super::failure::{Said, lay_out_fault};
use super::render::count;
use super::shell::Shell;
use crate::event::{Fault, Manifest, Partitioning, Selection, Table};
use crate::plugin::{CONTRACT, Engine, Inspection, Limits, Plugin, inspect, read_file};
use crate::project::Project;

/// Say what a plugin is and whether this host takes it, without running an event through it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  projectionist check plugins/balances.wasm\n  \
                        projectionist check plugins/balances.wasm --json | jq .manifest.tables\n\n\
                        Exits with 1 when the plugin is refused.")]
pub(super) struct Check {
    /// The plugin file
    plugin: PathBuf,
}

/// What there is to say of a plugin.
#[derive(Serialize)]
pub(super) struct Answer {
    file: String,
    accepted: bool,
    fault: Option<Fault>,
    bytes: usize,
    component: Option<bool>,
    contract: Option<String>,
    host_contract: &'static str,
    imports: Vec<String>,
    exports: Vec<String>,
    hash: Option<String>,
    manifest: Option<Manifest>,
    limits: Limits,
}

impl Check {
    pub(super) fn run(self, shell: &Shell) -> anyhow::Result<()> {
        let bytes = read_file(&self.plugin)?;
        // Outside a project the defaults are in force.
        let project = shell.project().ok();
        let answer = Answer::of(project.as_ref(), self.plugin.display().to_string(), &bytes);
        shell.answer(&answer, Answer::for_people)?;
        match answer.accepted {
            true => Ok(()),
            false => Err(Said.into()),
        }
    }
}

impl Answer {
    /// Looks at a plugin, as `project` would take it.
    pub(super) fn of(project: Option<&Project>, file: String, bytes: &[u8]) -> Answer {
        let mut limits = project.map(|project| project.limits.clone()).unwrap_or_default();
        let inspection = inspect(bytes);
        let loaded = inspection.as_ref().map_err(Fault::clone).and_then(|_| Engine::new(None)?.load(bytes, &limits));
        if let (Some(project), Ok(plugin)) = (project, &loaded) {
            limits = project.limits_of(&plugin.manifest().name).clone();
        }
        Answer::new(file, bytes.len(), inspection.ok(), loaded, limits)
    }

    /// Whether this host takes it.
    pub(super) fn is_accepted(&self) -> bool {
        self.accepted
    }

    /// The plugin's hash, when it is accepted.
    pub(super) fn hash(&self) -> Option<&str> {
        self.hash.as_deref()
    }

    fn new(
        file: String,
        bytes: usize,
        inspection: Option<Inspection>,
        loaded: Result<Plugin, Fault>,
        limits: Limits,
    ) -> Answer {
        let (component, contract, imports, exports) = match inspection {
            Some(found) => (Some(found.is_component), found.contract, found.imports, found.exports),
            None => (None, None, Vec::new(), Vec::new()),
        };
        let plugin = loaded.as_ref().ok();
        Answer {
            file,
            accepted: plugin.is_some(),
            bytes,
            component,
            contract,
            host_contract: CONTRACT,
            imports,
            exports,
            hash: plugin.map(|plugin| plugin.hash().to_string()),
            manifest: plugin.map(|plugin| Manifest::clone(plugin.manifest())),
            limits,
            fault: loaded.err(),
        }
    }

    /// The same in lines.
    pub(super) fn for_people(&self) -> String {
        let mut text = String::new();
        let mut say = |key: &str, value: String| writeln!(text, "{key:12} {value}").expect("a string takes everything");
        let form = match self.component {
            Some(true) => ", a component",
            Some(false) => ", a core module",
            None => "",
        };
        say("file", format!("{} ({}{form})", self.file, count(self.bytes as u64, "byte")));
        let contract = self.contract.as_deref().unwrap_or("none");
        say("contract", format!("{contract} (this host: {})", self.host_contract));
        if !self.imports.is_empty() {
            say("imports", self.imports.join(", "));
        }
        if let Some(hash) = &self.hash {
            say("hash", hash.clone());
        }
        if let Some(manifest) = &self.manifest {
            say("projection", format!("{} version {}", manifest.name, manifest.version));
            if !manifest.description.is_empty() {
                say("", manifest.description.clone());
            }
            describe_events(manifest, &mut say);
            for table in &manifest.tables {
                say("table", describe_table(table));
            }
        }
        if let Ok(serde_json::Value::Object(limits)) = serde_json::to_value(&self.limits) {
            let limits: Vec<String> = limits.iter().map(|(key, value)| format!("{key} {value}")).collect();
            say("limits", limits.join(", ").replace("call-fuel-max null", "call-fuel-max none"));
        }
        match &self.fault {
            None => say("verdict", "accepted".into()),
            Some(fault) => say("verdict", format!("refused: {}", lay_out_fault(fault))),
        }
        anstream::adapter::strip_str(text.trim_end()).to_string()
    }
}

fn describe_events(manifest: &Manifest, say: &mut impl FnMut(&str, String)) {
    let subscription = &manifest.subscription;
    for kind in subscription.types() {
        let name = match subscription.selection {
            Selection::Every(_) => "every event type",
            Selection::Types(_) => &kind.name,
        };
        let document = if kind.document { " and the whole payload" } else { "" };
        say("reads", format!("{name}({}){document}", kind.fields.join(", ")));
    }
    if let Some(prefix) = &subscription.stream_prefix {
        say("streams", format!("{prefix}..."));
    }
    say(
        "partitioned",
        match &manifest.partitioning {
            Partitioning::Whole => "not at all: one replay, in log order".into(),
            Partitioning::ByStream => "by stream".into(),
            Partitioning::ByField(field) => format!("by field {field}"),
        },
    );
}

/// `balances(account text key, balance integer, note text?)`
fn describe_table(table: &Table) -> String {
    let columns: Vec<String> = table
        .columns
        .iter()
        .enumerate()
        .map(|(index, column)| {
            let kind = format!("{:?}", column.kind).to_lowercase();
            let key = if table.key.iter().any(|&key| usize::from(key) == index) { " key" } else { "" };
            format!("{} {kind}{}{key}", column.name, if column.nullable { "?" } else { "" })
        })
        .collect();
    let insert_only = if table.insert_only { ", insert-only" } else { "" };
    let indexes = match table.indexes.len() {
        0 => String::new(),
        1 => ", 1 index".into(),
        count => format!(", {count} indexes"),
    };
    format!("{}({}){insert_only}{indexes}", table.name, columns.join(", "))
}
