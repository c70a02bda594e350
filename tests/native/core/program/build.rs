//! A C library that refers to the runtime, as rewritten C does.

fn main() {
    println!("cargo:rerun-if-changed=src/library.c");
    cc::Build::new().file("src/library.c").compile("library");
}
