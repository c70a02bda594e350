use crate::sys;

/// Says a member's numbers to whoever listens.
pub fn announce(number: u32, age: u32, score: f64) -> bool {
    let record = Box::new(sys::Record { number, age, score });
    // SAFETY: a record, which lives through the call.
    unsafe { sys::roster_announce(&*record) == 0 }
}

/// Shows a page.
pub fn publish(lines: &[&str]) {
    let page = lines.join("\n").into_bytes();
    // SAFETY: so many bytes.
    unsafe { sys::roster_publish(page.as_ptr(), page.len()) }
}
