#[derive(galeed::Foreign)]
#[repr(C)]
struct Owner {
    name: String,
}

fn main() {}
