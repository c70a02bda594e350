#[derive(galeed::Foreign)]
#[repr(C)]
union Either {
    one: u32,
    other: f32,
}

#[derive(galeed::Foreign)]
#[repr(C)]
struct Generic<T> {
    value: T,
}

#[derive(galeed::Foreign)]
#[repr(u8)]
enum Full {
    Nothing,
    Something(u8),
}

fn main() {}
