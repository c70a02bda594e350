//! A violation of every kind, each caught; and what a hook may do. tests/integration runs it:
//! what GALEED_REPORT then holds is held to the published schema.
//!
//! kinds: one line on stdout for each, as the program is told it.
//! sampled: the same one, from two places, thousands of times.
//! hook-*: a hook that counts, panics, violates, catches, or calls foreign code.

use galeed::ffi::{galeed_gate_argument, galeed_gate_enter, galeed_gate_exit};
use galeed::{Kind, Policy, Violation};
use std::ffi::c_void;
use std::sync::atomic::{AtomicUsize, Ordering};

#[global_allocator]
static HEAP: galeed::Heap = galeed::Heap;

// SAFETY: galeed.h's, and this program is the foreign code that calls them.
unsafe extern "C" {
    safe fn galeed_load8(pointer: u64) -> u64;
    safe fn galeed_store1(pointer: u64, value: u64);
}

fn foreign(body: impl FnOnce()) {
    let mut frame = 0u8;
    let token = (&raw mut frame).cast::<c_void>();
    // SAFETY: the token is in this frame, the name static; paired below.
    unsafe { galeed_gate_enter(token, c"planted".as_ptr()) };
    below(body);
    // SAFETY: pairs with the enter above.
    unsafe { galeed_gate_exit(token) };
}

#[inline(never)]
fn below(body: impl FnOnce()) {
    body();
}

fn number<T: ?Sized>(pointer: *const T) -> u64 {
    pointer.cast::<u8>().expose_provenance() as u64
}

fn outward<T: ?Sized>(pointer: *const T) -> u64 {
    galeed_gate_argument(number(pointer))
}

/// Where the stack of a site must lead.
#[inline(never)]
fn allocate_here() -> Box<[u8; 48]> {
    std::hint::black_box(Box::new([7; 48]))
}

#[inline(never)]
fn allocate_there() -> Box<[u8; 48]> {
    std::hint::black_box(Box::new([9; 48]))
}

#[inline(never)]
fn free_here(object: Box<[u8; 48]>) {
    drop(std::hint::black_box(object));
}

/// One violation. pre: inside `catch`.
fn violate(kind: Kind) {
    let object = allocate_here();
    let handle = outward(&raw const *object);
    match kind {
        Kind::Spatial => foreign(|| galeed_store1(handle + 48, 0)),
        Kind::Temporal => {
            free_here(object);
            foreign(|| galeed_store1(handle, 0));
        }
        Kind::Forged => foreign(|| galeed_store1(handle + (1 << 60), 0)),
        Kind::Rights => {
            let lent = galeed::lend(&*object);
            let handle = lent.as_ref().map_or(0, galeed::Lent::handle);
            foreign(|| galeed_store1(handle, 0));
        }
        Kind::Type => {
            let code = galeed_gate_argument(allocate_here as *const () as u64);
            foreign(|| {
                galeed_load8(code);
            });
        }
        Kind::Boundary => {
            let raw = number(&raw const *object);
            foreign(|| galeed_store1(raw, 0));
        }
    }
}

const KINDS: [Kind; 6] = [
    Kind::Spatial,
    Kind::Temporal,
    Kind::Forged,
    Kind::Rights,
    Kind::Type,
    Kind::Boundary,
];

/// The same, and what the host's own mistakes with its heap are.
fn kinds() {
    for kind in KINDS {
        match galeed::catch(|| violate(kind)) {
            Ok(()) => println!("nothing: {kind:?}"),
            Err(found) => println!(
                "{found} [thread {} {:?}; allocated {} ended {}]",
                found.thread,
                found.thread_name.as_deref().unwrap_or(""),
                found.allocated.as_ref().map_or(0, |site| site.frames.len()),
                found.ended.as_ref().map_or(0, |site| site.frames.len()),
            ),
        }
    }
    let twice = galeed::catch(|| {
        let object = Box::into_raw(allocate_here());
        // SAFETY: the first is sound; the second is the mistake, which the heap refuses.
        unsafe {
            free_here(Box::from_raw(object));
            drop(Box::from_raw(std::hint::black_box(object)));
        }
    });
    match twice {
        Ok(()) => println!("nothing: double free"),
        Err(found) => println!("double free: {}", found.kind == Kind::Temporal),
    }
}

/// At offset 48 of what was allocated here, at offset 49 of what was allocated there: by turns,
/// at an address that is used again and again.
fn sampled() {
    for turn in 0..3000 {
        let there = turn % 2 == 1;
        let object = [allocate_here, allocate_there][usize::from(there)]();
        let handle = outward(&raw const *object);
        let caught = galeed::catch(|| foreign(|| galeed_store1(handle + 48 + u64::from(there), 0)));
        assert!(caught.is_err());
    }
}

static CALLS: AtomicUsize = AtomicUsize::new(0);

fn counting(found: &Violation) {
    CALLS.fetch_add(1, Ordering::Relaxed);
    // It may use the heap, and as much stack as any code: a signal stack would be too small.
    let room = std::hint::black_box([1u8; 100_000]);
    println!("hook: {found} {:?}", &room[..2]);
}

fn panicking(found: &Violation) {
    counting(found);
    panic!("in the hook");
}

/// Of the host, since the hook calls no foreign code.
fn violate_in_host() {
    let object = Box::into_raw(allocate_here());
    // SAFETY: the second is the mistake, which the heap refuses.
    unsafe {
        free_here(Box::from_raw(object));
        free_here(Box::from_raw(object));
    }
}

fn violating(found: &Violation) {
    counting(found);
    violate_in_host();
}

fn catching(found: &Violation) {
    counting(found);
    let inner = galeed::catch(violate_in_host);
    println!("inner: {}", inner.is_err());
}

fn calling(found: &Violation) {
    counting(found);
    foreign(|| ());
}

fn hooked(hook: fn(&Violation)) -> Result<(), galeed::Error> {
    galeed::on_violation(hook)?;
    for kind in KINDS {
        let caught = galeed::catch(|| violate(kind)).is_err();
        println!("caught {kind:?}: {caught}");
    }
    println!("calls: {}", CALLS.load(Ordering::Relaxed));
    // Gates are as usable as before.
    let object = allocate_here();
    let handle = outward(&raw const *object);
    foreign(|| galeed_store1(handle, 8));
    println!("after: {}", object[0]);
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::var_os("GALEED_ON_VIOLATION").is_none() {
        galeed::set_policy(Policy::Unwind)?;
    }
    let run = || -> Result<(), galeed::Error> {
        match std::env::args().nth(1).as_deref() {
            Some("kinds") => kinds(),
            Some("sampled") => sampled(),
            Some("hook-counts") => hooked(counting)?,
            Some("hook-panics") => hooked(panicking)?,
            Some("hook-violates") => hooked(violating)?,
            Some("hook-catches") => hooked(catching)?,
            Some("hook-calls") => hooked(calling)?,
            _ => println!("kinds, sampled, or hook-counts, -panics, -violates, -catches, -calls"),
        }
        Ok(())
    };
    let thread = std::thread::Builder::new().name("worker \"1\"".into());
    match thread.spawn(run)?.join() {
        Ok(result) => Ok(result?),
        Err(_) => Err("the worker panicked".into()),
    }
}
