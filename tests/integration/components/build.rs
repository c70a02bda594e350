fn main() {
    println!("cargo::rerun-if-changed=c");
    cc::Build::new().file("c/work.c").compile("work");
}
