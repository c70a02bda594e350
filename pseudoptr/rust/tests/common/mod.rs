//! What the tests share: the program's allocator is ours, and a way to run a
//! piece of code as foreign code, behind a real gate.
#![allow(dead_code)] // each test binary uses a part

use galeed::ffi;
use std::ffi::{CStr, c_void};

#[global_allocator]
static HEAP: galeed::Heap = galeed::Heap;

galeed::waiting_system_calls!(); // libtest writes while other tests are in foreign code

/// Name of the foreign function that `foreign` pretends to call.
pub const FUNCTION: &CStr = c"planted";

/// Runs `body` with foreign rights. It must not touch the heap, as C does not.
pub fn foreign<T>(body: impl FnOnce() -> T) -> T {
    let mut frame = 0u8;
    let token = (&raw mut frame).cast::<c_void>();
    // SAFETY: the token is in this frame, the name static; paired below.
    unsafe { ffi::galeed_gate_enter(token, FUNCTION.as_ptr()) };
    let value = below(body);
    // SAFETY: pairs with the enter above.
    unsafe { ffi::galeed_gate_exit(token) };
    value
}

/// A frame of its own, below the gate's token, as a C function has.
#[inline(never)]
pub fn below<T>(body: impl FnOnce() -> T) -> T {
    body()
}

/// The number that a pointer is to foreign code.
pub fn number<T: ?Sized>(pointer: *const T) -> u64 {
    pointer.cast::<u8>().expose_provenance() as u64
}

/// What the entry gate makes of a pointer argument.
pub fn outward<T: ?Sized>(pointer: *const T) -> u64 {
    ffi::galeed_gate_argument(number(pointer))
}

/// Calls the function of the host that the code handle stands for, as rewritten C does.
pub fn call_back(code: u64, argument: u64) -> u64 {
    let mut frame = 0u8;
    let token = (&raw mut frame).cast::<c_void>();
    // SAFETY: paired; the handle stands for a function of that type, with or without a result.
    unsafe {
        let function: extern "C" fn(u64) -> u64 =
            std::mem::transmute(ffi::galeed_callback_enter(code, token));
        let result = function(ffi::galeed_callback_argument(argument));
        ffi::galeed_callback_exit(token);
        result
    }
}

/// The accessors, as foreign code calls them: it answers for the pointers, raw ones included.
pub mod accessors {
    #[allow(unused_imports)] // each test binary uses a part
    pub use galeed::ffi::{
        galeed_callback_argument, galeed_callback_enter, galeed_callback_exit,
        galeed_gate_argument, galeed_gate_enter, galeed_gate_exclusive, galeed_gate_exit,
        galeed_gate_result, galeed_lend_loaded, galeed_unlend_stored,
    };
    use std::ffi::c_void;

    // SAFETY: galeed.h's, and tests are the foreign code that calls them.
    unsafe extern "C" {
        pub safe fn galeed_load1(pointer: u64) -> u64;
        pub safe fn galeed_load2(pointer: u64) -> u64;
        pub safe fn galeed_load4(pointer: u64) -> u64;
        pub safe fn galeed_load8(pointer: u64) -> u64;
        pub safe fn galeed_store1(pointer: u64, value: u64);
        pub safe fn galeed_store2(pointer: u64, value: u64);
        pub safe fn galeed_store4(pointer: u64, value: u64);
        pub safe fn galeed_store8(pointer: u64, value: u64);
        pub safe fn galeed_load_pointer(pointer: u64) -> u64;
        pub safe fn galeed_store_pointer(pointer: u64, value: u64);
        pub safe fn galeed_load_bytes(raw: *mut c_void, pointer: u64, bytes: u64);
        pub safe fn galeed_store_bytes(pointer: u64, raw: *const c_void, bytes: u64);
        pub safe fn galeed_memmove(to: u64, from: u64, bytes: u64);
        pub safe fn galeed_memset(to: u64, byte: u32, bytes: u64);
        pub safe fn galeed_atomic_load(pointer: u64, bytes: u32) -> u64;
        pub safe fn galeed_atomic_store(pointer: u64, bytes: u32, value: u64);
        pub safe fn galeed_atomic_rmw(pointer: u64, bytes: u32, op: u32, value: u64) -> u64;
        pub safe fn galeed_atomic_cmpxchg(
            pointer: u64,
            bytes: u32,
            expected: u64,
            desired: u64,
        ) -> u64;
        pub safe fn galeed_strtok(string: u64, delimiters: u64) -> u64;
    }
}
