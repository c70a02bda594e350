//! What Rust's runtime does at its start, in panics, on its platform and in threads, over
//! foreign code: one case a word, in a process of its own. test_runtime.py says what comes out.

mod foreign;
mod panics;
mod platform;
mod startup;
mod threads;

#[global_allocator]
static HEAP: galeed::Heap = galeed::Heap;

const CASES: &[(&str, fn())] = &[
    ("early", startup::early),
    ("own", startup::own),
    ("arguments", startup::arguments),
    ("panic-callback", panics::callback),
    ("panic-inside", panics::inside),
    ("panic-thread", panics::thread),
    ("panic-closed", panics::closed_callback),
    ("panic-double", panics::double),
    ("panic-said", panics::said),
    ("exception", panics::foreign),
    ("exception-twice", panics::foreign_twice),
    ("exception-closed", panics::foreign_closed),
    ("violation", panics::violation),
    ("overflow-main", platform::overflow_main),
    ("overflow-thread", platform::overflow_thread),
    ("overflow-callback", platform::overflow_callback),
    ("overflow-c", platform::overflow_c),
    ("overflow-c-thread", platform::overflow_c_thread),
    ("overflow-cxx", platform::overflow_cxx),
    ("overflow-cxx-thread", platform::overflow_cxx_thread),
    ("signal-counts", platform::signal_counts),
    ("signal-heap-in-host", platform::signal_heap_in_host),
    ("signal-heap-in-c", platform::signal_heap_in_c),
    ("signal-as-host", platform::signal_as_host),
    ("signal-of-c", platform::signal_of_c),
    ("pipes", platform::pipes),
    ("processes", platform::processes),
    ("forks", platform::forks),
    ("fork-peeks", platform::fork_peeks),
    ("threads", threads::threads),
    ("under-c", threads::under_c),
    ("locals", threads::locals),
    ("started-by-c", threads::started_by_c),
    ("locals-of-c", threads::locals_of_c),
    ("peeks", threads::peeks),
    ("channels", threads::channels),
    ("parking", threads::parking),
];

fn main() {
    let word = std::env::args().nth(1).unwrap_or_default();
    let case = CASES.iter().find(|(name, _)| *name == word);
    let (_, run) = case.unwrap_or_else(|| panic!("no case {word:?}"));
    run();
}
