//! The atomics that record.rs is written with: here the CPU's, in tests/loom.rs loom's.

pub(crate) use core::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
