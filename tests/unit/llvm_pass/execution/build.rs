//! Links the objects that the tests made, each to its program; their names are in the environment.
fn main() {
    for (program, variable) in [("execution", "FORMS_OBJECT"), ("instructions", "INSTRUCTIONS_OBJECTS"), ("boundary", "BOUNDARY_OBJECTS"), ("lending", "LENDING_OBJECTS")] {
        println!("cargo:rerun-if-env-changed={variable}");
        for object in std::env::var(variable).unwrap_or_default().split(':').filter(|name| !name.is_empty()) {
            println!("cargo:rerun-if-changed={object}");
            println!("cargo:rustc-link-arg-bin={program}={object}");
        }
    }
}
