//! Policy `report`: the access is refused all the same, the program goes on.
mod common;

use common::accessors::*;
use common::{foreign, number, outward};
use galeed::{Foreign, Policy};

#[test]
fn refused_reads_give_zeros_and_refused_writes_are_dropped() {
    galeed::set_policy(Policy::Report).unwrap();
    let mut object = vec![0xffu8; 16];
    let handle = outward(object.as_mut_ptr());
    let mut out = [0xeeu8; 16];
    let raw = number(out.as_mut_ptr());
    let read = foreign(|| {
        galeed_store8(handle + 9, 0);
        galeed_memset(handle + 1, 0, 16);
        galeed_memmove(raw, handle + 1, 16);
        galeed_load8(handle + 9)
    });
    assert_eq!((read, out), (0, [0; 16]));
    assert_eq!(object, [0xff; 16]);
    let zero = foreign(|| {
        let mut frame = 0u8;
        let token = (&raw mut frame).cast();
        // SAFETY: paired; a refused call returns zeros.
        unsafe {
            let function: extern "C" fn() -> u64 =
                std::mem::transmute(galeed_callback_enter(handle, token));
            let zero = function();
            galeed_callback_exit(token);
            zero
        }
    });
    assert_eq!(zero, 0);
}

#[derive(Foreign)]
#[repr(C)]
struct Keeps {
    #[foreign(hidden)]
    secret: u64,
}

/// Atomic operations that change nothing would tell what was there.
#[test]
fn atomics_on_a_hidden_field_give_zeros() {
    galeed::set_policy(Policy::Report).unwrap();
    let mut keeps = Box::new(Keeps { secret: 77 });
    let lent = galeed::lend_typed_mut(&mut *keeps).unwrap();
    let secret = lent.handle();
    let seen = foreign(|| {
        [
            galeed_atomic_load(secret, 8),
            galeed_atomic_cmpxchg(secret, 8, 1, 2),
            galeed_atomic_rmw(secret, 8, 1, 0),
            galeed_atomic_rmw(secret, 8, 1, 1),
        ]
    });
    drop(lent);
    assert_eq!((seen, keeps.secret), ([0; 4], 77));
}
