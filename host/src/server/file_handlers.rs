//! What the host does when a **plugin file** appears, changes or vanishes, and when one was loaded.
//!
//! Each handler notes what is new and lets [`Host::reconcile`] bring the projection to what it should be.

use std::path::Path;
use std::time::Instant;

use crate::event::{Fault, FaultKind, Result};
use crate::plugin::Plugin;

use super::command::CommandReply;
use super::folder::FolderChange;
use super::host::Host;
use super::load_queue::{Load, LoadResult, Purpose};
use super::notice::Notice;
use super::projection_entry::PluginFile;
use super::snapshot::ReconcileStep;
use super::status::{file_name, short_hash};

impl Host {
    /// The folder changed.
    pub(super) fn handle_file(&mut self, found: FolderChange) {
        match found {
            FolderChange::Changed { file, bytes, changed } => {
                self.no_longer_waits(&file);
                self.loads.push(Purpose::File(file), bytes.into(), changed);
            }
            FolderChange::Rewritten { file } => self.hasten(&file),
            FolderChange::NotScanned { fault } => self.warn(fault),
            FolderChange::Unreadable { file, fault } if fault.retry => self.file_waits(&file, fault),
            FolderChange::Unreadable { file, fault } => {
                self.no_longer_waits(&file);
                let name = self.names_by_file.get(&file).cloned();
                self.refuse(Some(&file), name, fault);
            }
            FolderChange::Vanished { file } => self.handle_vanished(&file),
        }
    }

    /// The same bytes once more: what waits is tried at once.
    fn hasten(&mut self, file: &Path) {
        self.no_longer_waits(file);
        self.loads.hasten(file);
        let Some(name) = self.names_by_file.get(file).cloned() else { return };
        self.hasten_projection(&name);
    }

    /// Tries at once what a projection waits for.
    pub(super) fn hasten_projection(&mut self, name: &str) {
        let Some(entry) = self.projections.get_mut(name) else { return };
        entry.waits.values_mut().for_each(|backoff| backoff.hasten());
        if let Some(path) = entry.path.clone() {
            self.loads.hasten(&path);
        }
        self.reconcile(name);
    }

    /// A plugin file cannot be read or loaded now; that may pass.
    fn file_waits(&mut self, file: &Path, fault: Fault) {
        let name = self.names_by_file.get(file).cloned();
        self.notices.push_back(Notice::Waiting {
            projection: name.clone(),
            file: Some(file_name(file)),
            step: ReconcileStep::Load,
            fault: fault.clone(),
        });
        self.waiting_files.insert(file.to_owned(), fault.clone());
        let Some(name) = name else { return };
        let Some(entry) = self.projections.get_mut(&name) else { return };
        entry.load_waits = Some(fault.clone());
        // Whoever asked for a rebuild is told why it does not begin; the file is tried again all the same.
        let asked = entry.rebuild_asked.take();
        self.reply(asked, CommandReply::Failed(fault));
        self.publish(&name);
    }

    fn no_longer_waits(&mut self, file: &Path) {
        self.waiting_files.remove(file);
        if let Some(entry) = self.names_by_file.get(file).and_then(|name| self.projections.get_mut(name)) {
            entry.load_waits = None;
        }
    }

    pub(super) fn handle_loaded(&mut self, ticket: u64, loaded: Result<Plugin>, load_ms: f64) {
        let load = match self.loads.finish(ticket) {
            LoadResult::Load(load) => load,
            LoadResult::Superseded | LoadResult::Unknown => return,
        };
        match loaded {
            Ok(plugin) => {
                plugin.optimise_soon();
                self.handle_plugin(load, plugin, load_ms);
            }
            Err(fault) => self.handle_load_fault(load, fault),
        }
    }

    fn handle_plugin(&mut self, load: Load, plugin: Plugin, load_ms: f64) {
        match load.purpose {
            Purpose::File(path) if !path.exists() => {}
            Purpose::File(path) => {
                self.no_longer_waits(&path);
                self.take_file(&path, PluginFile { plugin, bytes: load.bytes, changed: load.changed, load_ms });
            }
            Purpose::Serve { name } => {
                if let Some(entry) = self.projections.get_mut(&name) {
                    entry.kept = Some(plugin);
                    entry.load_waits = None;
                }
                self.reconcile(&name);
            }
        }
    }

