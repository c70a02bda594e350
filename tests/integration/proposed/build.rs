//! What crate cc does, without a dependency that the audit would build too.
use std::{env::var, process::Command};

fn main() {
    let out = var("OUT_DIR").expect("cargo sets it");
    let object = format!("{out}/items.o");
    let run = |program: &str, words: &[&str]| {
        let done = Command::new(program).args(words).status();
        assert!(done.expect("it starts").success(), "{program} {words:?}");
    };
    let compiler = var("CC").unwrap_or_else(|_| "cc".to_owned());
    run(
        &compiler,
        &["-O2", "-g", "-fPIC", "-c", "c/items.c", "-o", &object],
    );
    run("ar", &["crs", &format!("{out}/libitems.a"), &object]);
    println!("cargo::rerun-if-changed=c");
    println!("cargo::rustc-link-search=native={out}\ncargo::rustc-link-lib=static=items");
}
