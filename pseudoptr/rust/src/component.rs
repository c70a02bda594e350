//! Components: threads with a command channel, each with its state in a domain of its own.
//!
//! A component's state is a [`Parcel`]: pages under a virtual key that its thread has
//! only while it works on a request. A message is a parcel too: who sends one gives it
//! away, so that it belongs to one domain at a time. Foreign code that a component calls
//! through gates has rights on no parcel, its own component's neither: what it is to work
//! on is lent from the heap, or copied.
//!
//! Invariant: a component that failed (a violation, a panic, an error of its handler)
//! works on nothing more; its thread ends, what waits for it hears of it, and its child
//! processes are ended.
//!
//! Attacker: the C of one component, with arbitrary reads and writes to what foreign code
//! may touch. That includes C's own heap and statics, mapped leases, and the stacks of
//! components on [`Stack::Thread`]; `pseudoptr/docs/runtime/components.md` says it all.

mod children;
mod parcel;

pub use children::{Children, Ended, How};
pub use parcel::{Open, Parcel};

use crate::Violation;
use crate::runtime::catch_panic;
use core::any::Any;
use core::fmt;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

/// Requests that wait for a component before who sends one more waits too.
const QUEUE: usize = 64;

/// Why a component did not answer.
#[derive(Clone, Debug)]
pub enum Failure {
    /// Its foreign code was stopped.
    Violation(Box<Violation>),
    /// Its handler panicked, with this message.
    Panic(String),
    /// Its handler said so, in these words.
    Handler(String),
    /// The runtime refused: no memory, no virtual key, no hardware key for a long time.
    Refused(galeed_mpk::Error),
    /// No thread could be had.
    Thread(String),
    /// It has stopped, or failed before.
    Stopped,
}

impl From<Violation> for Failure {
    fn from(violation: Violation) -> Self {
        Self::Violation(Box::new(violation))
    }
}

impl From<galeed_mpk::Error> for Failure {
    fn from(error: galeed_mpk::Error) -> Self {
        Self::Refused(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Violation(violation) => write!(f, "the component's foreign code: {violation}"),
            Self::Panic(message) => write!(f, "the component panicked: {message}"),
            Self::Handler(message) => write!(f, "the component failed: {message}"),
            Self::Refused(error) => write!(f, "{error}"),
            Self::Thread(message) => write!(f, "no thread for the component: {message}"),
            Self::Stopped => f.write_str("the component has stopped"),
        }
    }
}

impl core::error::Error for Failure {}

/// Where a component's Rust frames lie.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stack {
    /// On the thread's own stack, which every component's foreign code can reach.
    /// Foreign code is called through gates and may hold pseudo-pointers.
    Thread,
    /// On a stack of so many bytes (0: 1 MiB) inside the host domain, which none reaches.
    /// Foreign code is called by `galeed_mpk::call` alone, without pseudo-pointers.
    Host(usize),
}

/// What a handler works with. The answer is written over the message.
#[derive(Debug)]
pub struct Work<'a> {
    /// The component's own.
    pub state: &'a mut [u8],
    /// Of whoever asked, and then again.
    pub message: &'a mut [u8],
    /// Processes that end with the component.
    pub children: &'a mut Children,
}

enum Command {
    Request(Parcel, Sender<Result<Parcel, Failure>>),
    Stop,
}

/// A running component. Dropped without [`stop`](Self::stop), it is stopped all the same.
///
/// ```
/// # #[global_allocator] static HEAP: galeed::Heap = galeed::Heap;
/// use galeed::component::{Component, Parcel, Stack};
/// let counter = Component::start("counter", Stack::Thread, Parcel::new(1)?, |work| {
///     work.state[0] += work.message[0];
///     work.message[0] = work.state[0];
///     Ok(())
/// })?;
/// let answer = counter.client().request(Parcel::holding(&[40])?)?;
/// let mut answer = counter.client().request(answer)?;
/// assert_eq!(answer.open()?[0], 80);
/// let mut state = counter.stop().state?;
/// assert_eq!(state.open()?[0], 80);
/// # Ok::<(), galeed::component::Failure>(())
/// ```
#[derive(Debug)]
pub struct Component {
    client: Client,
    thread: Option<JoinHandle<Stopped>>,
}

/// What is left of a component.
#[derive(Debug)]
pub struct Stopped {
    /// Its state, for a successor; or why it failed. Then the state is gone, since
    /// nobody can say what it is worth.
    pub state: Result<Parcel, Failure>,
    /// How its child processes ended.
    pub children: Vec<Ended>,
}

