//! The **engine** that compiles the project's plugins.

use super::Project;
use crate::event::Result;
use crate::plugin::{CodeCache, Engine};

impl Project {
    /// An engine that keeps compiled code in the data folder, up to the configured size.
    pub fn engine(&self) -> Result<Engine> {
        Engine::with_cache(CodeCache { folder: self.data.join("compiled"), bytes_max: self.code_cache_mib_max << 20 })
    }
}
