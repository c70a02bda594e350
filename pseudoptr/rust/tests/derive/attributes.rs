#[derive(galeed::Foreign)]
#[repr(C)]
struct Unknown {
    #[foreign(secret)]
    value: u32,
}

#[derive(galeed::Foreign)]
#[repr(C)]
struct NoRange {
    #[foreign(range = 5)]
    value: u32,
}

#[derive(galeed::Foreign)]
#[repr(C)]
struct Both {
    #[foreign(hidden, read_only)]
    value: u32,
}

#[derive(galeed::Foreign)]
#[repr(C)]
#[foreign(hidden)]
struct OnTheType {
    value: u32,
}

fn main() {}
