//! A pipe of resin's own that an owner writes to, and whose pages go on into the process's: the kernel lets one side of a pipe copy at a time, so with two
//! of them owner and process both do. Knows the two pipes; does not know who waits for what, or when anything is closed.

use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::pipe2;

use crate::kernel;
use crate::moved::move_pages;

/// What each of the two pipes holds; the most that anybody may ask for by default.
pub const RELAY_PIPE_BYTES: i32 = 1024 * 1024;

/// The owner's pipe.
#[derive(Debug)]
pub struct Relay {
    reader: OwnedFd,
    /// Keeps the pipe from looking ended while the owner has not opened it; nothing is written here.
    _writer: OwnedFd,
    /// Whether something may be in it.
    pub ready: bool,
    /// Bytes that went through so far.
    pub moved_bytes: u64,
}

/// Why nothing was moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standstill {
    /// The owner has written no more.
    Empty,
    /// The process's pipe takes no more.
    Full,
}

impl Relay {
    /// Makes the pipe.
    ///
    /// # Errors
    /// What `pipe2(2)` and `fcntl(2)` answer; EPERM when the user's share of pipe memory is used up.
    pub fn new() -> Result<Self, Errno> {
        let (reader, writer) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
        fcntl(&reader, FcntlArg::F_SETPIPE_SZ(RELAY_PIPE_BYTES))?;
        Ok(Self { reader, _writer: writer, ready: true, moved_bytes: 0 })
    }

    /// The end that is watched, and by which an owner finds the pipe.
    pub fn reader(&self) -> &OwnedFd {
        &self.reader
    }

    /// How many bytes will have gone through when all that is in it now has.
    pub fn end_bytes(&self) -> u64 {
        self.moved_bytes + self.waiting_bytes()
    }

    /// Moves at most `limit` bytes into `pipe`, at least one.
    ///
    /// # Errors
    /// What `splice(2)` answers; EPIPE when nobody reads `pipe`.
    pub fn move_into(&mut self, pipe: impl AsFd, limit: usize) -> Result<Option<Standstill>, Errno> {
        if !self.ready {
            return Ok(Some(Standstill::Empty));
        }
        let mut was_waiting = false;
        loop {
            match move_pages(&self.reader, &pipe, limit) {
                Ok(count) => {
                    self.moved_bytes += count as u64;
                    return Ok(None);
                }
                Err(Errno::EINTR) => {}
                // One answer for both sides. What was there before the kernel said it again nobody else has taken: then it is the process's pipe.
                Err(Errno::EAGAIN) if was_waiting => return Ok(Some(Standstill::Full)),
                Err(Errno::EAGAIN) => {
                    was_waiting = self.waiting_bytes() > 0;
                    if !was_waiting {
                        self.ready = false;
                        return Ok(Some(Standstill::Empty));
                    }
                }
                Err(errno) => return Err(errno),
            }
        }
    }

    fn waiting_bytes(&self) -> u64 {
        kernel::bytes_in_pipe(&self.reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::unistd::{pipe, read, write};

    fn relay_and_pipe() -> (Relay, OwnedFd, OwnedFd) {
        let (reader, writer) = pipe().unwrap();
        fcntl(&writer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
        fcntl(&writer, FcntlArg::F_SETPIPE_SZ(4096)).unwrap();
        (Relay::new().unwrap(), reader, writer)
    }

    #[test]
    fn it_says_which_side_it_waits_for() {
        let (mut relay, reader, writer) = relay_and_pipe();
        write(&relay._writer, &[b'x'; 5000]).unwrap();
        assert_eq!(relay.end_bytes(), 5000);
        assert_eq!(relay.move_into(&writer, 10_000), Ok(None));
        assert_eq!(relay.moved_bytes, 4096);
        assert_eq!(relay.move_into(&writer, 10_000), Ok(Some(Standstill::Full)));
        assert_eq!(read(&reader, &mut [0; 8192]), Ok(4096));
        assert_eq!(relay.move_into(&writer, 10_000), Ok(None));
        assert_eq!(relay.move_into(&writer, 10_000), Ok(Some(Standstill::Empty)));
        assert_eq!((relay.moved_bytes, relay.end_bytes(), relay.ready), (5000, 5000, false));
    }

    #[test]
    fn no_more_than_was_asked_for_goes_through() {
        let (mut relay, reader, writer) = relay_and_pipe();
        write(&relay._writer, b"abcdef").unwrap();
        assert_eq!(relay.move_into(&writer, 2), Ok(None));
        let mut buffer = [0; 8];
        assert_eq!(read(&reader, &mut buffer), Ok(2));
        assert_eq!((&buffer[..2], relay.moved_bytes, relay.end_bytes()), (&b"ab"[..], 2, 6));
    }

    #[test]
    fn a_reader_that_is_gone_is_an_error() {
        let (mut relay, reader, writer) = relay_and_pipe();
        write(&relay._writer, b"abc").unwrap();
        drop(reader);
        assert_eq!(relay.move_into(&writer, 10), Err(Errno::EPIPE));
    }
}
