//! The way into the process: takes writes in order, never waits for the pipe, and says which writes are wholly in it.
//! Knows the pipe and the owner's window; does not know the wire or the rest of the process.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;

use mio::Interest;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::unistd::write;

use crate::event_loop::{EventLoop, Source};
use crate::pipe_path::PipePath;

/// What the pipe of a flood holds; the most that anybody may ask for by default.
const FLOOD_PIPE_BYTES: i32 = 1024 * 1024;

/// What the pipe of a flood holds while its owner writes to it: more would be out of the processor's cache when it is read, less is soon full.
const LENT_PIPE_BYTES: i32 = 256 * 1024;

/// The stdin of one process.
#[derive(Debug)]
pub enum Stdin {
    /// `/dev/null`.
    Null,
    /// A pipe that can be written to.
    Open(Feed),
    /// A pipe that was closed because the owner asked for it.
    Closed,
    /// A pipe whose reader is gone.
    Gone,
}

/// A pipe and what waits to be written to it.
#[derive(Debug)]
pub struct Feed {
    pipe: OwnedFd,
    window_bytes: u64,
    waiting_bytes: u64,
    waiting: VecDeque<Waiting>,
    closing: Vec<u32>,
    is_closing: bool,
    last: Option<u8>,
    writable: bool,
    widened: bool,
    /// The owner writes to it; nothing wakes for it.
    lent: bool,
    /// Buffers of writes that are done: in a flood the next need them at once, and new ones would cost a page fault for every page.
    spare: Vec<Vec<u8>>,
}

#[derive(Debug)]
struct Waiting {
    /// Whose write it is; `None` for resin's own.
    id: Option<u32>,
    total_bytes: u64,
    rest: Vec<u8>,
    rest_at: usize,
}

/// Why a write was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Stdin is `/dev/null`, or closed, or about to be.
    NotOpen,
    /// Its reader is gone.
    Gone,
    /// More than the window allows; the owner broke the protocol.
    BeyondWindow,
}

/// What became of requests, to be answered.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// This write and all before it are wholly in the pipe.
    pub wrote: Option<u32>,
    /// These writes will never be.
    pub failed: Vec<u32>,
    /// These requests to close are done.
    pub closed: Vec<u32>,
    /// The reader turned out to be gone.
    pub gone: bool,
    /// It is closed although nobody asked for that by a request.
    pub closed_unasked: bool,
}

impl Stdin {
    /// Takes over our end of a pipe.
    pub fn piped(pipe: OwnedFd, window_bytes: u32) -> Self {
        Self::Open(Feed {
            pipe,
            window_bytes: u64::from(window_bytes),
            waiting_bytes: 0,
            waiting: VecDeque::new(),
            closing: Vec::new(),
            is_closing: false,
            last: None,
            writable: true,
            widened: false,
            lent: false,
            spare: Vec::new(),
        })
    }

    /// The pipe, while it is open.
    pub fn pipe(&self) -> Option<&OwnedFd> {
        match self {
            Stdin::Open(feed) => Some(&feed.pipe),
            _ => None,
        }
    }

    /// Takes one write. What the pipe takes at once is not copied; the rest waits. Call [`Stdin::pump`] afterwards.
    ///
    /// # Errors
    /// When it cannot be taken; nothing of it is written then.
    pub fn write(&mut self, id: u32, data: &[u8]) -> Result<(), Refusal> {
        let feed = match self {
            Stdin::Null | Stdin::Closed => return Err(Refusal::NotOpen),
            Stdin::Gone => return Err(Refusal::Gone),
            Stdin::Open(feed) if feed.is_closing => return Err(Refusal::NotOpen),
            Stdin::Open(feed) => feed,
        };
        if feed.waiting_bytes + data.len() as u64 > feed.window_bytes {
            return Err(Refusal::BeyondWindow);
        }
        let mut written = 0;
        if feed.waiting.is_empty() && feed.writable && !data.is_empty() {
            match write(&feed.pipe, data) {
                Ok(count) => {
                    written = count;
                    if count < data.len() {
                        written += feed.widen_and_write(&data[count..]);
                    }
                }
                Err(Errno::EAGAIN) => feed.writable = false,
                // Any other failure comes again in the pump, which answers it.
                Err(_) => {}
            }
        }
        feed.waiting_bytes += data.len() as u64;
        feed.last = data.last().copied().or(feed.last);
        let mut rest = feed.spare.pop().unwrap_or_default();
        rest.clear();
        rest.extend_from_slice(&data[written..]);
        feed.waiting.push_back(Waiting { id: Some(id), total_bytes: data.len() as u64, rest, rest_at: 0 });
        Ok(())
    }

