//! Links the foreign objects that the test compiled: ROWS_FOREIGN is their paths, with colons between.

fn main() {
    println!("cargo:rerun-if-env-changed=ROWS_FOREIGN");
    let objects = std::env::var("ROWS_FOREIGN").expect("ROWS_FOREIGN: object files");
    for object in objects.split(':') {
        println!("cargo:rerun-if-changed={object}");
        println!("cargo:rustc-link-arg-bins={object}");
    }
    println!("cargo:rustc-link-arg-bins=-lstdc++");
}
