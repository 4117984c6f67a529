//! The **probes**: plugins that are computed in every way, built once in a test process.

use std::sync::{Mutex, OnceLock, PoisonError};

use projectionist::event::Manifest;
use projectionist::plugin::{Engine, Limits, Plugin};

use crate::support;

/// One probe: an example of `plugins/probes`.
pub struct Probe {
    pub name: &'static str,
    /// What it may be given as settings.
    pub settings: &'static [&'static str],
    pub optimised: Plugin,
    bytes: Vec<u8>,
    /// With quick code, for all who never optimise it.
    quick: Mutex<Option<Plugin>>,
}

const PROBES: [(&str, &[&str]); 10] = [
    ("journal", &["{}"]),
    ("census", &["{}"]),
    ("states", &["{}"]),
    ("keyed", &["{}"]),
    ("groups", &["{}"]),
    ("amounts", &["{}"]),
    ("prefixed", &["{}"]),
    ("liar", &[r#"{"lie":"writes"}"#, r#"{"lie":"reads"}"#, r#"{"lie":"deletes"}"#, r#"{"lie":"all"}"#]),
    ("picky", &["{}", r#"{"talkative":true}"#]),
    ("wide", &["{}"]),
];

/// All of them.
pub fn all() -> &'static [Probe] {
    static ALL: OnceLock<Vec<Probe>> = OnceLock::new();
    ALL.get_or_init(|| {
        let folder = support::examples("probes");
        let cache = support::workspace().join("target/equal/compiled");
        let caching = Engine::new(Some(&cache)).expect("an engine");
        let load = |&(name, settings): &(&'static str, &'static [&'static str])| {
            let file = folder.join(name).with_extension("wasm");
            let bytes = std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            let optimised = caching.load(&bytes, &Limits::default()).unwrap_or_else(|fault| panic!("{name}: {fault}"));
            Probe { name, settings, optimised, bytes, quick: Mutex::new(None) }
        };
        PROBES.iter().map(load).collect()
    })
}

impl Probe {
    pub fn named(name: &str) -> &'static Probe {
        all().iter().find(|probe| probe.name == name).unwrap_or_else(|| panic!("there is no probe `{name}`"))
    }

    /// The plugin with quick code, shared with others who do not mean to optimise it. After a trap it may have been.
    pub fn quick(&self) -> Plugin {
        let mut quick = self.quick.lock().unwrap_or_else(PoisonError::into_inner);
        match &*quick {
            Some(plugin) if !plugin.is_optimised() => plugin.clone(),
            _ => quick.insert(self.quick_of_its_own()).clone(),
        }
    }

    /// The plugin with quick code, to be optimised later.
    pub fn quick_of_its_own(&self) -> Plugin {
        engine().load_quickly(&self.bytes, &Limits::default()).unwrap_or_else(|fault| panic!("{}: {fault}", self.name))
    }

    /// The plugin's file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn manifest(&self) -> &Manifest {
        self.optimised.manifest()
    }
}

/// Without a cache, which would answer with optimised code where quick code is asked for.
fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::new(None).expect("an engine"))
}
