//! A number cannot be lent, nor an extent made up.
#[galeed::foreign]
unsafe extern "C" {
    fn one(#[lend(bytes = 4)] count: usize);
}

#[galeed::foreign]
unsafe extern "C" {
    fn other(#[lend(all)] at: *const u8);
}

fn main() {}
