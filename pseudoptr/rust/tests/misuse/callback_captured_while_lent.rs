//! What a callback changes is read while C may call it.
fn main() {
    let mut sum = 0;
    let visit = galeed::callback!(|user, value: i32| sum += value);
    println!("{sum}");
    println!("{:?}", visit.user());
}
