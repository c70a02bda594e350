//! One mistake each. What comes behind it is not reached, unless violations are only reported.
use super::Outcome;
use super::foreign::*;

pub fn make(name: &str) -> Outcome {
    match name {
        "beside-slice" => beside_slice(),
        "write-str" => write_str(),
        "late-out" => late_out(),
        "gone" | "gone-caught" => gone(name == "gone-caught"),
        "scope-left" => scope_left(),
        "mixed" => mixed(),
        "made-up" => made_up(),
        "poke" => poke(),
        "called-data" => called_data(),
        "other-thread" => other_thread(),
        "again" => again(),
        "free" | "realloc" | "destroy-twice" | "late-owner" => owner(name),
        "free-lent" => free_lent(),
        "drop-of-c" => drop_of_c(),
        _ => panic!("no mistake {name}"),
    }
}

fn beside_slice() -> Outcome {
    let mut numbers = [0; 8];
    let lent = galeed::lend_mut(&mut numbers[..4])?;
    // SAFETY: none: one more than is lent.
    unsafe { c_fill(lent.as_ptr(), 5, 1) };
    Ok(())
}

fn write_str() -> Outcome {
    let lent = galeed::lend(c"constant")?;
    // SAFETY: none: it is lent for reading.
    unsafe { c_upper(lent.as_ptr().cast_mut()) };
    Ok(())
}

fn late_out() -> Outcome {
    let mut place = std::mem::MaybeUninit::<i64>::uninit();
    let lent = galeed::lend_out(&mut place)?;
    let pointer = lent.as_ptr();
    drop(lent);
    // SAFETY: none: it is lent no more.
    unsafe { c_measure(pointer, 1) };
    Ok(())
}

/// C calls a closure that Rust has dropped.
fn gone(caught: bool) -> Outcome {
    let closure = galeed::owned_callback!(|user, value: i32| -> i32 { value });
    let next = galeed::owned_callback!(|user, value: i32| -> i32 { value });
    // SAFETY: none: it is called once more behind its end.
    unsafe {
        c_keep(closure.function(), closure.user()?);
        println!("{}", c_call_kept(1));
        drop(closure);
        if caught {
            let violation = galeed::catch(|| c_call_kept(2)).expect_err("refused");
            println!("{:?}", violation.kind);
            c_keep(next.function(), next.user()?);
        }
        println!("{}", c_call_kept(2));
    }
    Ok(())
}

fn scope_left() -> Outcome {
    let mut sum = 0;
    {
        let closure = galeed::callback!(|user, value: i32| -> i32 {
            sum += value;
            sum
        });
        // SAFETY: none: C keeps it beyond the scope.
        unsafe { c_keep(closure.function(), closure.user()?) };
    }
    // SAFETY: none.
    println!("{}", unsafe { c_call_kept(1) });
    Ok(())
}

fn mixed() -> Outcome {
    let one = galeed::callback!(|user, value: i32| -> i32 { value });
    let number = 5;
    let other = galeed::callback!(|user, value: i32| -> i32 { value + number });
    // SAFETY: none.
    println!("{}", unsafe { c_mix(one.function(), other.user()?) });
    Ok(())
}

fn made_up() -> Outcome {
    let closure = galeed::callback!(|user, value: i32| -> i32 { value });
    // SAFETY: none.
    println!("{}", unsafe { c_make_up(closure.function()) });
    Ok(())
}

fn poke() -> Outcome {
    let closure = galeed::callback!(|user, value: i32| -> i32 { value });
    // SAFETY: none: user data is not C's to look into.
    unsafe { c_poke(closure.user()?) };
    Ok(())
}

/// The user data where the function should be.
fn called_data() -> Outcome {
    let closure = galeed::callback!(|user, value: i32| -> i32 { value });
    let user = closure.user()?;
    // SAFETY: none: it is no function.
    unsafe {
        c_mix(
            std::mem::transmute::<*mut std::ffi::c_void, Visitor>(user),
            user,
        )
    };
    Ok(())
}

fn other_thread() -> Outcome {
    let closure = galeed::callback!(|user, value: i32| -> i32 { value });
    // SAFETY: none: the closure is this thread's.
    unsafe {
        c_keep(closure.function(), closure.user()?);
        std::thread::spawn(|| c_call_kept(1)).join().unwrap();
    }
    Ok(())
}

/// A closure that changes what it captured is called again inside itself.
fn again() -> Outcome {
    let mut depth = 0;
    let closure = galeed::callback!(|user, value: i32| -> i32 {
        depth += 1;
        // SAFETY: none.
        value + unsafe { c_call_kept(depth) }
    });
    // SAFETY: none.
    unsafe {
        c_keep(closure.function(), closure.user()?);
        c_call_kept(1);
    }
    Ok(())
}

fn owner(mistake: &str) -> Outcome {
    let pointer = galeed::into_foreign(Box::new(1i64))?;
    // SAFETY: none: it is freed by the wrong side, twice, or used after it came back.
    unsafe {
        c_own(pointer);
        match mistake {
            "free" => c_free_owned(),
            "realloc" => c_grow_owned(),
            "destroy-twice" => {
                c_destroy_owned(galeed::drop_foreign::<i64>);
                c_destroy_owned(galeed::drop_foreign::<i64>);
            }
            _ => {
                let mine = galeed::from_foreign(pointer)?;
                c_add(1);
                println!("{mine}");
            }
        }
    }
    Ok(())
}

fn free_lent() -> Outcome {
    let mut object = Box::new(1i64);
    // SAFETY: none: C frees what is Rust's.
    unsafe { c_release(&raw mut *object) };
    Ok(())
}

/// Rust drops what malloc made.
fn drop_of_c() -> Outcome {
    // SAFETY: none.
    drop(unsafe { Box::from_raw(c_allocate(1)) });
    Ok(())
}
