//! The host of the generated calls (calls.h): each runs on C's memory, and on leases of both kinds
//! that end where the function may touch the last byte: right, one byte beyond, freed, read-only.
mod by_hand;

use galeed::{Kind, Policy, catch};
use std::alloc::{Layout, alloc, dealloc};
use std::ffi::{CStr, c_char, c_int, c_long, c_void};

#[global_allocator]
static HEAP: galeed::Heap = galeed::Heap;

const MOST: usize = 4;
const PAGES: usize = 2 * 4096;
type Pointers = [*mut u8; MOST];
type Run = unsafe extern "C" fn(*mut u8, *mut u8, *mut u8, *mut u8) -> c_long;

#[repr(C)]
#[derive(Clone, Copy)]
struct Memory {
    bytes: usize,
    writes: c_int,
    /// What goes beyond: 0: one byte further; 1: without its last NUL; 2: a longer string there.
    beyond: c_int,
    unit: usize,
    text: *const c_char,
    text_bytes: usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Case {
    name: *const c_char,
    run: Option<Run>,
    count: c_int,
    varies: c_int,
    memory: [Memory; MOST],
}

unsafe extern "C" {
    static call_list: Case;
    static plain_list: Case;
    fn keep(number: c_int, pointer: *mut u8);
    fn run_kept(run: Run) -> c_long;
    fn malloc(bytes: usize) -> *mut c_void;
    fn free(p: *mut c_void);
}

fn rows(list: *const Case) -> Vec<Case> {
    let mut found = Vec::new();
    // SAFETY: both lists end with a row without a name.
    unsafe {
        let mut at = list;
        while !(*at).name.is_null() {
            found.push(*at);
            at = at.add(1);
        }
    }
    found
}

fn fill(memory: &Memory, at: *mut u8) {
    // SAFETY: the caller's memory has that many bytes, the text too.
    unsafe {
        at.write_bytes(0, memory.bytes);
        std::ptr::copy_nonoverlapping(memory.text.cast(), at, memory.text_bytes);
    }
}

/// Memory that ends with its allocation. `pages` in front of it make the lease a mapped one.
struct Block {
    base: *mut u8,
    at: *mut u8,
    layout: Layout,
}

impl Block {
    fn new(memory: &Memory, pages: usize) -> Block {
        let layout = Layout::from_size_align(pages + memory.bytes.max(1), 1).unwrap();
        // SAFETY: the layout is not empty.
        let base = unsafe { alloc(layout) };
        let at = base.wrapping_add(pages);
        fill(memory, at);
        Block { base, at, layout }
    }
    fn end(&self) {
        // SAFETY: allocated so, and nothing of ours uses it again.
        unsafe { dealloc(self.base, self.layout) };
    }
}

fn call(case: &Case, p: &Pointers) -> c_long {
    // SAFETY: C stays inside, or is stopped.
    unsafe { case.run.unwrap()(p[0], p[1], p[2], p[3]) }
}

/// What the function makes of C's own memory.
fn on_raw_memory(case: &Case) -> (c_long, Vec<Vec<u8>>) {
    let mut p: Pointers = [std::ptr::null_mut(); MOST];
    let memories = &case.memory[..case.count as usize];
    for (pointer, memory) in p.iter_mut().zip(memories) {
        // SAFETY: plain malloc.
        *pointer = unsafe { malloc(memory.bytes.max(1)) }.cast();
        fill(memory, *pointer);
    }
    let result = call(case, &p);
    let bytes = p.iter().zip(memories).map(|(at, memory)| {
        // SAFETY: allocated above.
        unsafe {
            let bytes = std::slice::from_raw_parts(*at, memory.bytes).to_vec();
            free(at.cast());
            bytes
        }
    });
    (result, bytes.collect())
}

fn expect(what: &str, kind: Kind, outcome: Result<c_long, galeed::Violation>) {
    match outcome {
        Ok(_) => panic!("{what}: went unnoticed"),
        Err(violation) => assert_eq!(violation.kind, kind, "{what}: {violation}"),
    }
}

fn on_leases(case: &Case, name: &str, pages: usize, right: &(c_long, Vec<Vec<u8>>)) {
    let memories = &case.memory[..case.count as usize];
    let new = || {
        let mut p: Pointers = [std::ptr::null_mut(); MOST];
        let blocks: Vec<Block> = memories.iter().map(|memory| Block::new(memory, pages)).collect();
        p.iter_mut().zip(&blocks).for_each(|(pointer, block)| *pointer = block.at);
        (p, blocks)
    };
    let (p, blocks) = new();
    let result = call(case, &p);
    if case.varies == 0 {
        assert_eq!(result, right.0, "{name}: result");
        for (number, (memory, right)) in memories.iter().zip(&right.1).enumerate() {
            // SAFETY: still allocated.
            let bytes = unsafe { std::slice::from_raw_parts(p[number], memory.bytes) };
            assert_eq!(bytes, right, "{name}: memory {number}");
        }
    }
    blocks.iter().for_each(Block::end);
    for (number, memory) in memories.iter().enumerate().filter(|(_, memory)| memory.bytes > 0) {
        let (mut p, blocks) = new();
        let what = format!("{name}: argument {number}");
        // SAFETY: inside of the block; C is stopped before it goes further.
        unsafe {
            match memory.beyond {
                0 => p[number] = p[number].wrapping_add(1),
                1 => p[number].add(memory.bytes - memory.unit).write(b'x'),
                _ => p[number].add(memory.text_bytes - memory.unit).write(b'x'),
            }
        }
        let outcome = catch(|| call(case, &p));
        if let Err(violation) = &outcome {
            let detail = violation.detail.as_deref().unwrap_or("");
            // Headers may stand another name for it: __isoc99_sscanf for sscanf.
            let named = format!("{})", &name[..name.len().min(31)]);
            let inline = matches!(name, "memcpy" | "memmove" | "memset");
            assert!(inline || detail.contains(" (") && detail.ends_with(&named), "{what}: {detail}");
        }
        expect(&format!("{what} too far"), Kind::Spatial, outcome);
        blocks.iter().for_each(Block::end);

        let (p, blocks) = new();
        // SAFETY: C keeps the pseudo-pointers.
        p.iter().enumerate().for_each(|(number, pointer)| unsafe { keep(number as c_int, *pointer) });
        blocks[number].end();
        // SAFETY: C is stopped.
        expect(&format!("{what} freed"), Kind::Temporal, catch(|| unsafe { run_kept(case.run.unwrap()) }));
        blocks.iter().enumerate().filter(|(other, _)| *other != number).for_each(|(_, block)| block.end());

        if memory.writes != 0 {
            let (mut p, blocks) = new();
            // SAFETY: allocated, and only read while it is lent.
            let lent = galeed::lend(unsafe { std::slice::from_raw_parts(p[number], memory.bytes) }).unwrap();
            p[number] = lent.as_ptr().cast_mut();
            expect(&format!("{what} read-only"), Kind::Rights, catch(|| call(case, &p)));
            drop(lent);
            blocks.iter().for_each(Block::end);
        }
    }
}

fn main() {
    galeed::set_policy(Policy::Unwind).expect("the runtime starts");
    let (calls, plain) = (rows(&raw const call_list), rows(&raw const plain_list));
    for (case, oracle) in calls.iter().zip(&plain) {
        // SAFETY: a string of the table.
        let name = unsafe { CStr::from_ptr(case.name) }.to_str().unwrap();
        println!("{name}");
        let right = on_raw_memory(oracle);
        let raw = on_raw_memory(case);
        if case.varies == 0 {
            assert_eq!(raw, right, "{name}: rewritten, raw memory");
        }
        on_leases(case, name, 0, &right);
        on_leases(case, name, PAGES, &right);
    }
    by_hand::all();
    println!("all {} functions as they should be", calls.len());
}