    fn handle_load_fault(&mut self, load: Load, fault: Fault) {
        let purpose = load.purpose.clone();
        if fault.retry {
            self.loads.put_back(load, fault.clone());
        }
        match purpose {
            Purpose::File(path) if !path.exists() => self.loads.forget(&path),
            Purpose::File(path) if fault.retry => self.file_waits(&path, fault),
            Purpose::File(path) => {
                self.no_longer_waits(&path);
                let name = self.names_by_file.get(&path).cloned();
                self.refuse(Some(&path), name, fault);
            }
            Purpose::Serve { name } => {
                let Some(entry) = self.projections.get_mut(&name) else { return };
                match fault.retry {
                    true => entry.load_waits = Some(fault),
                    false if entry.serving.is_none() => self.park(&name, fault),
                    false => {}
                }
                self.publish(&name);
            }
        }
    }

    /// A plugin file that loads: it is new, or another than what serves, or the same again.
    fn take_file(&mut self, path: &Path, file: PluginFile) {
        let name = file.plugin.manifest().name.clone();
        let has_name =
            |(other, its): &(&std::path::PathBuf, &String)| **its == name && *other != path && other.exists();
        if let Some((other, _)) = self.names_by_file.iter().find(has_name) {
            let message = format!("{} is already projection `{name}`", other.display());
            let fault = Fault::new(FaultKind::Manifest, message)
                .hint("remove one of the two files, or give one plugin another name in `export!`");
            self.refuse(Some(path), None, fault);
            return;
        }
        if let Some(former) = self.names_by_file.insert(path.to_owned(), name.clone())
            && former != name
        {
            self.remove_file(&former);
        }
        self.refused.remove(path);
        let key = self.key(&name, &file.plugin);
        let serving = self.catalogue.serving(&name).ok().flatten();
        let is_serving = serving.is_some_and(|one| one.identity.plugin_hash == file.plugin.hash().to_string());
        let entry = self.projections.entry(name.clone()).or_default();
        if entry.needs_plugin && is_serving {
            entry.unpark();
        }
        entry.path = Some(path.to_owned());
        entry.file = Some(file);
        if entry.failed.as_ref() != Some(&key) {
            entry.failed = None;
            entry.published.refused = None;
        }
        entry.waits.values_mut().for_each(|backoff| backoff.hasten());
        self.reconcile(&name);
    }

    fn handle_vanished(&mut self, path: &Path) {
        self.refused.remove(path);
        self.no_longer_waits(path);
        self.loads.forget(path);
        if let Some(name) = self.names_by_file.remove(path) {
            self.remove_file(&name);
        }
    }

    /// The plugin file is gone, or another projection by now: this one stops and keeps its read model.
    fn remove_file(&mut self, name: &str) {
        if let Some(entry) = self.projections.get_mut(name) {
            entry.path = None;
            entry.file = None;
            entry.failed = None;
            entry.published.refused = None;
        }
        self.notices.push_back(Notice::Removed { projection: name.to_owned() });
        self.reconcile(name);
        // A file that was refused because this one had the name gets its chance now.
        self.refused.keys().for_each(|refused| self.folder.look_again(refused));
    }

    /// A plugin file, or what was built from it, is not taken.
    pub(super) fn refuse(&mut self, path: Option<&Path>, name: Option<String>, fault: Fault) {
        let serving = name.as_deref().and_then(|name| self.catalogue.serving(name).ok().flatten());
        if let Some(path) = path {
            self.refused.insert(path.to_owned(), fault.clone());
        }
        self.notices.push_back(Notice::Refused {
            projection: name.clone(),
            file: path.map(file_name).unwrap_or_default(),
            fault: fault.clone(),
            serving: serving.as_ref().map(short_hash),
        });
        let Some(name) = name else { return };
        let Some(entry) = self.projections.get_mut(&name) else { return };
        entry.published.refused = Some(fault.clone());
        let asked = entry.rebuild_asked.take();
        self.reply(asked, CommandReply::Failed(fault));
        self.reconcile(&name);
    }

    /// Loads the plugin of what serves from the bytes that were kept with it.
    pub(super) fn load_kept(&mut self, name: &str, hash: &str) -> Result<()> {
        let purpose = Purpose::Serve { name: name.to_owned() };
        if self.loads.is_loading(&purpose) {
            return Ok(());
        }
        let bytes = match self.kept_plugin(name, hash) {
            Ok(bytes) => bytes,
            Err(fault) => {
                if let Some(entry) = self.projections.get_mut(name) {
                    entry.needs_plugin = true;
                }
                return Err(fault);
            }
        };
        self.loads.push(purpose, bytes.into(), Instant::now());
        self.loads.start(self.head.head().0);
        Ok(())
    }
}
