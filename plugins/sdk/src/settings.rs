//! **Settings** are what the operator configures for a projection: `[projections.NAME.settings]`.

use serde::de::DeserializeOwned;

use crate::Fault;

/// The settings of a projection, a JSON object; `{}` without any. They are part of a generation's identity: other
/// settings make another read model. The example is at [`crate::Projection`].
pub struct Settings(String);

impl Settings {
    pub(crate) fn new(text: String) -> Settings {
        Settings(text)
    }

    /// Reads them with serde; what does not fit is a fault of the settings.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        serde_json::from_str(&self.0).map_err(|error| Fault::new(error.to_string()).settings())
    }

    /// The JSON text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
