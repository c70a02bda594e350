//! Cases *quiet*, *stale* and *uaf*: the three planted C files.
//!
//! Memory that C may have written behind Rust's back is read volatile.

use crate::json::Line;
use galeed::Violation;

unsafe extern "C" {
    fn planted_fill(record: *mut u8, bytes: usize, value: u8);
    fn planted_remember(address: usize);
    fn planted_write_remembered(value: u64);
    fn planted_keep(session: *mut u64);
    fn planted_use_kept(value: u64) -> u64;
}

const OVERWRITE: u8 = 0x5A;
/// What the byte past the end holds before.
const SLACK: u8 = 0xA5;
const INTRUDER: u64 = 0x1BAD_1BAD_1BAD_1BAD;
const BALANCE: u64 = 1_000_000;

fn finish(case: &str, changed: bool, outcome: Result<(), Violation>) -> Line {
    Line::new(case).value("changed", changed).maybe(
        "violation",
        outcome.err().map(|violation| violation.to_string()),
    )
}

/// One byte past the end of a lent vector: nobody notices.
pub fn quiet() -> Result<String, String> {
    let mut record = vec![0u8; 24];
    let end = record.as_mut_ptr_range().end;
    // SAFETY: the allocator keeps at least a byte of slack behind each block,
    // which belongs to nobody: reading and setting it disturbs nothing.
    let before = unsafe {
        end.write_volatile(SLACK);
        end.read_volatile()
    };
    // SAFETY: the record is live; that C writes one byte too many is the case.
    let outcome =
        galeed::catch(|| unsafe { planted_fill(record.as_mut_ptr(), record.len(), OVERWRITE) });
    // SAFETY: as above.
    let after = unsafe { end.read_volatile() };
    let filled = record.iter().filter(|&&byte| byte == OVERWRITE).count();
    Ok(finish("quiet", before != after, outcome)
        .value("bytes", record.len())
        .value("filled", filled)
        .end())
}

/// C writes to an object of which it only ever knew the address, as a number.
pub fn stale() -> Result<String, String> {
    let mut account = Box::new(BALANCE);
    let address = &raw mut *account;
    // SAFETY: C merely notes a number.
    unsafe { planted_remember(address as usize) };
    // SAFETY: the object is live; that C writes to it is the case.
    let outcome = galeed::catch(|| unsafe { planted_write_remembered(INTRUDER) });
    // SAFETY: the object is live.
    let value = unsafe { address.read_volatile() };
    Ok(finish("stale", value != BALANCE, outcome)
        .text("address", &format!("{address:p}"))
        .value("balance", value)
        .end())
}

/// C keeps what it was lent; Rust drops it and puts something else in its place.
pub fn uaf() -> Result<String, String> {
    let mut session = Box::new([0u64; 8]);
    let old = &raw mut *session;
    // SAFETY: the session is live during this call.
    unsafe { planted_keep(old.cast()) };
    let started = session[0] == 1;
    drop(session);
    // Something else of that size, until one has taken the very place.
    let mut tenants = Vec::with_capacity(1024);
    while tenants.len() < tenants.capacity() {
        tenants.push(Box::new([BALANCE; 8]));
        if tenants
            .last()
            .is_some_and(|last| std::ptr::eq(&raw const **last, old))
        {
            break;
        }
    }
    let Some(tenant) = tenants
        .last_mut()
        .filter(|last| std::ptr::eq(&raw const ***last, old))
    else {
        return Err("the allocator did not reuse the freed place".to_owned());
    };
    let tenant = &raw mut **tenant;
    // SAFETY: the place is live again; that C still uses it is the case.
    let outcome = galeed::catch(|| unsafe { planted_use_kept(INTRUDER) });
    // C's result is what it read there: the balance of a stranger.
    let leaked = matches!(outcome, Ok(BALANCE));
    // SAFETY: the tenant is live.
    let changed = unsafe { tenant.read_volatile() } != [BALANCE; 8];
    Ok(finish("uaf", changed, outcome.map(|_| ()))
        .value("leaked", leaked)
        .value("kept_worked", started)
        .end())
}
