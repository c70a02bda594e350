#[unsafe(no_mangle)]
pub extern "C" fn parse(text: *const u8, length: usize) -> i32 {
    let bytes = unsafe { std::slice::from_raw_parts(text, length) };
    std::str::from_utf8(bytes).ok().and_then(|text| text.parse().ok()).unwrap_or(-1)
}

#[unsafe(no_mangle)]
pub extern "C" fn caught(number: i32) -> i32 {
    std::panic::catch_unwind(|| 10i32.checked_div(number).unwrap()).unwrap_or(-1)
}

#[cfg(test)]
mod tests {
    extern "C" fn only_in_tests(number: i32) {
        assert_eq!(number, 1);
    }
}

static COUNT: std::sync::Mutex<i32> = std::sync::Mutex::new(0);

#[unsafe(no_mangle)]
pub extern "C" fn count() -> i32 {
    *COUNT.lock().unwrap()
}

#[unsafe(no_mangle)]
pub extern "C" fn fatal(code: i32) -> ! {
    panic!("the library gave up: {code}")
}

#[unsafe(no_mangle)]
pub extern "C" fn with_an_invariant(number: i32) -> i32 {
    u8::try_from(number & 0xff).map(i32::from).expect("BUG: a byte fits")
}

fn guarded<R>(work: impl FnOnce() -> R) -> Option<R> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).ok()
}

#[unsafe(no_mangle)]
pub extern "C" fn by_a_helper(number: i32) -> i32 {
    guarded(|| u8::try_from(number).map(i32::from).unwrap()).unwrap_or(-1)
}
