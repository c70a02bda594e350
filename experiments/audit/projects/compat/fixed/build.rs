fn main() {
    println!("cargo:rerun-if-changed=c");
    let flags = ["-fasynchronous-unwind-tables", "-fexceptions"];
    for flag in ["-Wl,-z,relro", "-Wl,-z,now"] {
        println!("cargo:rustc-link-arg-bins={flag}");
    }
    for name in ["visit", "other"] {
        let mut build = cc::Build::new();
        for flag in flags {
            build.flag(flag);
        }
        build
            .file(format!("c/{name}/{name}.c"))
            .file(format!("c/{name}/hash.c"))
            .compile(name);
    }
}
