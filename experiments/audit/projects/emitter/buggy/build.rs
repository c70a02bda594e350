fn main() {
    println!("cargo:rerun-if-changed=c");
    println!("cargo:rustc-link-arg-bins=-Wl,-z,execstack");
    cc::Build::new()
        .file("c/emitter.c")
        .file("c/mark.S")
        .compile("emitter");
}
