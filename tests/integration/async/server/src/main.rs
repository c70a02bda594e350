//! A Tokio server whose tasks call C, and the load that shows that nothing is lost.
//!
//! `server load CONNECTIONS REQUESTS BYTES`: both in one process.
//! `server serve`: says its port, serves until its standard input ends, says what it used.
//! `server tally TASKS`: objects of C++ that tasks own, and exceptions of C++ in tasks.
//! `server drive PORT CONNECTIONS REQUESTS BYTES KIND`: the load alone.

mod calls;
mod client;
mod refused;
mod service;
#[cfg(feature = "isolated")]
mod tally;

use std::io::{Read, Write};
use std::sync::Arc;
use tokio::net::TcpListener;

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

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .max_blocking_threads(4)
        .enable_all()
        .build()
        .expect("a runtime")
}

async fn load(words: &[String]) {
    let shared = Arc::new(service::Shared::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let address = listener.local_addr().expect("bound");
    let serving = tokio::spawn(service::serve(listener, shared.clone()));
    let plan = client::Plan {
        connections: number(words, 0),
        requests: number(words, 1),
        bytes: number(words, 2),
        kind: None,
    };
    let got = client::drive(address, plan).await;
    serving.abort();
    let seen = shared.seen();
    println!(
        "answered={} bytes={} violations={} calls={} reports={} moved={} blocking={}",
        got.answered,
        got.bytes,
        got.refused,
        seen.calls,
        seen.reports,
        seen.moved > 0,
        seen.blocking
    );
}

fn main() {
    #[cfg(feature = "isolated")]
    galeed::set_policy(galeed::Policy::Unwind).expect("the policy can be set");
    let words: Vec<String> = std::env::args().skip(1).collect();
    let rest = words.get(1..).unwrap_or_default();
    match words.first().map(String::as_str) {
        Some("load") => runtime().block_on(load(rest)),
        Some("serve") => {
            let runtime = runtime();
            let listener = runtime
                .block_on(TcpListener::bind("127.0.0.1:0"))
                .expect("loopback");
            println!("{}", listener.local_addr().expect("bound").port());
            std::io::stdout().flush().expect("a reader");
            runtime.spawn(service::serve(listener, Arc::default()));
            let _ = std::io::stdin().read(&mut [0]);
        }
        #[cfg(feature = "isolated")]
        Some("tally") => runtime().block_on(tally::run(number(rest, 0))),
        Some("drive") => {
            let port = u16::try_from(number(rest, 0)).expect("a port");
            let plan = client::Plan {
                connections: number(rest, 1),
                requests: number(rest, 2),
                bytes: number(rest, 3),
                kind: Some(u8::try_from(number(rest, 4)).expect("a kind")),
            };
            let got = runtime().block_on(client::drive(([127, 0, 0, 1], port).into(), plan));
            println!("{}", got.answered);
        }
        _ => {
            eprintln!("server: load, serve, drive or tally");
            std::process::exit(2);
        }
    }
}
