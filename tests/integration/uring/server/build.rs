//! The C is that of the Tokio server.

fn main() {
    const WORK: &str = "../../async/server/c/work.c";
    println!("cargo::rerun-if-changed={WORK}");
    cc::Build::new().file(WORK).compile("work");
}
