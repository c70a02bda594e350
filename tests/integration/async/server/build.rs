fn main() {
    println!("cargo::rerun-if-changed=c");
    cc::Build::new().file("c/work.c").compile("work");
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .file("c/tally.cpp")
        .compile("tally");
}
