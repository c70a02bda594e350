//! `rights CASE`: one line, what the kernel answered (bytes, or an error's name), and what it left.
//! `rights wait NAME`: what the kernel answers where nobody may wait for ever.
//! `rights call NAME`: the same of a system call on the heap while another thread is in foreign code.

mod calls;
mod cases;
mod foreign;
mod kernel;
mod waits;

#[global_allocator]
static HEAP: galeed::Heap = galeed::Heap;
#[cfg(feature = "kept")]
galeed::waiting_system_calls!();

fn main() {
    let mut words = std::env::args().skip(1);
    let mut case = words.next().unwrap_or_default();
    let mut all: &[kernel::Case] = &cases::ALL;
    if let Some(more) = match case.as_str() {
        "call" => Some(&calls::ALL[..]),
        "wait" => Some(&waits::ALL[..]),
        _ => None,
    } {
        (case, all) = (words.next().unwrap_or_default(), more);
    }
    match all.iter().find(|(name, _)| *name == case) {
        Some((_, run)) => println!("{}", run()),
        None => {
            let names: Vec<_> = all.iter().map(|(name, _)| name).collect();
            eprintln!("rights: a case, of {names:?}");
            std::process::exit(2);
        }
    }
}
