//! A Monoio server, a thread a core, whose tasks call C, and the load that shows that nothing is lost.
//!
//! `server load CORES CONNECTIONS REQUESTS BYTES`: both in one process.
//! `server serve CORES`: says its port, serves until its standard input ends.
//! `server drive PORT CONNECTIONS REQUESTS BYTES`: the load alone, C in each task.
//! `harden` before the others: part `deputy` first, which leaves no io_uring.

// What tasks have done in C is what Tokio's have.
#[path = "../../../async/server/src/calls.rs"]
mod calls;
mod client;
mod service;

use client::Plan;
use monoio::{FusionDriver, RuntimeBuilder};
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;

#[cfg(feature = "isolated")]
#[global_allocator]
static HEAP: galeed::Heap = galeed::Heap;
#[cfg(all(feature = "isolated", not(feature = "bare-system-calls")))]
galeed::waiting_system_calls!();

fn number(words: &[String], at: usize) -> usize {
    words
        .get(at)
        .and_then(|word| word.parse().ok())
        .unwrap_or_else(|| {
            eprintln!("server: number {at} is missing");
            std::process::exit(2)
        })
}

/// Runs it on a runtime of this thread.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    RuntimeBuilder::<FusionDriver>::new()
        .enable_timer()
        .build()
        .expect("a runtime")
        .block_on(future)
}

/// A thread a core, each with a listener and a datagram socket of its own; their addresses.
fn start(cores: usize, shared: &Arc<service::Shared>) -> Vec<[SocketAddr; 2]> {
    let (tell, told) = std::sync::mpsc::channel();
    for _ in 0..cores {
        let (tell, shared) = (tell.clone(), shared.clone());
        std::thread::spawn(move || block_on(service::serve(tell, shared)));
    }
    (0..cores).map(|_| told.recv().expect("a core")).collect()
}

fn load(words: &[String]) {
    let shared = Arc::new(service::Shared::default());
    let cores = start(number(words, 0), &shared);
    let plan = Plan {
        connections: number(words, 1),
        requests: number(words, 2),
        bytes: number(words, 3),
        alone: false,
    };
    let got = block_on(client::drive(&cores, plan));
    let seen = shared.seen();
    println!(
        "answered={} bytes={} violations={} calls={} reports={} datagrams={} files={} threads={} uring={}",
        got.answered,
        got.bytes,
        got.refused,
        seen.calls,
        seen.reports,
        seen.datagrams,
        seen.files,
        seen.woken,
        monoio::utils::detect_uring()
    );
}

#[cfg(feature = "isolated")]
fn harden() {
    let policy = "deputy".parse().expect("a policy");
    galeed::harden(&policy).expect("part deputy");
}
#[cfg(not(feature = "isolated"))]
fn harden() {}

fn main() {
    #[cfg(feature = "isolated")]
    galeed::set_policy(galeed::Policy::Unwind).expect("the policy can be set");
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    if words.first().is_some_and(|word| word == "harden") {
        words.remove(0);
        harden();
    }
    let rest = words.get(1..).unwrap_or_default();
    match words.first().map(String::as_str) {
        Some("load") => load(rest),
        Some("serve") => {
            let cores = start(number(rest, 0), &Arc::default());
            let ports: Vec<_> = cores
                .iter()
                .map(|[tcp, _]| tcp.port().to_string())
                .collect();
            println!("{}", ports.join(" "));
            std::io::stdout().flush().expect("a reader");
            let _ = std::io::stdin().read(&mut [0]);
        }
        Some("drive") => {
            let plan = Plan {
                connections: number(rest, 0),
                requests: number(rest, 1),
                bytes: number(rest, 2),
                alone: true,
            };
            let ports = rest.get(3..).unwrap_or_default().iter();
            let address =
                |port: &String| SocketAddr::from(([127, 0, 0, 1], port.parse().expect("a port")));
            let cores: Vec<_> = ports.map(|port| [address(port); 2]).collect();
            println!("{}", block_on(client::drive(&cores, plan)).answered);
        }
        _ => {
            eprintln!("server: load, serve or drive");
            std::process::exit(2);
        }
    }
}
