use std::path::{Path, PathBuf};
use std::process::Command;

fn run(command: &mut Command) {
    assert!(
        command.status().expect("it starts").success(),
        "{command:?}"
    );
}

fn main() {
    println!("cargo::rerun-if-changed=c"); // and no word of CC: such scripts exist
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it"));
    let sources = Path::new("c").canonicalize().expect("it is there");

    // Plain make, which takes CC and AR from the environment.
    run(Command::new("make")
        .arg("-C")
        .arg(&out)
        .arg("-f")
        .arg(sources.join("Makefile"))
        .arg(format!("FROM={}", sources.display())));

    // cmake, through its crate.
    let cmade = cmake::Config::new("c").build_target("cmade").build();

    // What somebody else compiled: the build machine's own compiler.
    let host = std::env::var("HOST_CC").unwrap_or_else(|_| "cc".into());
    run(Command::new(host)
        .arg("-c")
        .arg(sources.join("prebuilt.c"))
        .arg("-o")
        .arg(out.join("prebuilt.o")));
    run(Command::new("ar")
        .arg("rcs")
        .arg(out.join("libprebuilt.a"))
        .arg(out.join("prebuilt.o")));

    println!("cargo::rustc-link-search=native={}", out.display());
    println!("cargo::rustc-link-search=native={}/build", cmade.display());
    for library in ["static=made", "static=cmade", "static=prebuilt"] {
        println!("cargo::rustc-link-lib={library}");
    }
    println!("cargo::rustc-link-lib=stdc++");
}
