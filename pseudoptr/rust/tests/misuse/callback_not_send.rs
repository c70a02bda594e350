//! A callback that any thread may run holds what belongs to one.
fn main() {
    let count = std::rc::Rc::new(0);
    let kept = galeed::owned_callback!(move |user, value: u32| {
        println!("{value} {count}");
    });
    println!("{:?}", kept.user());
}
