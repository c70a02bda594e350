//! `sharing work`: all that is allowed. `sharing NAME`: one mistake, which must be stopped.
#[global_allocator]
static HEAP: galeed::Heap = galeed::Heap;

mod foreign;
mod mistakes;

use foreign::*;
use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

type Outcome = Result<(), galeed::Error>;

fn main() {
    let name = std::env::args().nth(1).unwrap_or_default();
    let done = match name.as_str() {
        "work" => guards()
            .and_then(|()| callbacks())
            .and_then(|()| ownership()),
        other => mistakes::make(other),
    };
    if let Err(error) = done {
        println!("error: {error}");
        std::process::exit(1);
    }
}

fn guards() -> Outcome {
    let mut numbers = [1, 2, 3, 4, 5];
    let middle = galeed::lend(&numbers[1..4])?;
    // SAFETY: reads as many as are lent.
    println!("{}", unsafe { c_sum(middle.as_ptr(), middle.len()) });
    drop(middle);
    let (left, right) = numbers.split_at_mut(2);
    let (left, right) = (galeed::lend_mut(left)?, galeed::lend_mut(right)?);
    // SAFETY: writes as many as are lent.
    unsafe {
        c_fill(left.as_ptr(), left.len(), 7);
        c_fill(right.as_ptr(), right.len(), 8);
    }
    drop((left, right));
    println!("{numbers:?}");

    let name = galeed::lend(c"isolated")?;
    let text = galeed::lend("three small words")?;
    // SAFETY: a string with its NUL; text with its length.
    let said = unsafe { (c_length(name.as_ptr()), c_spaces(text.as_ptr(), text.len())) };
    println!("{said:?}");

    for of in [21, -1] {
        let mut size = MaybeUninit::new(99);
        let lent = galeed::lend_out(&mut size)?;
        // SAFETY: writes the number when it returns 0.
        let (before, done) = unsafe { (c_peek(lent.as_ptr()), c_measure(lent.as_ptr(), of)) };
        drop(lent);
        // SAFETY: as above.
        println!(
            "{before} {:?}",
            (done == 0).then(|| unsafe { size.assume_init() })
        );
    }

    let mut many = Vec::with_capacity(3);
    let lent = galeed::lend_out_slice(&mut many.spare_capacity_mut()[..3])?;
    // SAFETY: writes all of them, which are then there.
    unsafe {
        c_fill(lent.as_ptr(), lent.len(), 6);
        drop(lent);
        many.set_len(3);
    }
    let mut pinned = Box::pin(10);
    let lent = galeed::lend_pinned(pinned.as_mut())?;
    // SAFETY: writes where it is.
    unsafe { c_fill(lent.as_ptr(), 1, 11) };
    drop(lent);
    println!("{many:?} {pinned}");
    Ok(())
}

fn callbacks() -> Outcome {
    let mut seen = Vec::new();
    {
        let visit = galeed::callback!(|user, value: i32| -> i32 {
            seen.push(value);
            value * 2
        });
        let numbers = vec![1, 2, 3];
        // SAFETY: reads three numbers, calls back meanwhile.
        let sum = unsafe { c_each(numbers.as_ptr(), 3, visit.function(), visit.user()?) };
        println!("{sum}");
    }
    println!("{seen:?}");

    // A panic comes out behind the call, and the closure is good for another one.
    let mut calls = 0;
    let visit = galeed::callback!(|user, value: i32| -> i32 {
        calls += 1;
        assert!(value != 2, "two");
        calls
    });
    let user = visit.user()?;
    // SAFETY: as above; the panic passes frames of C that have unwind tables.
    let each = |count| unsafe { c_each([1, 2, 3].as_ptr(), count, visit.function(), user) };
    let caught = catch_unwind(AssertUnwindSafe(|| each(3)));
    let caught = caught.map_err(|panic| *panic.downcast_ref::<&str>().unwrap_or(&"?"));
    println!("{caught:?} {}", each(1));

    // One that C keeps, called on this thread and another.
    let log = Mutex::new(Vec::new());
    let keeper = galeed::owned_callback!(move |user, value: i32| -> i32 {
        let mut log = log.lock().unwrap();
        log.push(value);
        log.len() as i32
    });
    // SAFETY: keeps both, and calls while the callback lives.
    let calls = unsafe {
        c_keep(keeper.function(), keeper.user()?);
        let here = c_call_kept(5);
        (here, std::thread::spawn(|| c_call_kept(6)).join().unwrap())
    };
    println!("{calls:?}");
    Ok(())
}

fn ownership() -> Outcome {
    // SAFETY: C keeps the pointer, changes the number, and gives it back.
    let back = unsafe {
        c_own(galeed::into_foreign(Box::new(40))?);
        c_add(2);
        c_give_back()
    };
    println!("{}", galeed::from_foreign(back)?);
    println!("{:?}", galeed::from_foreign(back).err());
    // SAFETY: C's own object, and C's to free.
    let (theirs, wrong) = unsafe {
        let object = c_allocate(5);
        let wrong = galeed::from_foreign(object).err();
        let value = *object;
        c_release(object);
        (value, wrong)
    };
    println!("{theirs} {wrong:?}");
    let given = galeed::into_foreign(Box::new(1i64))?;
    println!("{:?}", galeed::from_foreign(given.cast::<u64>()).err());
    // SAFETY: calls the destructor once.
    unsafe {
        c_own(given);
        c_destroy_owned(galeed::drop_foreign::<i64>);
    }
    let (slice, elements) = galeed::into_foreign_slice(vec![1; 2000].into_boxed_slice())?;
    // SAFETY: writes as many as there are.
    unsafe { c_fill(slice, elements, 3) };
    println!("{}", galeed::from_foreign_slice(slice)?.iter().sum::<i32>());

    let text = galeed::into_foreign_string(c"to c and back".to_owned())?;
    // SAFETY: a string, changed within itself.
    let text = unsafe { c_cut(c_upper(text), 4) };
    println!("{:?}", galeed::from_foreign_string(text)?);
    // SAFETY: a string of C's, which C frees.
    let text = unsafe {
        let text = c_upper(c_text());
        let copy = CStr::from_ptr(text).to_owned();
        c_release(text.cast());
        copy
    };
    println!("{text:?}");
    Ok(())
}
