fn main() {
    println!("cargo:rerun-if-changed=c");
    cc::Build::new()
        .file("c/emitter.c")
        .file("c/mark.S")
        .compile("emitter");
}
