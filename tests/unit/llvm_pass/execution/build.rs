//! Links the object that the test made; its name is in FORMS_OBJECT.
fn main() {
    println!("cargo:rerun-if-env-changed=FORMS_OBJECT");
    let object = std::env::var("FORMS_OBJECT").expect("FORMS_OBJECT names the rewritten object");
    println!("cargo:rerun-if-changed={object}");
    println!("cargo:rustc-link-arg={object}");
}
