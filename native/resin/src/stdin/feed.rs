//! The pipe (or the socket) to a process that reads its stdin, and what waits to go into it: writes of the owner and of resin, and what the owner puts
//! into a pipe that goes on into this one. Knows the order of all that; does not know who is told.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;

use mio::Interest;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::unistd::write;

use super::relay::{RELAY_PIPE_BYTES, Relay, Standstill};
use super::{Lent, Progress};
use crate::event_loop::{EventLoop, Source};
use crate::handover::hand_over;
use crate::pipe_path::PipePath;

/// What the pipe of a flood holds; the most that anybody may ask for by default.
const FLOOD_PIPE_BYTES: i32 = 1024 * 1024;

/// What the pipe of a flood holds while its owner writes to it alone: more would be out of the processor's cache when it is read, less is soon full.
const LENT_PIPE_BYTES: i32 = 256 * 1024;

/// An owner that has written so much in large writes gets a pipe of ours: it is for a flood, and costs a conversation a process on its way.
const RELAY_AFTER_BYTES: u64 = 512 * 1024;
const LARGE_WRITE_BYTES: usize = 16 * 1024;

/// How much of a flood one turn may move before the owner's commands are looked at again.
const MOVED_BYTES_PER_TURN: u64 = 1024 * 1024;

/// A pipe and what waits to be written to it.
#[derive(Debug)]
pub struct Feed {
    pub(super) pipe: OwnedFd,
    pub(super) window_bytes: u64,
    pub(super) waiting_bytes: u64,
    pub(super) waiting: VecDeque<Waiting>,
    pub(super) closing: Vec<u32>,
    pub(super) is_closing: bool,
    pub(super) last: Option<u8>,
    pub(super) writable: bool,
    pub(super) widened: bool,
    /// It is a socket: it has no size to be changed, and no path by which it could be opened.
    is_socket: bool,
    /// Buffers of writes that are done: in a flood the next need them at once, and new ones would cost a page fault for every page.
    pub(super) spare: Vec<Vec<u8>>,
    /// The owner writes to it; nothing wakes for it.
    lent: bool,
    /// The owner's own pipe into this one.
    relay: Option<Relay>,
    /// How much must have come through that before this one is closed.
    closes_behind_bytes: u64,
    /// Bytes that came in large writes.
    large_bytes: u64,
}

#[derive(Debug)]
pub struct Waiting {
    /// Whose write it is; `None` for resin's own.
    pub(super) id: Option<u32>,
    pub(super) total_bytes: u64,
    pub(super) rest: Vec<u8>,
    pub(super) rest_at: usize,
    /// How much must have come through the owner's own pipe before: what was in it when this was taken.
    behind_bytes: u64,
}

impl Feed {
    pub(super) fn new(pipe: OwnedFd, window_bytes: u32, is_socket: bool) -> Self {
        Self {
            pipe,
            window_bytes: u64::from(window_bytes),
            waiting_bytes: 0,
            waiting: VecDeque::new(),
            closing: Vec::new(),
            is_closing: false,
            last: None,
            writable: true,
            widened: is_socket,
            is_socket,
            spare: Vec::new(),
            lent: false,
            relay: None,
            closes_behind_bytes: 0,
            large_bytes: 0,
        }
    }

    /// Takes one write of the owner: what the pipe takes at once is not copied, the rest waits.
    pub(super) fn take(&mut self, id: u32, data: &[u8]) {
        let mut written = 0;
        if self.waiting.is_empty() && self.relay.is_none() && self.writable && !data.is_empty() {
            match write(&self.pipe, data) {
                Ok(count) => {
                    written = count;
                    if count < data.len() {
                        written += self.widen_and_write(&data[count..]);
                    }
                }
                Err(Errno::EAGAIN) => self.writable = false,
                // Any other failure comes again in the pump, which answers it.
                Err(_) => {}
            }
        }
        if data.len() >= LARGE_WRITE_BYTES {
            self.large_bytes += data.len() as u64;
        }
        self.waiting_bytes += data.len() as u64;
        let mut rest = self.spare.pop().unwrap_or_default();
        rest.clear();
        rest.extend_from_slice(&data[written..]);
        self.push(Some(id), data, rest);
    }

    /// Takes bytes of resin's own.
    pub(super) fn add(&mut self, data: &[u8]) {
        self.push(None, data, data.to_vec());
    }

    fn push(&mut self, id: Option<u32>, data: &[u8], rest: Vec<u8>) {
        self.last = data.last().copied().or(self.last);
        let total_bytes = if id.is_some() { data.len() as u64 } else { 0 };
        let behind_bytes = self.relay.as_ref().map_or(0, Relay::end_bytes);
        self.waiting.push_back(Waiting { id, total_bytes, rest, rest_at: 0, behind_bytes });
    }

    /// Nothing is taken from now on; what the owner has written by now still is.
    pub(super) fn close(&mut self) {
        if !std::mem::replace(&mut self.is_closing, true) {
            self.closes_behind_bytes = self.relay.as_ref().map_or(0, Relay::end_bytes);
        }
    }

    pub(super) fn is_relayed(&self) -> bool {
        self.relay.is_some()
    }

    pub(super) fn relay_woken(&mut self) {
        if let Some(relay) = &mut self.relay {
            relay.ready = true;
        }
    }

