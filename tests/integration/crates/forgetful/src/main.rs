//! The line that is missing: `#[global_allocator] static HEAP: galeed::Heap = galeed::Heap;`
use galeed as _;

fn main() {
    println!("not isolated: {:?}", vec![1]);
}
