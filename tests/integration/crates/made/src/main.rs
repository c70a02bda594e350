//! Calls what make and cmake built.
#[global_allocator]
static HEAP: galeed::Heap = galeed::Heap;

unsafe extern "C" {
    fn made_square(of: *const i32) -> i32;
    fn cmade_sum(at: *const i32, count: i32) -> i32;
    fn prebuilt_one() -> i32;
}

fn main() {
    let numbers = vec![4, 5, 6];
    // SAFETY: the pointers are valid for what goes with them.
    let (square, sum, one) = unsafe {
        (
            made_square(numbers.as_ptr()),
            cmade_sum(numbers.as_ptr(), 3),
            prebuilt_one(),
        )
    };
    println!("{square} {sum} {one}");
}