    /// Lets the owner write to the pipe itself. `None` unless everything taken so far is in it.
    ///
    /// Every read of the process would wake the sidecar, although it is none of its business: the pipe is not watched any more.
    pub fn lend(&mut self, events: &EventLoop) -> Option<PipePath> {
        let Stdin::Open(feed) = self else { return None };
        if feed.is_closing || !feed.waiting.is_empty() {
            return None;
        }
        let path = PipePath::of(&feed.pipe).ok()?;
        if !feed.lent {
            events.unwatch(&feed.pipe).ok()?;
            feed.lent = true;
        }
        // As large as it was will do: a user's share of pipe memory may be used up, or more than that be in it.
        let _ = feed.widened.then(|| fcntl(&feed.pipe, FcntlArg::F_SETPIPE_SZ(LENT_PIPE_BYTES)));
        Some(path)
    }

    /// Watches a lent pipe again if something waits for it.
    pub fn watch_if_waiting(&mut self, events: &EventLoop) {
        if let Stdin::Open(feed) = self
            && feed.lent
            && !feed.waiting.is_empty()
        {
            feed.lent = events.watch(Source::Stdin, &feed.pipe, Interest::WRITABLE).is_err();
        }
    }

    /// Takes bytes of resin's own, behind everything that waits and beside the window. Call [`Stdin::pump`] afterwards.
    ///
    /// # Errors
    /// When they cannot be taken.
    pub fn add(&mut self, data: &[u8]) -> Result<(), Refusal> {
        match self {
            Stdin::Null | Stdin::Closed => Err(Refusal::NotOpen),
            Stdin::Gone => Err(Refusal::Gone),
            Stdin::Open(feed) if feed.is_closing => Err(Refusal::NotOpen),
            Stdin::Open(feed) => {
                feed.last = data.last().copied().or(feed.last);
                feed.waiting.push_back(Waiting { id: None, total_bytes: 0, rest: data.to_vec(), rest_at: 0 });
                Ok(())
            }
        }
    }

    /// The last byte that was taken.
    pub fn last_byte(&self) -> Option<u8> {
        if let Stdin::Open(feed) = self { feed.last } else { None }
    }

    /// Closes once everything before is written; answers whether it is closed already.
    pub fn close(&mut self, id: u32) -> bool {
        match self {
            Stdin::Open(feed) => {
                feed.closing.push(id);
                feed.is_closing = true;
                false
            }
            _ => true,
        }
    }

    /// Bytes of memory held for writes to come.
    pub fn held_bytes(&self) -> usize {
        match self {
            Stdin::Open(feed) => feed.spare.iter().map(Vec::capacity).sum(),
            _ => 0,
        }
    }

    /// Gives that memory back.
    pub fn release(&mut self) {
        if let Stdin::Open(feed) = self {
            feed.spare = Vec::new();
        }
    }

    /// Closes, without an answer, once everything before is written.
    pub fn close_unasked(&mut self) {
        if let Stdin::Open(feed) = self {
            feed.is_closing = true;
        }
    }

    /// The poll says that the pipe may take more.
    pub fn woken(&mut self) {
        if let Stdin::Open(feed) = self {
            feed.writable = true;
        }
    }

    /// Writes what the pipe takes, and closes it if that is due.
    pub fn pump(&mut self) -> Progress {
        let Stdin::Open(feed) = self else { return Progress::default() };
        let mut progress = Progress::default();
        match feed.write_waiting(&mut progress) {
            Ok(()) if feed.waiting.is_empty() && feed.is_closing => {
                progress.closed = std::mem::take(&mut feed.closing);
                progress.closed_unasked = progress.closed.is_empty();
                *self = Stdin::Closed;
            }
            Ok(()) => {}
            Err(_) => self.break_off(&mut progress),
        }
        progress
    }

    /// The reader is gone, or will never read again: everything that waits fails.
    pub fn reader_gone(&mut self) -> Progress {
        let mut progress = Progress::default();
        self.break_off(&mut progress);
        progress
    }

    fn break_off(&mut self, progress: &mut Progress) {
        if let Stdin::Open(feed) = self {
            progress.failed = feed.waiting.iter().filter_map(|waiting| waiting.id).collect();
            progress.closed = std::mem::take(&mut feed.closing);
            progress.gone = true;
            *self = Stdin::Gone;
        }
    }
}

impl Feed {
    /// A pipe that could not take what the window allows gets larger, once; what then fits is not copied. Answers how much that was.
    fn widen_and_write(&mut self, rest: &[u8]) -> usize {
        if std::mem::replace(&mut self.widened, true)
            || fcntl(&self.pipe, FcntlArg::F_SETPIPE_SZ(FLOOD_PIPE_BYTES)).is_err()
        {
            return 0;
        }
        write(&self.pipe, rest).unwrap_or(0)
    }

