//! A gate promises nothing of the library: the call stays unsafe.
#[galeed::foreign]
unsafe extern "C" {
    fn getpid() -> i32;
}

fn main() {
    getpid();
}
