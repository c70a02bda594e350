//! The end, with one line that says why. No heap, no locks: it may run in
//! foreign code, with every right closed.

use crate::runtime;
use core::fmt::{self, Write};

const LINE_BYTES: usize = 512;

struct Line {
    text: [u8; LINE_BYTES],
    used: usize,
}

impl Write for Line {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        let room = LINE_BYTES - self.used;
        let taken = piece.len().min(room);
        self.text[self.used..self.used + taken].copy_from_slice(&piece.as_bytes()[..taken]);
        self.used += taken;
        Ok(())
    }
}

/// Writes `galeed: ` and the message to stderr, in one system call.
pub(crate) fn say(message: fmt::Arguments<'_>) {
    let mut line = Line {
        text: [0; LINE_BYTES],
        used: 0,
    };
    // Line::write_str never fails.
    let _ = writeln!(line, "galeed: {message}");
    runtime::say(&line.text[..line.used]);
}

/// Says it, then aborts.
#[cold]
pub(crate) fn fatal(message: fmt::Arguments<'_>) -> ! {
    say(message);
    runtime::abort();
}
