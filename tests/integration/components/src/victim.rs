//! One component whose C goes wild, and another that has something to lose.

use crate::calls;
use galeed::component::{Client, Component, Failure, Parcel, Pending, Stack, Work};
use std::sync::mpsc::{Receiver, Sender, channel};

const BYTES: usize = 64;
const WITNESS: u8 = 0x5a;

/// What the victim has: addresses of `BYTES` bytes each.
pub const PLACES: [&str; 4] = ["state", "message", "heap", "stack"];

struct Victim {
    component: Component,
    /// Told while it is amid a request, with its state and its message open.
    places: Receiver<[usize; 4]>,
    go_on: Sender<()>,
}

fn victim(stack: Stack) -> Result<Victim, Failure> {
    let (tell, places) = channel();
    let (go_on, wait) = channel();
    let heap = vec![WITNESS; BYTES];
    let component = Component::start("victim", stack, Parcel::holding(&[WITNESS; BYTES])?, {
        move |work: Work<'_>| {
            let on_stack = std::hint::black_box([WITNESS; BYTES]);
            let mine = [&*work.state, &*work.message, &heap, &on_stack];
            tell.send(mine.map(|each| each.as_ptr() as usize))
                .expect("somebody listens");
            wait.recv().expect("somebody says when");
            // Foreign code may have changed what no reference of this program has.
            let intact = mine.map(|each| {
                // SAFETY: still as long and alive as they were.
                let all = |at| unsafe { each.as_ptr().add(at).read_volatile() } == WITNESS;
                (0..BYTES).all(all)
            });
            work.message[..4].copy_from_slice(&intact.map(u8::from));
            Ok(())
        }
    })?;
    Ok(Victim {
        component,
        places,
        go_on,
    })
}

/// Works honestly, but on an empty message: goes wild there, or in another way.
pub fn worker(name: &str, stack: Stack) -> Result<Component, Failure> {
    let state = Parcel::new(calls::STATE_BYTES)?;
    Component::start(name, stack, state, move |work| {
        if work.message.first() != Some(&0) {
            calls::honest(stack, work.state, work.message)?;
            return Ok(());
        }
        let word = &work.message[1..9];
        let address = usize::from_le_bytes(word.try_into().expect("eight bytes"));
        match address {
            0 => calls::too_far(&mut Vec::from([0; BYTES]))?,
            1 => panic!("as it was asked to"),
            2 => return Err(Failure::Handler("as it was asked to".into())),
            _ => calls::wild(stack, address, BYTES)?,
        }
        work.message[0] = 1;
        Ok(())
    })
}

/// Nothing comes of it where the worker is stopped.
pub fn misbehave(worker: &Client, how: usize) -> Result<Parcel, Failure> {
    let mut message = vec![0];
    message.extend(how.to_le_bytes());
    worker.request(Parcel::holding(&message)?)
}

fn works(client: &Client) -> Result<(), Failure> {
    let mut answer = client.request(Parcel::holding(b"honest")?)?;
    assert!(
        answer
            .open()?
            .iter()
            .zip(b"honest")
            .all(|(is, was)| *is == !was)
    );
    Ok(())
}

/// Says for the place whether the write was stopped, and what became of the victim's.
pub fn wild(place: &str, stack: Stack) -> Result<(), Failure> {
    let at = PLACES.iter().position(|each| *each == place);
    let at = at.unwrap_or_else(|| crate::usage());
    let bad = worker("bad", stack)?;
    works(&bad.client())?;
    let victim = victim(stack)?;
    let message = Parcel::holding(&[WITNESS; BYTES])?;
    let pending: Pending = victim.component.client().submit(message)?;
    let places = victim.places.recv().expect("the victim tells");
    let outcome = misbehave(&bad.client(), places[at]);
    victim.go_on.send(()).expect("the victim waits");
    let mut answer = pending.wait()?;
    let intact: Vec<_> = answer.open()?[..4].to_vec();
    let lost = PLACES.iter().zip(intact).filter(|(_, intact)| *intact == 0);
    let lost: Vec<_> = lost.map(|(name, _)| *name).collect();
    match outcome {
        Err(Failure::Violation(violation)) => println!("stopped: {:?}", violation.kind),
        Ok(_) => println!("not stopped"),
        Err(other) => return Err(other),
    }
    println!("lost: {}", lost.join(" "));
    // The victim goes on; the bad one is over, and has a successor.
    let next = victim.component.client();
    let again = next.submit(Parcel::holding(&[WITNESS; BYTES])?)?;
    victim.places.recv().expect("it works on");
    victim.go_on.send(()).expect("it waits");
    again.wait()?;
    victim.component.stop().state?;
    let over = works(&bad.client()).is_err() && bad.stop().state.is_err();
    let successor = worker("bad", stack)?;
    works(&successor.client())?;
    successor.stop().state?;
    println!("over: {over}");
    Ok(())
}