    /// Lets the owner write to the pipe, to one that goes on into it, or to the socket. `None` unless everything taken so far is in it.
    ///
    /// One that the process reads itself would wake the sidecar at every read, although that is none of its business: it is not watched any more.
    pub(super) fn lend(&mut self, to: Option<&[u8]>, events: &EventLoop) -> Option<Lent> {
        if self.is_closing || !self.waiting.is_empty() {
            return None;
        }
        if self.is_socket {
            let inode = hand_over(&self.pipe, to?).ok()?;
            self.stop_watching(events)?;
            return Some(Lent { path: None, inode });
        }
        let PipePath { path, inode } = self.lend_pipe(events)?;
        Some(Lent { path: Some(path), inode })
    }

    fn lend_pipe(&mut self, events: &EventLoop) -> Option<PipePath> {
        if let Some(path) = self.lend_relay(events) {
            return Some(path);
        }
        let path = PipePath::of(&self.pipe).ok()?;
        self.stop_watching(events)?;
        // As large as it was will do: a user's share of pipe memory may be used up, or more than that be in it.
        let _ = self.widened.then(|| fcntl(&self.pipe, FcntlArg::F_SETPIPE_SZ(LENT_PIPE_BYTES)));
        Some(path)
    }

    fn stop_watching(&mut self, events: &EventLoop) -> Option<()> {
        if !self.lent {
            events.unwatch(&self.pipe).ok()?;
            self.lent = true;
        }
        Some(())
    }

    /// Both pipes must be large, or each waits for the other all the time.
    fn lend_relay(&mut self, events: &EventLoop) -> Option<PipePath> {
        if self.lent || self.large_bytes < RELAY_AFTER_BYTES {
            return None;
        }
        if self.relay.is_none() {
            let relay = Relay::new().ok()?;
            self.widened = true;
            fcntl(&self.pipe, FcntlArg::F_SETPIPE_SZ(RELAY_PIPE_BYTES)).ok()?;
            events.watch(Source::Relay, relay.reader(), Interest::READABLE).ok()?;
            self.relay = Some(relay);
        }
        PipePath::of(self.relay.as_ref()?.reader()).ok()
    }

    pub(super) fn watch_if_waiting(&mut self, events: &EventLoop) {
        if self.lent && !self.waiting.is_empty() {
            self.lent = events.watch(Source::Stdin, &self.pipe, Interest::WRITABLE).is_err();
        }
    }

    /// A pipe that could not take what the window allows gets larger, once; what then fits is not copied. Answers how much that was.
    fn widen_and_write(&mut self, rest: &[u8]) -> usize {
        if std::mem::replace(&mut self.widened, true)
            || fcntl(&self.pipe, FcntlArg::F_SETPIPE_SZ(FLOOD_PIPE_BYTES)).is_err()
        {
            return 0;
        }
        write(&self.pipe, rest).unwrap_or(0)
    }

    /// Writes and moves what the pipe takes, in order; answers whether nothing of what was taken is left.
    ///
    /// # Errors
    /// What the pipe answers; EPIPE when nobody reads it.
    pub(super) fn write_waiting(&mut self, progress: &mut Progress) -> Result<bool, Errno> {
        let mut moved_bytes = 0;
        loop {
            let next_bytes = self.waiting.front().map(|waiting| waiting.behind_bytes);
            let until_bytes = next_bytes.or(self.is_closing.then_some(self.closes_behind_bytes));
            if !self.move_until(until_bytes.unwrap_or(u64::MAX), &mut moved_bytes, progress)? {
                return Ok(false);
            }
            let Some(first) = self.waiting.front_mut() else { break };
            while first.rest_at < first.rest.len() && self.writable {
                match write(&self.pipe, &first.rest[first.rest_at..]) {
                    Ok(count) => first.rest_at += count,
                    Err(Errno::EAGAIN) => self.writable = false,
                    Err(Errno::EINTR) => {}
                    Err(errno) => return Err(errno),
                }
            }
            if first.rest_at < first.rest.len() {
                return Ok(false);
            }
            self.waiting_bytes -= first.total_bytes;
            progress.wrote = first.id.or(progress.wrote);
            let written = self.waiting.pop_front().filter(|waiting| waiting.rest.capacity() > 0);
            self.spare.extend(written.map(|waiting| waiting.rest));
        }
        // The queue's own memory is given back with the last write.
        self.waiting.shrink_to_fit();
        Ok(true)
    }

    /// Moves what the owner has written itself, as much as this turn still may; answers whether all before `until_bytes` is in the pipe.
    fn move_until(&mut self, until_bytes: u64, moved_bytes: &mut u64, progress: &mut Progress) -> Result<bool, Errno> {
        let Some(relay) = &mut self.relay else { return Ok(true) };
        while self.writable && relay.moved_bytes < until_bytes {
            if *moved_bytes >= MOVED_BYTES_PER_TURN {
                progress.more = true;
                break;
            }
            let before_bytes = relay.moved_bytes;
            let limit = (until_bytes - before_bytes).min(MOVED_BYTES_PER_TURN) as usize;
            match relay.move_into(&self.pipe, limit)? {
                None => *moved_bytes += relay.moved_bytes - before_bytes,
                Some(Standstill::Empty) => break,
                Some(Standstill::Full) => self.writable = false,
            }
        }
        Ok(relay.moved_bytes >= until_bytes)
    }
}
