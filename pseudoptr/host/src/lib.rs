//! libgaleed.so: the runtime as a shared library, for a host that is not Rust.
//!
//! The C interface is galeed.h's. Rewritten libraries find it in here, so that it is loaded before
//! them, with global names. A crate of its own because of the allocator: gates open only where the
//! Rust code of the process allocates in the domain, and here that is this library's own.
//!
//! The host's heap is elsewhere, open to foreign code: what of it is protected is what the host
//! takes from `galeed_heap_alloc`, and the bounds of what it lends.

pub use runtime::ffi;

/// What Rust code in the runtime allocates is closed to foreign code.
#[global_allocator]
static HEAP: runtime::Heap = runtime::Heap;
