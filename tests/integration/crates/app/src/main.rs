//! One thing a call, so that each runs in a process of its own.
#[global_allocator]
static HEAP: galeed::Heap = galeed::Heap;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("work") => {
            let mut small = vec![0u8; 40];
            app::fill(&mut small, 9);
            let text = "isolated ".repeat(5000);
            assert_eq!(app::through_zlib(text.as_bytes()), text.as_bytes());
            // SAFETY: takes and keeps nothing.
            let seven = unsafe { app::app_seven() };
            println!(
                "{} {} {}",
                app::words(&text),
                small.iter().map(|b| u32::from(*b)).sum::<u32>(),
                seven
            );
        }
        Some("overflow") => {
            let mut small = vec![0u8; 40];
            // SAFETY: none: this is the mistake that galeed is for.
            unsafe { app::app_fill(small.as_mut_ptr(), 41, 1) };
            println!("unnoticed");
        }
        Some("stale") => {
            let object = Box::new(5i64);
            // SAFETY: none: this is the mistake that galeed is for.
            unsafe {
                app::app_remember(&raw const *object as usize);
                app::app_use_remembered();
            }
            println!("unnoticed {object}");
        }
        Some("exit") => std::process::exit(arguments[1].parse().expect("a number")),
        Some("kill") => std::process::abort(),
        _ => println!("{arguments:?}"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn cxx_counts() {
        assert_eq!(app::words("two words"), 2);
        assert_eq!(app::words(""), 0);
    }
}
