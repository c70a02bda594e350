//! What runs with foreign rights touches Rust's heap, and the violation skips destructors.
fn main() {
    let boxed = Box::new(1);
    let _ = galeed::catch(|| galeed::library::call_out(c"planted", || *boxed));
}