    fn write_waiting(&mut self, progress: &mut Progress) -> Result<(), Errno> {
        while let Some(first) = self.waiting.front_mut() {
            while first.rest_at < first.rest.len() && self.writable {
                match write(&self.pipe, &first.rest[first.rest_at..]) {
                    Ok(count) => first.rest_at += count,
                    Err(Errno::EAGAIN) => self.writable = false,
                    Err(Errno::EINTR) => {}
                    Err(errno) => return Err(errno),
                }
            }
            if first.rest_at < first.rest.len() {
                return Ok(());
            }
            self.waiting_bytes -= first.total_bytes;
            progress.wrote = first.id.or(progress.wrote);
            let written = self.waiting.pop_front().filter(|waiting| waiting.rest.capacity() > 0);
            self.spare.extend(written.map(|waiting| waiting.rest));
        }
        // The queue's own memory is given back with the last write.
        self.waiting.shrink_to_fit();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::fcntl::{FcntlArg, OFlag, fcntl};
    use nix::unistd::{pipe, read};

    /// A pipe of one page that is not made larger.
    fn piped(window_bytes: u32) -> (OwnedFd, Stdin) {
        let (reader, mut stdin) = widening(window_bytes);
        let Stdin::Open(feed) = &mut stdin else { unreachable!("it was just opened") };
        feed.widened = true;
        (reader, stdin)
    }

    fn widening(window_bytes: u32) -> (OwnedFd, Stdin) {
        let (reader, writer) = pipe().unwrap();
        fcntl(&writer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
        fcntl(&writer, FcntlArg::F_SETPIPE_SZ(4096)).unwrap();
        (reader, Stdin::piped(writer, window_bytes))
    }

    #[test]
    fn a_pipe_that_could_not_take_a_write_is_made_larger_once() {
        let (reader, mut stdin) = widening(20_000);
        stdin.write(1, &[b'x'; 6000]).unwrap();
        assert_eq!(stdin.pump(), Progress { wrote: Some(1), ..Progress::default() });
        assert_eq!(read(&reader, &mut [0; 8192]), Ok(6000));
    }

    #[test]
    fn one_answer_stands_for_all_writes_that_are_in_the_pipe() {
        let (_reader, mut stdin) = piped(100);
        for id in 5..8 {
            stdin.write(id, b"abc").unwrap();
        }
        assert_eq!(stdin.pump(), Progress { wrote: Some(7), ..Progress::default() });
        assert_eq!(stdin.pump(), Progress::default());
    }

    #[test]
    fn a_full_pipe_is_not_waited_for_and_closing_comes_last() {
        let (reader, mut stdin) = piped(20_000);
        stdin.write(1, &[b'x'; 6000]).unwrap();
        assert!(!stdin.close(2));
        assert_eq!(stdin.write(3, b"late"), Err(Refusal::NotOpen));
        assert_eq!(stdin.pump(), Progress::default());
        let mut buffer = [0; 8192];
        assert_eq!(read(&reader, &mut buffer), Ok(4096));
        stdin.woken();
        assert_eq!(stdin.pump(), Progress { wrote: Some(1), closed: vec![2], ..Progress::default() });
        assert_eq!(read(&reader, &mut buffer), Ok(1904));
        assert_eq!(read(&reader, &mut buffer), Ok(0));
    }

    #[test]
    fn writes_beyond_the_window_are_refused_until_earlier_ones_are_in_the_pipe() {
        let (reader, mut stdin) = piped(6000);
        stdin.write(1, &[b'x'; 6000]).unwrap();
        assert_eq!(stdin.write(2, b"y"), Err(Refusal::BeyondWindow));
        read(&reader, &mut [0; 8192]).unwrap();
        stdin.woken();
        assert_eq!(stdin.pump().wrote, Some(1));
        stdin.write(2, b"y").unwrap();
    }

    #[test]
    fn bytes_of_its_own_come_in_order_and_have_no_answer() {
        let (reader, mut stdin) = piped(3);
        stdin.write(1, b"abc").unwrap();
        stdin.add(b"quit").unwrap();
        assert_eq!(stdin.last_byte(), Some(b't'));
        stdin.close_unasked();
        assert_eq!(stdin.add(b"late"), Err(Refusal::NotOpen));
        assert_eq!(stdin.pump(), Progress { wrote: Some(1), closed_unasked: true, ..Progress::default() });
        let mut buffer = [0; 8192];
        assert_eq!(read(&reader, &mut buffer), Ok(7));
        assert_eq!((&buffer[..7], read(&reader, &mut [0])), (&b"abcquit"[..], Ok(0)));
    }

    #[test]
    fn a_reader_that_is_gone_fails_everything_that_waits() {
        let (reader, mut stdin) = piped(20_000);
        stdin.write(1, &[b'x'; 6000]).unwrap();
        stdin.write(2, b"y").unwrap();
        stdin.close(3);
        drop(reader);
        stdin.woken();
        assert_eq!(stdin.pump(), Progress { failed: vec![1, 2], closed: vec![3], gone: true, ..Progress::default() });
        assert_eq!(stdin.write(4, b"z"), Err(Refusal::Gone));
        assert!(stdin.close(5));
    }
}
