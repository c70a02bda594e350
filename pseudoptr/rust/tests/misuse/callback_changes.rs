//! A callback that any thread may run changes what it captured, without a lock.
fn main() {
    let mut count = 0;
    let kept = galeed::owned_callback!(move |user, value: u32| {
        count += value;
    });
    println!("{:?}", kept.user());
}
