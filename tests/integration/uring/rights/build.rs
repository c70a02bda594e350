fn main() {
    println!("cargo::rerun-if-changed=c");
    cc::Build::new().file("c/foreign.c").compile("foreign");
}
