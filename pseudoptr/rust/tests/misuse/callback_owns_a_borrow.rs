//! A callback that C may keep borrows a local variable that dies.
fn main() {
    let kept = {
        let count = std::sync::atomic::AtomicU32::new(0);
        galeed::owned_callback!(|user, value: u32| {
            count.fetch_add(value, std::sync::atomic::Ordering::Relaxed);
        })
    };
    println!("{:?}", kept.user());
}
