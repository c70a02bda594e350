#[derive(galeed::Foreign)]
#[repr(C, packed)]
struct Tight {
    byte: u8,
    word: u32,
}

fn main() {}
