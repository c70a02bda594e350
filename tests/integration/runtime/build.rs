//! Links the foreign object that the test compiled: ROWS_FOREIGN is its path.

fn main() {
    println!("cargo:rerun-if-env-changed=ROWS_FOREIGN");
    let object = std::env::var("ROWS_FOREIGN").expect("ROWS_FOREIGN: an object file");
    println!("cargo:rerun-if-changed={object}");
    println!("cargo:rustc-link-arg-bins={object}");
}
