//! The way into the process: takes writes in order, never waits for the pipe (which may be a socket), and says which writes are wholly in it.
//! Knows the pipe and the owner's window; does not know the wire or the rest of the process.

use std::os::fd::OwnedFd;

use crate::event_loop::EventLoop;

mod feed;
mod relay;

use feed::Feed;

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

/// What the owner may write to now.
#[derive(Debug, PartialEq, Eq)]
pub struct Lent {
    /// Where it can open it; a socket was sent.
    pub path: Option<String>,
    /// What it has then.
    pub inode: u64,
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
    /// There is more to be moved: it is time for others to have their turn.
    pub more: bool,
}

impl Stdin {
    /// Takes over our end of a pipe.
    pub fn piped(pipe: OwnedFd, window_bytes: u32) -> Self {
        Self::Open(Feed::new(pipe, window_bytes, false))
    }

    /// Takes over our end of a pair of sockets, which is a pipe in every way but its size, and how it is lent.
    pub fn socket(end: OwnedFd, window_bytes: u32) -> Self {
        Self::Open(Feed::new(end, window_bytes, true))
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
        feed.take(id, data);
        Ok(())
    }

    /// Lets the owner, who takes a socket at `to`, write to the process, past this queue. `None` unless everything taken so far is in the pipe.
    pub fn lend(&mut self, to: Option<&[u8]>, events: &EventLoop) -> Option<Lent> {
        let Stdin::Open(feed) = self else { return None };
        feed.lend(to, events)
    }

    /// Watches a lent pipe again if something waits for it.
    pub fn watch_if_waiting(&mut self, events: &EventLoop) {
        if let Stdin::Open(feed) = self {
            feed.watch_if_waiting(events);
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
                feed.add(data);
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
                feed.close();
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
            feed.close();
        }
    }

    /// The poll says that the pipe may take more.
    pub fn woken(&mut self) {
        if let Stdin::Open(feed) = self {
            feed.writable = true;
        }
    }

    /// The poll says that the owner has written to a pipe that goes on into this one.
    pub fn relay_woken(&mut self) {
        if let Stdin::Open(feed) = self {
            feed.relay_woken();
        }
    }

    /// Writes what the pipe takes, and closes it if that is due.
    pub fn pump(&mut self) -> Progress {
        let Stdin::Open(feed) = self else { return Progress::default() };
        let mut progress = Progress::default();
        match feed.write_waiting(&mut progress) {
            Ok(true) if feed.is_closing => {
                progress.closed = std::mem::take(&mut feed.closing);
                progress.closed_unasked = progress.closed.is_empty();
                *self = Stdin::Closed;
            }
            Ok(_) => {}
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
            // Where it goes through a pipe of ours the owner sees that one break, as it would the process's own.
            progress.gone = !feed.is_relayed();
            *self = Stdin::Gone;
        }
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
