//! Compiles the C runtime (`mpk/csrc`) with the system's compiler.
//!
//! The runtime must never be compiled by the compiler that rewrites the program's
//! C code: it is what rewritten code calls. A driver that sets `CC` for every
//! other build script names the real compiler in `GALEED_HOST_CC`; without it,
//! `cc` is taken. Flags meant for the program's C code are ignored likewise.

use std::{env, fs, path::Path, path::PathBuf};

/// Holds `mpk_host_alloc` and its kin, by which a driver knows that a program
/// allocates in the domain: linked only where it is called.
const ON_DEMAND: &str = "host.c";

fn main() {
    let sources = Path::new(&variable("CARGO_MANIFEST_DIR")).join("../csrc");
    println!("cargo:rerun-if-changed={}", sources.display());
    println!("cargo:rerun-if-env-changed=GALEED_HOST_CC");
    forget_program_flags();
    let (on_demand, always): (Vec<PathBuf>, Vec<PathBuf>) = c_files(&sources)
        .into_iter()
        .partition(|path| path.file_name().is_some_and(|name| name == ON_DEMAND));
    // Whole: gates are referenced only by rewritten C objects, which may come later
    // on the linker's command line than this archive.
    build(&sources)
        .files(always)
        .link_lib_modifier("+whole-archive")
        .compile("galeed_mpk");
    build(&sources).files(on_demand).compile("galeed_mpk_host");
    println!("cargo:include={}", sources.display());
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run this by cargo"))
}

fn c_files(directory: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(directory).unwrap_or_else(|why| panic!("{}: {why}", directory.display()));
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "c"))
        .collect();
    files.sort(); // the same archive every time
    files
}

fn forget_program_flags() {
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.contains("CFLAGS") || text.starts_with("CRATE_CC_") {
            // SAFETY: a build script's only thread.
            unsafe { env::remove_var(&name) };
        }
    }
}

fn build(sources: &Path) -> cc::Build {
    let mut build = cc::Build::new();
    build
        .compiler(env::var_os("GALEED_HOST_CC").unwrap_or_else(|| "cc".into()))
        .archiver("ar")
        .ranlib("ranlib")
        .include(sources)
        .std("gnu11") // system calls and mmap flags beyond C11
        .opt_level(2) // gates and the heap are never worth measuring at -O0
        .warnings(true)
        .extra_warnings(true)
        .warnings_into_errors(true);
    build
}
