//! Compiles the planted C files with whatever compiler `cc` finds: nothing here knows of galeed.

fn main() {
    let sources = [
        "c/planted_overflow.c",
        "c/planted_stale.c",
        "c/planted_uaf.c",
    ];
    for source in sources {
        println!("cargo::rerun-if-changed={source}");
    }
    cc::Build::new()
        .files(sources)
        .warnings_into_errors(true)
        .compile("planted");
}
