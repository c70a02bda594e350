// build: rustc --crate-type staticlib --edition 2021 --crate-name one -o {out} {in}
// and: rustc --crate-type staticlib --edition 2021 --crate-name two -o {out}.2 {in}
#[unsafe(no_mangle)]
pub extern "C" fn shown(number: i32) -> i32 {
    number
}
