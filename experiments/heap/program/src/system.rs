//! The work on Rust's default allocator: malloc, or what LD_PRELOAD put in its place.

mod work;

fn main() {
    work::main();
}
