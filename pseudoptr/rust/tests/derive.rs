//! What cannot be described does not compile, and the message says what to do.
//! After a change of messages: TRYBUILD=overwrite, and look at the difference.

#[test]
fn what_cannot_be_described_does_not_compile() {
    if std::env::var("GALEED_TESTS_COMPILE").as_deref() == Ok("0") {
        eprintln!("skipped: nothing may be compiled here");
        return;
    }
    trybuild::TestCases::new().compile_fail("tests/derive/*.rs");
}
