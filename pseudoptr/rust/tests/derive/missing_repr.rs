#[derive(galeed::Foreign)]
struct Anything {
    value: u32,
}

#[derive(galeed::Foreign)]
enum Bare {
    One,
}

fn main() {}
