fn main() {
    println!("cargo::rerun-if-changed=c");
    println!("cargo::rerun-if-env-changed=PREBUILT");
    cc::Build::new()
        .file("c/caller.c")
        .flag("-fexceptions")
        .compile("caller");
    let folder = std::env::var("PREBUILT").expect("PREBUILT: the folder of libprebuilt.so");
    println!("cargo::rustc-link-search=native={folder}");
    println!("cargo::rustc-link-arg=-Wl,-rpath,$ORIGIN");
}
