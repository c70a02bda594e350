//! Components and messages that move between their domains: scenarios for tests/integration/test_components.py.

mod calls;
mod victim;
mod words;

use galeed::component::{Client, Component, Failure, Parcel, Stack};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

#[cfg(feature = "isolated")]
#[global_allocator]
static HEAP: galeed::Heap = galeed::Heap;

pub fn usage() -> ! {
    eprintln!(
        "components: traffic thread|host COMPONENTS CLIENTS REQUESTS, wild PLACE thread|host, \
         failures, children PATIENCE_MS, trespass, or words [thread|host]"
    );
    std::process::exit(2)
}

fn stack_of(word: Option<&String>) -> Stack {
    match word.map(String::as_str) {
        Some("thread") => Stack::Thread,
        Some("host") => Stack::Host(0),
        _ => usage(),
    }
}

/// Each message visits three components; every byte of every answer is compared.
fn client(number: usize, requests: usize, components: &[Client]) -> Result<[u64; 2], Failure> {
    let (mut visits, mut sum) = (0, 0);
    for request in 0..requests {
        let step = number * requests + request;
        // Private leases are slow on mprotect: few are long, and those are mapped.
        let bytes = if step % 4 == 3 {
            4096 + step * 7919 % 5000
        } else {
            1 + step * 7919 % 40
        };
        let content: Vec<u8> = (0..bytes)
            .map(|at| ((at * 31 + step) % 255 + 1) as u8)
            .collect();
        let mut message = Parcel::holding(&content)?;
        let mut expected = content;
        for visit in 0..3 {
            // A first byte of 0 asks for mischief; a turned 255 would be one.
            if expected[0] == 0 {
                break;
            }
            sum += expected.iter().map(|byte| u64::from(*byte)).sum::<u64>();
            visits += 1;
            message = components[(step + visit * 5) % components.len()].request(message)?;
            expected.iter_mut().for_each(|byte| *byte = !*byte);
            assert_eq!(
                *message.open()?,
                expected[..],
                "client {number}, request {request}"
            );
        }
    }
    Ok([visits, sum])
}

fn traffic(stack: Stack, numbers: [usize; 3]) -> Result<(), Failure> {
    let [components, clients, requests] = numbers;
    let running = (0..components)
        .map(|number| victim::worker(&format!("worker {number}"), stack))
        .collect::<Result<Vec<Component>, _>>()?;
    let ways: Vec<Client> = running.iter().map(Component::client).collect();
    let asked: Vec<_> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..clients)
            .map(|number| {
                scope.spawn({
                    let ways = &ways;
                    move || client(number, requests, ways)
                })
            })
            .collect();
        let done = all.into_iter().map(|each| each.join().expect("no panic"));
        done.collect::<Result<Vec<_>, _>>()
    })?;
    let mut seen = [0, 0];
    for component in running {
        let mut state = component.stop().state?;
        let (count, sum) = calls::counted(&state.open()?);
        seen = [seen[0] + count, seen[1] + sum];
    }
    let total = |at: usize| asked.iter().map(|each| each[at]).sum::<u64>();
    assert_eq!(seen, [total(0), total(1)], "what the components counted");
    let groups = galeed_mpk::key_statistics().groups;
    println!("visits={} groups-left={groups}", seen[0]);
    Ok(())
}

fn failures() -> Result<(), Failure> {
    for how in 0..3 {
        let component = victim::worker("unlucky", Stack::Thread)?;
        let told = victim::misbehave(&component.client(), how).map(drop);
        let after = component.client().request(Parcel::new(9)?).map(drop);
        let left = component.stop().state.map(drop);
        for each in [told, after, left] {
            match each {
                Err(Failure::Violation(violation)) => print!("{:?}; ", violation.kind),
                Err(failure) => print!("{failure}; "),
                Ok(()) => print!("nothing; "),
            }
        }
        println!();
    }
    println!("groups-left={}", galeed_mpk::key_statistics().groups);
    Ok(())
}

/// Child processes of a component that stops and of one that fails. Each line: how, and what is left.
fn children(patience: Duration) -> Result<(), Failure> {
    const STUBBORN: &str = "trap '' TERM; echo ready; while :; do sleep 0.05; done";
    const OBEDIENT: &str = "echo ready; exec sleep 1000";
    const CLOSING: &str = "echo ready; cat";
    for fails in [false, true] {
        let component = Component::start("parent", Stack::Thread, Parcel::new(1)?, move |work| {
            work.children.patience(patience);
            for script in [STUBBORN, OBEDIENT, CLOSING] {
                let mut child = Command::new("sh")
                    .args(["-c", script])
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .spawn()
                    .map_err(|error| Failure::Handler(error.to_string()))?;
                let mut line = String::new();
                let output = child.stdout.take().expect("piped");
                let _ = BufReader::new(output).read_line(&mut line);
                work.children.adopt(child);
                assert_eq!(line, "ready\n");
            }
            assert!(!fails, "as it was asked to");
            Ok(())
        })?;
        let answered = component.client().request(Parcel::new(1)?).is_ok();
        let stopped = component.stop();
        let ways: Vec<_> = stopped.children.iter().map(|each| each.how).collect();
        let gone = |each: &galeed::component::Ended| {
            !std::path::Path::new(&format!("/proc/{}", each.process)).exists()
        };
        let gone = stopped.children.iter().all(gone);
        println!("answered={answered} {ways:?} gone={gone}");
    }
    Ok(())
}

/// Rust's own unsafe code in a component is held off too: not a violation, but the end.
fn trespass() -> Result<(), Failure> {
    let mut closed = Parcel::new(1)?;
    let address = closed.open()?.as_ptr() as usize;
    let component = Component::start("bad", Stack::Thread, Parcel::new(1)?, move |work| {
        // SAFETY: none, that is the point.
        work.message[0] = unsafe { (address as *const u8).read_volatile() };
        Ok(())
    })?;
    component.client().request(Parcel::new(1)?)?;
    println!("not stopped");
    Ok(())
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let rest = words.get(1..).unwrap_or_default();
    galeed::set_policy(galeed::Policy::Unwind).expect("the policy can be set");
    let number = |at: usize| rest.get(at).and_then(|word| word.parse::<usize>().ok());
    let done = match words.first().map(String::as_str) {
        Some("traffic") => {
            let numbers = [1, 2, 3].map(|at| number(at).unwrap_or_else(|| usage()));
            traffic(stack_of(rest.first()), numbers)
        }
        Some("wild") => victim::wild(rest.first().map_or("", |word| word), stack_of(rest.get(1))),
        Some("failures") => failures(),
        Some("children") => {
            let milliseconds = number(0).unwrap_or_else(|| usage());
            children(Duration::from_millis(milliseconds as u64))
        }
        Some("trespass") => trespass(),
        Some("words") => match rest.first() {
            Some(_) if stack_of(rest.first()) != Stack::Thread => words::words_on_a_host_stack(),
            _ => words::words(),
        },
        _ => usage(),
    };
    if let Err(failure) = done {
        eprintln!("components: {failure}");
        std::process::exit(1);
    }
}
