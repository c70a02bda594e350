fn main() {
    println!("cargo::rerun-if-changed=maker.c");
    cc::Build::new().file("maker.c").compile("maker");
}
