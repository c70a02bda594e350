//! Settings: names with values, kept by C.

mod store;
mod sys;

pub use store::Store;
