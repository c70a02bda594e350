//! A callback is used behind the scope of what it borrows.
fn make() -> *mut std::ffi::c_void {
    let mut sum = 0;
    let visit = {
        let visit = galeed::callback!(|user, value: i32| sum += value);
        visit
    };
    visit.user().unwrap()
}

fn main() {
    make();
}
