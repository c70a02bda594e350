//! Components whose library is C++: exceptions, containers, and globals that one of them spoils for all.

use galeed::component::{Client, Component, Failure, Parcel, Stack};
use std::ffi::{c_char, c_long};

unsafe extern "C-unwind" {
    fn words_turn(text: *mut c_char, bytes: usize) -> c_long;
    fn words_corrupt(to: usize);
    fn words_reset();
}

/// Turns the words of each message around, and keeps in its state how often their first one came.
/// A message that begins with '!' has its library corrupted: its table then leads to the state.
fn speaker(name: &str) -> Result<Component, Failure> {
    Component::start(name, Stack::Thread, Parcel::new(8)?, |work| {
        if work.message.first() == Some(&b'!') {
            let address = work.state.as_ptr().expose_provenance();
            // SAFETY: none: the library's own state is broken afterwards.
            galeed::catch(|| unsafe { words_corrupt(address) })?;
            return Ok(());
        }
        let mut copy = work.message.to_vec();
        // SAFETY: the length is the buffer's. Nothing of the closure's has a destructor.
        let count = galeed::catch(|| unsafe { words_turn(copy.as_mut_ptr().cast(), copy.len()) })?;
        work.message.copy_from_slice(&copy);
        work.state.copy_from_slice(&count.to_le_bytes());
        Ok(())
    })
}

fn said(client: &Client, words: &str) -> String {
    let asked = Parcel::holding(words.as_bytes()).map_err(Failure::from);
    match asked.and_then(|message| client.request(message)) {
        Ok(mut answer) => match answer.open() {
            Ok(open) => String::from_utf8_lossy(&open).into_owned(),
            Err(error) => error.to_string(),
        },
        Err(Failure::Violation(violation)) => format!("{:?} violation", violation.kind),
        Err(failure) => failure.to_string(),
    }
}

/// The same of a component on a stack of the host's: there nothing stands between C++ and the host's frames.
pub fn words_on_a_host_stack() -> Result<(), Failure> {
    let component = Component::start("far", Stack::Host(0), Parcel::new(8)?, |work| {
        crate::calls::words_far(work.message);
        Ok(())
    })?;
    println!("{}", said(&component.client(), "far"));
    println!("{}", said(&component.client(), " none"));
    Ok(())
}

/// One line a request.
pub fn words() -> Result<(), Failure> {
    let [good, throws, number] = ["good", "throws", "number"].map(speaker);
    let (good, throws, number) = (good?, throws?, number?);
    println!("{}", said(&good.client(), "one two three"));
    println!("{}", said(&throws.client(), " none"));
    println!("{}", said(&number.client(), "number of words"));
    println!("{}", said(&throws.client(), "again"));
    println!(
        "{}",
        said(
            &good.client(),
            "one more with words that no small string holds"
        )
    );
    // C++'s globals are the library's, whoever calls it: what one spoils stops the next that follows them.
    let (spoils, next) = (speaker("spoils")?, speaker("next")?);
    println!("{}", said(&spoils.client(), "!").len());
    println!("{}", said(&next.client(), "one"));
    // SAFETY: makes the library's table anew.
    unsafe { words_reset() };
    println!("{}", said(&good.client(), "one"));
    let mut counts = Vec::new();
    for component in [good, spoils] {
        let mut state = component.stop().state?;
        counts.push(c_long::from_le_bytes(
            *state.open()?.first_chunk().expect("eight bytes"),
        ));
    }
    println!("{counts:?} groups-left={}", {
        drop((throws.stop(), number.stop(), next.stop()));
        galeed_mpk::key_statistics().groups
    });
    Ok(())
}
