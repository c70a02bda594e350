//! No place for the user data.
fn main() {
    let visit = galeed::callback!(|value: i32| println!("{value}"));
}
