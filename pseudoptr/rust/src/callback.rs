//! Closures as callbacks: a C function pointer and a word of user data.
//!
//! The word is a pseudo-pointer to nothing: foreign code keeps it, compares it and hands it
//! back; what it stands for is found here, in the live table, when it comes back.
//!
//! Invariants:
//!  - A closure runs only for the word that was given out for it, together with its own
//!    function, while its `Callback` lives. Anything else is a violation.
//!  - A run holds on to the closure: dropping the `Callback` beside it frees nothing under it.
//!  - A closure that is not `Sync`, or changes what it captured, runs on the thread that made
//!    it, one run at a time.
//!
//! Attacker: calls the function with any word and any arguments, at any time, on any thread.
//!
//! ASSUMES: what [`callback!`](crate::callback!) borrows outlives the enclosing scope, which
//! nobody leaves without running destructors. A violation that unwinds to a
//! [`catch`](crate::catch) around that scope does: then foreign code must forget the word.

use crate::error::Error;
use crate::layout::is_handle;
use crate::resolve::{Access, Kind, resolve};
use crate::start::{registry, start, start_or_die};
use crate::table::CLOSURE;
use crate::{access, lease, sys, violation};
use alloc::sync::Arc;
use core::any::TypeId;
use core::cell::UnsafeCell;
use core::ffi::{c_int, c_void};
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::OnceLock;

unsafe extern "C" {
    fn gettid() -> c_int;
}

/// The thread, from the kernel: thread-local memory is C's to write. Never 0.
fn me() -> c_int {
    // SAFETY: asks the kernel.
    unsafe { gettid() }
}

/// Every thread may run it.
const ANY_THREAD: c_int = 0;

/// What a word stands for. The head is read before the closure's type is known.
#[repr(C)]
struct Cell<F: ?Sized> {
    head: Head,
    closure: UnsafeCell<F>,
}

struct Head {
    kind: TypeId,
    thread: c_int,
    running: AtomicBool,
}

