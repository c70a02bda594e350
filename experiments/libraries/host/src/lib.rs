//! Crate galeed's runtime as one static library, for hosts that are written in C.
//!
//! The host takes the memory that it lends from `galeed_heap_alloc` [galeed.h].

pub use galeed::*;

/// What Rust code in the runtime allocates is the host's too.
#[global_allocator]
static HEAP: Heap = Heap;
