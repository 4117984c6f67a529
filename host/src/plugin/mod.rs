//! A **plugin** is a WebAssembly component that is a projection; this folder is the boundary to it.

mod limits;
pub use limits::Limits;
mod bindings;