/// The identity of a type, whatever it borrows.
fn kind_of<F>() -> TypeId {
    trait Any {
        fn kind(&self) -> TypeId
        where
            Self: 'static;
    }
    impl<F> Any for PhantomData<F> {
        fn kind(&self) -> TypeId
        where
            F: 'static,
        {
            TypeId::of::<F>()
        }
    }
    let any: &dyn Any = &PhantomData::<F>;
    // SAFETY: the method depends on the type alone, and types that differ in lifetimes only
    // are one type when code is made; nothing borrowed is touched.
    let any = unsafe { core::mem::transmute::<&dyn Any, &(dyn Any + 'static)>(any) };
    any.kind()
}

/// A closure that foreign code may call: [`function`](Callback::function) with
/// [`user`](Callback::user) as its user data. Made by [`callback!`](crate::callback!) and
/// [`owned_callback!`](crate::owned_callback!).
pub struct Callback<F, P> {
    cell: Arc<Cell<F>>,
    function: P,
    word: OnceLock<u64>,
}

// SAFETY: the closure is reached by `run` alone, which lets another thread do it only where
// `owned` demanded Send and Sync. To move the whole needs no more than to move the closure.
unsafe impl<F: Send, P: Send> Send for Callback<F, P> {}

impl<F, P: Copy> Callback<F, P> {
    fn new(closure: F, function: P, thread: c_int) -> Self {
        let head = Head {
            kind: kind_of::<F>(),
            thread,
            running: AtomicBool::new(false),
        };
        let closure = UnsafeCell::new(closure);
        Callback {
            #[allow(clippy::arc_with_non_send_sync)] // counts runs; see the file's head
            cell: Arc::new(Cell { head, closure }),
            function,
            word: OnceLock::new(),
        }
    }

    /// For [`callback!`](crate::callback!) alone.
    ///
    /// # Safety
    /// `function` calls [`run_here`] for this closure's type and does nothing else.
    #[doc(hidden)]
    pub unsafe fn here(closure: F, function: P) -> Self {
        Self::new(closure, function, me())
    }

    /// For [`owned_callback!`](crate::owned_callback!) alone.
    ///
    /// # Safety
    /// `function` calls [`run_anywhere`] for this closure's type and does nothing else.
    #[doc(hidden)]
    pub unsafe fn owned(closure: F, function: P) -> Self
    where
        F: Send + Sync + 'static,
    {
        Self::new(closure, function, ANY_THREAD)
    }

    /// The function, as C takes it.
    #[must_use]
    pub fn function(&self) -> P {
        self.function
    }

    /// The user data that C has to pass with it: good for that, and nothing else.
    ///
    /// # Errors
    /// [`Error::FULL`] when no index is free; those of start-up at the first use.
    pub fn user(&self) -> Result<*mut c_void, Error> {
        let word = match self.word.get() {
            Some(word) => *word,
            None => {
                start()?;
                let address = Arc::as_ptr(&self.cell).expose_provenance() as u64;
                let word = lease::lend_closure(address)?;
                // Two threads at once cannot come here: a Callback is not Sync.
                *self.word.get_or_init(|| word)
            }
        };
        Ok(core::ptr::without_provenance_mut(word as usize))
    }
}

impl<F, P> Drop for Callback<F, P> {
    fn drop(&mut self) {
        if let Some(word) = self.word.get() {
            let _ = lease::revoke(*word);
        }
    }
}

/// The closure behind a word, held. pre: host rights.
fn hold<F>(word: u64) -> Result<Arc<Cell<F>>, Kind> {
    let registry = registry();
    let held = registry.lock();
    let Some((_, record)) = registry.live_of(word).filter(|_| is_handle(word)) else {
        drop(held);
        let why = is_handle(word).then(|| resolve(word, 1, Access::Execute).err());
        return Err(why.flatten().unwrap_or(Kind::Forged));
    };
    if record.flags & CLOSURE != CLOSURE || record.base != word {
        return Err(Kind::Type);
    }
    // SAFETY: a live lease of a closure is of a Cell in an Arc, which lives at least until the
    // lease is revoked, under this lock.
    let head = unsafe { &*access::at::<Head>(record.address) };
    if head.kind != kind_of::<F>() {
        return Err(Kind::Type);
    }
    if head.thread != ANY_THREAD && head.thread != me() {
        return Err(Kind::Rights);
    }
    let cell = access::at::<Cell<F>>(record.address).cast_const();
    // SAFETY: it came from the Arc of this very type; the run's own count is taken here.
    unsafe {
        Arc::increment_strong_count(cell);
        Ok(Arc::from_raw(cell))
    }
}

/// None: it was refused and only reported; zeros stand for the result.
fn hold_or_refuse<F>(user: *mut c_void) -> Option<Arc<Cell<F>>> {
    start_or_die();
    let word = user.addr() as u64;
    hold(word).map_err(|kind| refuse(word, kind)).ok()
}

#[cold]
fn refuse(word: u64, kind: Kind) {
    let mut violation = violation::facts(word, 0, Access::Execute, kind, 0, &[]);
    violation.detail = match kind {
        Kind::Temporal => c"Rust has dropped the closure that this user data stood for",
        Kind::Rights => c"the closure was lent for calls on the thread that made it",
        Kind::Type => c"the user data of one callback was passed to another",
        _ => c"no closure was ever lent with this user data",
    }
    .as_ptr();
    // SAFETY: a callback of the host runs with its rights.
    unsafe { sys::mpk_violate(&raw mut violation) };
}

/// Ends a run, also when the closure panics.
struct Running<'a>(&'a AtomicBool);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// For [`callback!`](crate::callback!) alone.
///
/// # Safety
/// Only in the function that [`Callback::here`] is given.
///
/// # Panics
/// When the closure is running already.
#[doc(hidden)]
pub unsafe fn run_here<F, R>(user: *mut c_void, body: impl FnOnce(&mut F) -> R) -> MaybeUninit<R> {
    // Through a pointer that leads past all gates, as prebuilt code has them.
    crate::gates::opened(|_| run_exclusive(user, body))
}

fn run_exclusive<F, R>(user: *mut c_void, body: impl FnOnce(&mut F) -> R) -> MaybeUninit<R> {
    let Some(cell) = hold_or_refuse::<F>(user) else {
        return MaybeUninit::zeroed();
    };
    if cell.head.running.swap(true, Ordering::Acquire) {
        panic!("foreign code called a closure that was still running");
    }
    let _running = Running(&cell.head.running);
    // SAFETY: this thread alone runs it, and only this run of it is on.
    MaybeUninit::new(body(unsafe { &mut *cell.closure.get() }))
}

/// For [`owned_callback!`](crate::owned_callback!) alone.
///
/// # Safety
/// Only in the function that [`Callback::owned`] is given.
#[doc(hidden)]
pub unsafe fn run_anywhere<F, R>(user: *mut c_void, body: impl FnOnce(&F) -> R) -> MaybeUninit<R> {
    crate::gates::opened(|_| match hold_or_refuse::<F>(user) {
        // SAFETY: nobody has more than a shared reference, and F is Sync.
        Some(cell) => MaybeUninit::new(body(unsafe { &*cell.closure.get() })),
        None => MaybeUninit::zeroed(),
    })
}

/// A closure as a callback, for the enclosing scope: bind it with `let`. The closure is written
/// with its parameters' types; a bare name stands where the C function gets its user data.
///
/// ```
/// # #[global_allocator] static HEAP: galeed::Heap = galeed::Heap;
/// # use std::ffi::c_void;
/// # unsafe extern "C" fn each(visit: unsafe extern "C" fn(*mut c_void, i32) -> i32, user: *mut c_void) -> i32 {
/// #     unsafe { visit(user, 20) + visit(user, 22) }
/// # }
/// let mut seen = Vec::new();
/// {
///     let visit = galeed::callback!(|user, value: i32| -> i32 {
///         seen.push(value);
///         value
///     });
///     // SAFETY: calls back on this thread, and keeps nothing.
///     assert_eq!(unsafe { each(visit.function(), visit.user()?) }, 42);
/// }
/// assert_eq!(seen, [20, 22]);
/// # Ok::<(), galeed::Error>(())
/// ```
///
/// It may change what it borrows, and runs on this thread only, one run at a time: on another
/// thread it is a *rights* violation, inside itself a panic. Called after the scope it is a
/// *temporal* one, with another closure's user data a *type* one.
///
/// A panic passes rewritten C frames, and goes on in Rust where the C function that was called
/// is declared `extern "C-unwind"`. `callback!(extern "C-unwind" |...| ...)` makes the function
/// pointer of that kind too, where the declaration wants it.
///
/// A closure that outlives its scope is a compile error:
///
/// ```compile_fail
/// let visit = {
///     let name = String::from("local");
///     galeed::callback!(|user| println!("{name}"))
/// };
/// println!("{:?}", visit.user());
/// ```
#[macro_export]
macro_rules! callback {
    (extern "C-unwind" $($closure:tt)*) => { &$crate::__callback!(here [FnMut] [] run_here "C-unwind" $($closure)*) };
    ($($closure:tt)*) => { &$crate::__callback!(here [FnMut] [] run_here "C" $($closure)*) };
}

/// As [`callback!`], of a closure that owns what it uses (`'static`, usually `move`): a
/// [`Callback`] that lasts until it is dropped. It is called on any thread, also several times
/// at once, and so is `Send` and `Sync`, and changes things through a lock.
///
/// ```
/// # #[global_allocator] static HEAP: galeed::Heap = galeed::Heap;
/// # use std::ffi::c_void;
/// # unsafe extern "C" fn on_event(_: unsafe extern "C" fn(i32, *mut c_void), _: *mut c_void) {}
/// let (events, received) = std::sync::mpsc::channel();
/// let listener = galeed::owned_callback!(move |event: i32, user| {
///     let _ = events.send(event);
/// });
/// // SAFETY: keeps both; once `listener` is dropped, a call is a violation.
/// unsafe { on_event(listener.function(), listener.user()?) };
/// # drop(received);
/// # Ok::<(), galeed::Error>(())
/// ```
#[macro_export]
macro_rules! owned_callback {
    (extern "C-unwind" $($closure:tt)*) => { $crate::__callback!(owned [Fn] [+ Send + Sync + 'static] run_anywhere "C-unwind" $($closure)*) };
    ($($closure:tt)*) => { $crate::__callback!(owned [Fn] [+ Send + Sync + 'static] run_anywhere "C" $($closure)*) };
}

/// The words of a closure, one parameter a step: [parameters of C] [of the closure] [user data].
#[doc(hidden)]
#[macro_export]
macro_rules! __callback {
    ($how:ident [$call:ident] $bounds:tt $run:ident $abi:literal move | $($rest:tt)*) => {
        $crate::__callback!(@ ($how [$call] $bounds $run $abi move) [] [] [] $($rest)*)
    };
    ($how:ident [$call:ident] $bounds:tt $run:ident $abi:literal | $($rest:tt)*) => {
        $crate::__callback!(@ ($how [$call] $bounds $run $abi) [] [] [] $($rest)*)
    };
    (@ $kind:tt [$($c:tt)*] [$($own:tt)*] $user:tt $name:ident : $type:ty, $($rest:tt)*) => {
        $crate::__callback!(@ $kind [$($c)* $name: $type,] [$($own)* $name: $type,] $user $($rest)*)
    };
    (@ $kind:tt [$($c:tt)*] [$($own:tt)*] $user:tt $name:ident : $type:ty | $($rest:tt)*) => {
        $crate::__callback!(@ $kind [$($c)* $name: $type,] [$($own)* $name: $type,] $user | $($rest)*)
    };
    (@ $kind:tt [$($c:tt)*] $own:tt [] $user:ident, $($rest:tt)*) => {
        $crate::__callback!(@ $kind [$($c)* $user: *mut ::core::ffi::c_void,] $own [$user] $($rest)*)
    };
    (@ $kind:tt [$($c:tt)*] $own:tt [] $user:ident | $($rest:tt)*) => {
        $crate::__callback!(@ $kind [$($c)* $user: *mut ::core::ffi::c_void,] $own [$user] | $($rest)*)
    };
    (@ $kind:tt $c:tt $own:tt [$user:ident] | -> $result:ty $body:block) => {
        $crate::__callback!(= $kind $c $own $user [$result] $body)
    };
    (@ $kind:tt $c:tt $own:tt [$user:ident] | $body:expr) => {
        $crate::__callback!(= $kind $c $own $user [()] $body)
    };
    (= ($how:ident [$call:ident] [$($bounds:tt)*] $run:ident $abi:literal $($move:ident)?)
     [$($name:ident : $type:ty,)*] [$($own:ident : $own_type:ty,)*] $user:ident [$result:ty] $body:expr) => {{
        unsafe extern "C-unwind" fn function<F: $call($($own_type),*) -> $result>(
            $($name: $type),*
        ) -> ::core::mem::MaybeUninit<$result> {
            // SAFETY: `bind` gives it to the closure that it is made for.
            unsafe { $crate::__callbacks::$run::<F, $result>($user, |closure| closure($($own),*)) }
        }
        fn bind<F: $call($($own_type),*) -> $result $($bounds)*>(
            closure: F,
        ) -> $crate::Callback<F, unsafe extern $abi fn($($type),*) -> $result> {
            type Function = unsafe extern "C-unwind" fn($($type),*) -> ::core::mem::MaybeUninit<$result>;
            let function: Function = function::<F>;
            // SAFETY: MaybeUninit is transparent, and foreign code, for which alone the pointer is,
            // leaves the function by unwinding through its gate.
            unsafe {
                let function = ::core::mem::transmute::<Function, unsafe extern $abi fn($($type),*) -> $result>(function);
                $crate::Callback::$how(closure, function)
            }
        }
        bind($($move)? |$($own: $own_type),*| -> $result { $body })
    }};
    ($($other:tt)*) => {
        ::core::compile_error!("a callback is |user, name: type, ...| -> type { ... }: each parameter with \
                                its type, but one bare name where C passes the user data")
    };
}
