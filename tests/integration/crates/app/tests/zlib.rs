//! A test program of its own, and so an allocator of its own.
#[global_allocator]
static HEAP: galeed::Heap = galeed::Heap;

#[test]
fn through_zlib() {
    let data = vec![7u8; 100_000];
    assert_eq!(app::through_zlib(&data), data);
}

#[test]
#[ignore = "fails on purpose, when asked to"]
fn fails() {
    panic!("asked to");
}
