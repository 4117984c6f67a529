//! The **supervisor** runs all projectors of a project, and watches its plugin folder.

mod notice;
pub use notice::{Notice, SwapReport};
