//! The work with every allocation in the host domain.

mod work;

#[global_allocator]
static HEAP: galeed::Heap = galeed::Heap;

fn main() {
    work::main();
}
