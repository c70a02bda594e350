//! A violation that unwinds would skip the scope's wait for its threads.
fn main() {
    let _ = galeed::catch(|| {
        let mut numbers = [0; 64];
        std::thread::scope(|scope| {
            scope.spawn(|| numbers.fill(1));
            galeed::drop_foreign::<i64>(std::ptr::null_mut());
        });
    });
}
