//! C that nobody rewrote, under plain cargo, gets a guard's pointer without a gate: the first use of it
//! is told, and ends the process.

#[global_allocator]
static HEAP: galeed::Heap = galeed::Heap;

unsafe extern "C" {
    fn strlen(text: *const u8) -> usize;
}

fn main() -> Result<(), galeed::Error> {
    let text = b"text\0".to_vec();
    let lent = galeed::lend(&text[..])?;
    // SAFETY: it is a string, and the pointer none that the C library could use.
    println!("survived: {}", unsafe { strlen(lent.as_ptr()) });
    Ok(())
}
