// build: rustc -g -Cpanic=abort --crate-type staticlib --edition 2021 -o {out} {in}
// and: cc -g -c -o {out}.2 {here}/other_good.c
#[repr(C)]
pub struct header {
    pub kind: u32,
    pub length: u32,
    pub flags: u32,
}
#[repr(C)]
pub struct pair {
    pub left: i32,
    pub right: i32,
}
extern "C" {
    fn header_sum(one: *mut header, two: *const pair) -> i64;
}
#[no_mangle]
pub extern "C" fn sum(one: &mut header, two: &pair) -> i64 {
    let (one, two): (*mut header, *const pair) = (one, two);
    unsafe { header_sum(one, two) }
}
