#[derive(galeed::Foreign)]
#[repr(C)]
struct Empty {
    #[foreign(range = 5..5)]
    value: u32,
}

#[derive(galeed::Foreign)]
#[repr(C)]
struct TooWide {
    #[foreign(range = 0..=256)]
    value: u8,
}

#[derive(galeed::Foreign)]
#[repr(C)]
struct NotANumber {
    #[foreign(range = 0..=1)]
    value: bool,
}

fn main() {}
