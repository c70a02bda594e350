//! Links the objects that the test made; their names are in the environment.
fn main() {
    println!("cargo:rerun-if-env-changed=CALLS_OBJECTS");
    for object in std::env::var("CALLS_OBJECTS").unwrap_or_default().split(':').filter(|name| !name.is_empty()) {
        println!("cargo:rerun-if-changed={object}");
        println!("cargo:rustc-link-arg={object}");
    }
}
