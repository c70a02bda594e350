// build: rustc --crate-type staticlib --edition 2021 -o {out} {in}
#[unsafe(no_mangle)]
pub extern "C" fn shown(number: i32) -> i32 {
    number
}
