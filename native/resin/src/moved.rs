//! One frame of a flood: output that goes from the process's pipe to the owner's connection without being read.
//! Knows pipes and the front of an `output` frame; does not know what else waits to be sent, or whose turn it is.

use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, SpliceFFlags, fcntl, splice};
use nix::unistd::{pipe2, write};

use crate::wire::codec::{OUTPUT_HEADER_BYTES, write_output_header};

/// What the pipes for moved output hold. A pipe counts in pages, filled or not: what was in the first, and a header, always fit into the second.
const COUNTED_PIPE_BYTES: i32 = 512 * 1024;
const FRAMED_PIPE_BYTES: i32 = 1024 * 1024;

/// A frame whose bytes were moved out of the process's pipe without being read.
///
/// They go through two pipes of our own: into the first, since only then is their number known and nobody can take them away again, and behind
/// their header into the second, so that the connection gets both at once: a header alone would wake the owner for nothing.
#[derive(Debug)]
pub struct Moved {
    counted: (OwnedFd, OwnedFd),
    framed: (OwnedFd, OwnedFd),
    /// Bytes in the second pipe, the header's included.
    pub left: usize,
    /// Whether some of them are on their way, so that nothing may come between.
    pub begun: bool,
}

impl Moved {
    /// Makes the two pipes.
    ///
    /// # Errors
    /// What `pipe2(2)` and `fcntl(2)` answer, for instance ENFILE.
    pub fn new() -> Result<Self, Errno> {
        Ok(Self { counted: pipe(COUNTED_PIPE_BYTES)?, framed: pipe(FRAMED_PIPE_BYTES)?, left: 0, begun: false })
    }

    /// Makes a frame of at most `limit` bytes of `pipe`, once the last one is gone. Answers how many bytes; 0 at the pipe's end.
    ///
    /// # Errors
    /// What `splice(2)` answers; EAGAIN when there is nothing in it.
    pub fn take(&mut self, stream: u8, pipe: impl AsFd, limit: usize) -> Result<usize, Errno> {
        let count = move_pages(pipe, &self.counted.1, limit)?;
        if count == 0 {
            return Ok(0);
        }
        let mut header = [0; OUTPUT_HEADER_BYTES];
        let at = write_output_header(&mut header, stream, count);
        self.left = write(&self.framed.1, &header[at..])? + count;
        self.begun = false;
        let mut moved = 0;
        while moved < count {
            moved += move_pages(&self.counted.0, &self.framed.1, count - moved)?;
        }
        Ok(count)
    }

    /// The pipe from which the frame goes to the owner.
    pub fn framed(&self) -> &OwnedFd {
        &self.framed.0
    }
}

fn pipe(bytes: i32) -> Result<(OwnedFd, OwnedFd), Errno> {
    let pipe = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
    fcntl(&pipe.1, FcntlArg::F_SETPIPE_SZ(bytes))?;
    Ok(pipe)
}

/// Moves at most `limit` bytes from pipe to pipe or from pipe to connection.
///
/// # Errors
/// What `splice(2)` answers.
pub fn move_pages(from: impl AsFd, to: impl AsFd, limit: usize) -> Result<usize, Errno> {
    splice(from, None, to, None, limit, SpliceFFlags::SPLICE_F_NONBLOCK | SpliceFFlags::SPLICE_F_MOVE)
}
