//! What the explicit interface must not let through the compiler: tests/misuse, a mistake a
//! file, and beside it what rustc says of it.
//!
//! The words are rustc's and change with it: they are compared where it is `JUDGED_BY`.
//! TRYBUILD=overwrite rewrites them.

use std::process::Command;

const JUDGED_BY: &str = "rustc 1.95.";

#[test]
fn misuse_does_not_compile() {
    if std::env::var("GALEED_TESTS_COMPILE").as_deref() == Ok("0") {
        eprintln!("GALEED_TESTS_COMPILE=0: nothing is compiled here");
        return;
    }
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output();
    let version = version.map_or(Vec::new(), |output| output.stdout);
    if !version.starts_with(JUDGED_BY.as_bytes()) {
        eprintln!("tests/misuse has the words of {JUDGED_BY}x, and this is another: not compared");
        return;
    }
    let tests = trybuild::TestCases::new();
    tests.compile_fail("tests/misuse/*.rs");
}
