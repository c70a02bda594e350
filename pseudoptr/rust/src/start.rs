//! Start-up of the table, once.
//!
//! Whether it was done is asked of the published range, not of a `static`: C
//! could clear that, and a second table would give old generations a new life.

use crate::error::Error;
use crate::foreign::TypeInfo;
use crate::lock::Lock;
use crate::published::published;
use crate::sys;
use crate::table::{Registry, Side};
use crate::thread_locals::{Ends, ends};
use crate::{lease, violation};
use core::ffi::{c_int, c_void};
use core::mem::{align_of, size_of};
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

/// A hint that spares mpk_start: when it lies, starting again does nothing.
static STARTED: AtomicBool = AtomicBool::new(false);
static STARTING: Lock = Lock::new();
/// This copy of the crate built the table: its handlers take the table's locks around a fork, once.
static BUILT: AtomicBool = AtomicBool::new(false);

/// Makes the table usable, at the first call.
#[inline]
pub(crate) fn start() -> Result<(), Error> {
    if STARTED.load(Ordering::Acquire) {
        Ok(())
    } else {
        start_slowly()
    }
}

/// The same where no error can be returned.
#[inline]
pub(crate) fn start_or_die() {
    if let Err(error) = start() {
        crate::fatal::fatal(format_args!("cannot start: {error}"));
    }
}

#[cold]
fn start_slowly() -> Result<(), Error> {
    // SAFETY: mpk_start may be called at any time, by any thread.
    Error::check(unsafe { sys::mpk_start() })?;
    mind_forks()?;
    let _held = STARTING.hold();
    if published().registry.load(Ordering::Acquire).is_null() {
        build()?;
        BUILT.store(true, Ordering::Release);
    }
    STARTED.store(true, Ordering::Release);
    Ok(())
}

fn build() -> Result<(), Error> {
    let mut error: c_int = 0;
    // SAFETY: the runtime has started; `error` outlives the call.
    let host = unsafe { sys::mpk_host(&raw mut error) };
    if host.is_null() {
        return Err(Error(error));
    }
    let sides = private::<Side>(host, crate::layout::INDICES as usize)?;
    let types = private::<AtomicPtr<TypeInfo>>(host, crate::layout::INDICES as usize)?;
    let registry = private::<Registry>(host, 1)?;
    // SAFETY: fresh private memory of that size, and nobody knows it yet.
    unsafe { Registry::initialise(registry) };
    let words = published();
    words.host.store(host, Ordering::Release);
    words.sides.store(sides, Ordering::Release);
    words.types.store(types, Ordering::Release);
    words
        .ends
        .store(private::<Ends>(host, 1)?, Ordering::Release);
    let hooks = sys::mpk_heap_hooks {
        freed: Some(lease::freed),
        resized: Some(lease::resized),
    };
    // SAFETY: the hooks keep the heap's contract; the heap copies the struct.
    unsafe { sys::mpk_heap_set_hooks(host, &raw const hooks) };
    // SAFETY: the hook reports on what it is given and takes no lock.
    unsafe { sys::mpk_set_violation_hook(Some(violation::enrich)) };
    // SAFETY: the hook ends a lease that lend_stack began, under the table's lock alone.
    unsafe { sys::mpk_set_thread_hook(Some(lease::thread_ended)) };
    words.registry.store(registry, Ordering::Release);
    crate::serve::install();
    Ok(())
}

/// Zeroed memory of the domain for `count` values, for ever.
fn private<T>(host: *mut sys::mpk_domain, count: usize) -> Result<*mut T, Error> {
    // SAFETY: the host's rights are open in host code, as the call demands.
    let memory: *mut c_void = unsafe { sys::mpk_domain_private(host, count * size_of::<T>()) };
    if memory.is_null() {
        return Err(Error::NO_MEMORY);
    }
    assert!(
        memory.addr().is_multiple_of(align_of::<T>()),
        "private memory is aligned"
    );
    Ok(memory.cast())
}

/// The registry. pre: started.
#[inline]
pub(crate) fn registry() -> &'static Registry {
    let registry = published().registry.load(Ordering::Acquire);
    debug_assert!(!registry.is_null(), "used before galeed_start");
    // SAFETY: written once, by `build`, with memory that lives for ever.
    unsafe { &*registry }
}

/// The host domain. pre: started.
#[inline]
pub(crate) fn host() -> *mut sys::mpk_domain {
    published().host.load(Ordering::Relaxed)
}

unsafe extern "C" {
    fn pthread_atfork(
        prepare: Option<extern "C" fn()>,
        parent: Option<extern "C" fn()>,
        child: Option<extern "C" fn()>,
    ) -> c_int;
}

/// Registers the handlers, once.
fn mind_forks() -> Result<(), Error> {
    static MINDED: AtomicBool = AtomicBool::new(false);
    if MINDED.swap(true, Ordering::AcqRel) {
        return Ok(());
    }
    // SAFETY: the three handlers only take and give locks of ours.
    let error =
        unsafe { pthread_atfork(Some(before_fork), Some(after_fork), Some(after_fork_child)) };
    if error == 0 {
        return Ok(());
    }
    MINDED.store(false, Ordering::Release);
    Err(Error::NO_MEMORY)
}

/// Before main, and after mpk's own (its constructor has a priority, and priorities come first): a fork
/// runs the handlers that it found as it began. Were they registered by the first start, a fork under way
/// in another thread would run none, and its child might find the table locked for ever.
#[used]
#[unsafe(link_section = ".init_array")]
static AT_LOAD: extern "C" fn() = {
    extern "C" fn at_load() {
        let _ = mind_forks(); // without memory the first start tries again, and says so
    }
    at_load
};

/// Every lock, so that the child finds none held by a thread that it lacks.
extern "C" fn before_fork() {
    STARTING.take();
    crate::gate::MAKING_READY.take();
    if BUILT.load(Ordering::Acquire) {
        crate::access::with_rights(|| {
            ends().lock().take();
            registry().handed.fork_lock().take();
            registry().fork_lock().take();
        });
    }
}

extern "C" fn after_fork() {
    if BUILT.load(Ordering::Acquire) {
        crate::access::with_rights(|| {
            registry().fork_lock().give();
            ends().lock().give();
            registry().handed.fork_lock().give();
        });
    }
    crate::gate::MAKING_READY.give();
    STARTING.give();
}

/// A child that did not inherit the domains has no table either.
extern "C" fn after_fork_child() {
    if galeed_mpk::is_orphan() {
        crate::gate::MAKING_READY.give();
        STARTING.give();
    } else {
        after_fork();
        if BUILT.load(Ordering::Acquire) {
            crate::access::with_rights(|| {
                ends().forget_others();
                crate::serve::profile_forked();
            });
        }
    }
}
