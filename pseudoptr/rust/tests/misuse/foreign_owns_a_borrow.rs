//! Foreign code is given for good what is only borrowed.
fn main() {
    let text = String::from("text");
    let _ = galeed::into_foreign(Box::new(text.as_str()));
}
