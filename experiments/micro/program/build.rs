//! Compiles the measured C functions with whatever compiler `cc` finds.

fn main() {
    println!("cargo::rerun-if-changed=c/micro.c");
    cc::Build::new()
        .file("c/micro.c")
        .warnings_into_errors(true)
        .compile("micro");
}
