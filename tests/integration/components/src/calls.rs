//! The C functions, as a component on either kind of stack calls them.

use galeed::Violation;
use galeed::component::Stack;
use std::alloc::{GlobalAlloc, Layout, System};
use std::ffi::{c_char, c_long};

#[repr(C)]
#[derive(Default)]
struct Tally {
    requests: u64,
    sum: u64,
}

unsafe extern "C" {
    fn tally_work(tally: *mut Tally, bytes: *mut u8, count: usize) -> u64;
    fn wild_write(address: usize, count: usize);
    fn overrun(bytes: *mut u8, count: usize);
}

/// Of a component's state: what `tally_work` keeps.
pub const STATE_BYTES: usize = size_of::<Tally>();

fn word(state: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(state[at..at + 8].try_into().expect("eight bytes"))
}

/// Requests and sum.
pub fn counted(state: &[u8]) -> (u64, u64) {
    (word(state, 0), word(state, 8))
}

/// Memory of C's own, where foreign code without pseudo-pointers can work.
struct Foreign(*mut u8, Layout);

impl Foreign {
    fn holding(content: &[u8]) -> Self {
        let layout = Layout::from_size_align(content.len().max(1), 16).expect("a layout");
        // SAFETY: the layout has a size; there is room for the bytes.
        unsafe {
            let base = System.alloc(layout);
            assert!(!base.is_null(), "no memory");
            base.copy_from_nonoverlapping(content.as_ptr(), content.len());
            Self(base, layout)
        }
    }

    fn copy_to(&self, to: &mut [u8]) {
        // SAFETY: holds as many bytes as it was made of.
        unsafe { self.0.copy_to_nonoverlapping(to.as_mut_ptr(), to.len()) };
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        // SAFETY: allocated so.
        unsafe { System.dealloc(self.0, self.1) };
    }
}

fn far(function: usize, name: &'static std::ffi::CStr, integers: [u64; 3]) -> u64 {
    let [a, b, c] = integers;
    // SAFETY: the functions above take no more arguments than these.
    unsafe { galeed_mpk::call(function, name, [a, b, c, 0, 0, 0], [0.0; 8]).rax }
}

/// Counts and turns the bytes, in C, on copies: foreign code has no rights on page groups.
pub fn honest(stack: Stack, state: &mut [u8], bytes: &mut [u8]) -> Result<u64, Violation> {
    if stack == Stack::Thread {
        let (requests, sum) = counted(state);
        let mut tally = Box::new(Tally { requests, sum });
        let mut copy = bytes.to_vec();
        // SAFETY: the length is the buffer's. Nothing of the closure's has a destructor.
        let count = galeed::catch(|| unsafe {
            tally_work(&raw mut *tally, copy.as_mut_ptr(), copy.len())
        })?;
        state[..8].copy_from_slice(&tally.requests.to_le_bytes());
        state[8..16].copy_from_slice(&tally.sum.to_le_bytes());
        bytes.copy_from_slice(&copy);
        return Ok(count);
    }
    let (tally, copy) = (Foreign::holding(state), Foreign::holding(bytes));
    let arguments = [tally.0 as u64, copy.0 as u64, bytes.len() as u64];
    let function = tally_work as *const () as usize;
    let count = galeed::catch(|| far(function, c"tally_work", arguments))?;
    tally.copy_to(state);
    copy.copy_to(bytes);
    Ok(count)
}

/// The words turned around, on a stack of the host's: an exception that leaves C++ there.
pub fn words_far(text: &[u8]) -> u64 {
    unsafe extern "C-unwind" {
        fn words_turn(text: *mut c_char, bytes: usize) -> c_long;
    }
    let copy = Foreign::holding(text);
    let function = words_turn as *const () as usize;
    let arguments = [copy.0 as u64, text.len() as u64, 0];
    far(function, c"words_turn", arguments)
}

/// C writes to an address that it was never given.
pub fn wild(stack: Stack, address: usize, count: usize) -> Result<(), Violation> {
    galeed::catch(|| match stack {
        // SAFETY: none, that is the point.
        Stack::Thread => unsafe { wild_write(address, count) },
        Stack::Host(_) => {
            let arguments = [address as u64, count as u64, 0];
            far(wild_write as *const () as usize, c"wild_write", arguments);
        }
    })
}

/// C writes past the end of what it was lent.
pub fn too_far(bytes: &mut [u8]) -> Result<(), Violation> {
    // SAFETY: none, as above.
    galeed::catch(|| unsafe { overrun(bytes.as_mut_ptr(), bytes.len()) })
}
