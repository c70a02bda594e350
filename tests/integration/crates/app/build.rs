fn main() {
    // C that runs on the build machine, in this very script: must be left alone.
    assert_eq!(maker::twice(21), 42);
    println!("cargo::rerun-if-changed=c");
    cc::Build::new()
        .file("c/app.c")
        .file("c/seven.S")
        .compile("app");
    cc::Build::new()
        .cpp(true)
        .file("c/words.cpp")
        .compile("words");
}
