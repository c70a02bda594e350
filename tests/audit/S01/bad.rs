// Nothing is wrong with it: it is counted.
unsafe extern "C" {
    fn puts(text: *const u8) -> i32;
}

pub fn say() {
    unsafe { puts(c"x".as_ptr().cast()) };
}

#[cfg(test)]
mod tests {
    #[test]
    fn uncounted() {
        unsafe { super::puts(c"y".as_ptr().cast()) };
    }
}
