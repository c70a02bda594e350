//! A store of numbers by number.

mod bindings;
mod cursor;
mod store;

pub use bindings::kv_stats;
pub use cursor::Cursor;
pub use store::Store;
