//! What is lent is dropped.
fn main() {
    let text = std::ffi::CString::from(c"text");
    let lent = galeed::lend(text.as_c_str()).unwrap();
    drop(text);
    println!("{:?}", lent.as_ptr());
}
