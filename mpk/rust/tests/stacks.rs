//! Part STACKS in a process of its own, since it stays: refused off the host stack with
//! the cure, granted on it; calls and threads go on.

use galeed_mpk::{Parts, Policy, call, harden, hardened, host_stack};

extern "C" fn foreign_next(number: u64) -> u64 {
    number + 1
}

fn next(number: u64) -> u64 {
    // SAFETY: foreign_next takes one integer and returns one.
    unsafe {
        call(
            foreign_next as *const () as usize,
            c"foreign_next",
            [number, 0, 0, 0, 0, 0],
            [0.0; 8],
        )
        .rax
    }
}

#[test]
fn foreign_code_is_called_from_host_stacks_only() {
    let stacks = Policy::demand(Parts::STACKS);
    let refused = harden(&stacks).expect_err("not on a host stack");
    assert_eq!(refused.failed, Parts::STACKS);
    assert!(refused.to_string().contains("mpk_host_stack"), "{refused}");
    host_stack(0, || {
        harden(&stacks).expect("on a host stack");
        assert!(hardened().contains(Parts::STACKS));
        assert_eq!((0..100).map(next).sum::<u64>(), 5050);
        let thread = std::thread::spawn(|| host_stack(0, || next(6)));
        assert_eq!(thread.join().expect("no panic"), Ok(7));
    })
    .expect("a host stack");
}
