//! Processes that end with their component: asked first, then told, then killed.
//!
//! Invariant: whichever way the component ended, each process that it adopted has been
//! waited for when [`Children::end`] returns, so that neither it nor its remains stay.
//! Processes that a child started itself are the child's business.

use core::ffi::c_int;
use core::time::Duration;
use std::process::{Child, ExitStatus};
use std::time::Instant;

const SIGTERM: c_int = 15;
const PAUSE: Duration = Duration::from_millis(2);
/// How long a child has to end, each time that it is asked.
const PATIENCE: Duration = Duration::from_secs(2);

unsafe extern "C" {
    fn kill(process: c_int, signal: c_int) -> c_int;
}

/// How a child process came to end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum How {
    /// It had ended before, or did so when its standard input was closed.
    ByItself,
    /// Behind SIGTERM.
    Terminated,
    /// By SIGKILL.
    Killed,
}

/// A child process that has ended and was waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ended {
    /// Its number, which may be another's by now.
    pub process: u32,
    /// What it took.
    pub how: How,
    /// What it left.
    pub status: ExitStatus,
}

/// The processes of one component.
#[derive(Debug)]
pub struct Children {
    alive: Vec<Child>,
    ended: Vec<Ended>,
    patience: Duration,
}

impl Default for Children {
    fn default() -> Self {
        Self {
            alive: Vec::new(),
            ended: Vec::new(),
            patience: PATIENCE,
        }
    }
}

impl Children {
    /// Has the process end with the component at the latest. Standard streams that are
    /// needed are taken out of `child` before; an input that is left in it is closed then.
    pub fn adopt(&mut self, child: Child) {
        self.alive.push(child);
    }

    /// How long each child has to end, each time that it is asked.
    pub fn patience(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// All that have ended by now are in the list that is returned.
    pub(super) fn end(mut self) -> Vec<Ended> {
        for child in &mut self.alive {
            drop(child.stdin.take());
        }
        self.wait(How::ByItself);
        for child in &self.alive {
            // SAFETY: it was not waited for, so the number is still its own.
            unsafe { kill(child.id().cast_signed(), SIGTERM) };
        }
        self.wait(How::Terminated);
        for mut child in core::mem::take(&mut self.alive) {
            let process = child.id();
            // An error: it ended just now. Waiting for a child cannot fail for other reasons
            // than that the program ignores SIGCHLD: then nothing of it remains either.
            let _ = child.kill();
            if let Ok(status) = child.wait() {
                let how = How::Killed;
                let each = Ended {
                    process,
                    how,
                    status,
                };
                self.ended.push(each);
            }
        }
        self.ended
    }

    /// Until all have ended or it has been long enough.
    fn wait(&mut self, how: How) {
        let started = Instant::now();
        loop {
            let ended = &mut self.ended;
            self.alive.retain_mut(|child| match child.try_wait() {
                Ok(None) => true,
                Ok(Some(status)) => {
                    let process = child.id();
                    ended.push(Ended {
                        process,
                        how,
                        status,
                    });
                    false
                }
                Err(_) => false, // it is no child any more: the program ignores SIGCHLD
            });
            if self.alive.is_empty() || started.elapsed() >= self.patience {
                return;
            }
            std::thread::sleep(PAUSE);
        }
    }
}