impl Component {
    /// Starts a thread that calls `handler` for each request, in the order in which they came.
    ///
    /// # Errors
    /// [`Failure::Thread`]. That a host stack cannot be had is what the first request
    /// and [`stop`](Self::stop) are told.
    pub fn start<H>(name: &str, stack: Stack, state: Parcel, handler: H) -> Result<Self, Failure>
    where
        H: FnMut(Work<'_>) -> Result<(), Failure> + Send + 'static,
    {
        let (commands, queue) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                let mut children = Children::default();
                let body = || live(state, &queue, handler, &mut children);
                let state = match stack {
                    Stack::Thread => body(),
                    Stack::Host(bytes) => galeed_mpk::host_stack(bytes, body)
                        .unwrap_or_else(|error| Err(Failure::Refused(error))),
                };
                drop(queue); // who still waits hears of it before the children are waited for
                Stopped {
                    state,
                    children: children.end(),
                }
            })
            .map_err(|error| Failure::Thread(error.to_string()))?;
        Ok(Self {
            client: Client { commands },
            thread: Some(thread),
        })
    }

    /// A way to send requests, for any thread.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Ends the component behind the requests that were sent before, and its child
    /// processes. Waits for it: for ever, if its foreign code never returns.
    #[must_use]
    pub fn stop(mut self) -> Stopped {
        self.end().expect("it was not stopped before")
    }

    fn end(&mut self) -> Option<Stopped> {
        let thread = self.thread.take()?;
        let _ = self.client.commands.send(Command::Stop); // an error: it failed already
        Some(thread.join().unwrap_or_else(|panic| Stopped {
            state: Err(Failure::Panic(words(&*panic))),
            children: Vec::new(),
        }))
    }
}

impl Drop for Component {
    fn drop(&mut self) {
        self.end();
    }
}

/// Sends requests to one component.
#[derive(Clone, Debug)]
pub struct Client {
    commands: SyncSender<Command>,
}

impl Client {
    /// Gives the message away and waits for the answer, which comes in the same parcel.
    ///
    /// # Errors
    /// Why there is none; the message is gone with it.
    pub fn request(&self, message: Parcel) -> Result<Parcel, Failure> {
        self.submit(message)?.wait()
    }

    /// Gives the message away. Waits only where many requests wait before it.
    ///
    /// # Errors
    /// [`Failure::Stopped`].
    pub fn submit(&self, message: Parcel) -> Result<Pending, Failure> {
        let (reply, answer) = channel();
        let request = Command::Request(message, reply);
        let sent = self.commands.send(request);
        sent.map(|()| Pending { answer })
            .map_err(|_| Failure::Stopped)
    }
}

/// A request on its way.
#[must_use]
#[derive(Debug)]
pub struct Pending {
    answer: Receiver<Result<Parcel, Failure>>,
}

impl Pending {
    /// Waits for the answer.
    ///
    /// # Errors
    /// Why there is none.
    pub fn wait(self) -> Result<Parcel, Failure> {
        self.answer.recv().unwrap_or(Err(Failure::Stopped))
    }
}

/// The component's thread, until it is told to stop, nobody can tell it any more, or it fails.
fn live<H>(
    mut state: Parcel,
    queue: &Receiver<Command>,
    mut handler: H,
    children: &mut Children,
) -> Result<Parcel, Failure>
where
    H: FnMut(Work<'_>) -> Result<(), Failure>,
{
    while let Ok(Command::Request(mut message, reply)) = queue.recv() {
        let served = match parcel::open_two(&mut state, &mut message) {
            // It has not begun: the next may fare better.
            Err(refused) => {
                let _ = reply.send(Err(refused));
                continue;
            }
            Ok((mut state, mut message)) => catch_panic(|| {
                handler(Work {
                    state: &mut state,
                    message: &mut message,
                    children: &mut *children,
                })
            })
            .unwrap_or_else(|panic| Err(Failure::Panic(words(&*panic)))),
        };
        // An error of send: who asked has gone, and the parcel goes with it.
        match served {
            Ok(()) => drop(reply.send(Ok(message))),
            Err(failure) => {
                let _ = reply.send(Err(failure.clone()));
                return Err(failure);
            }
        }
    }
    Ok(state)
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    text.or(owned).unwrap_or("without words").to_owned()
}
