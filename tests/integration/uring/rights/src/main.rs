//! `rights CASE`: one line, what the kernel answered (bytes, or an error's name), and what it left.

mod cases;
mod foreign;
mod kernel;

#[global_allocator]
static HEAP: galeed::Heap = galeed::Heap;
#[cfg(feature = "kept")]
galeed::waiting_system_calls!();

fn main() {
    let case = std::env::args().nth(1).unwrap_or_default();
    match cases::ALL.iter().find(|(name, _)| *name == case) {
        Some((_, run)) => println!("{}", run()),
        None => {
            eprintln!("rights: a case, of {:?}", cases::ALL.map(|(name, _)| name));
            std::process::exit(2);
        }
    }
}
