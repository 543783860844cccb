//! One output stream of the process: read once for every frame, held back by its window, given up at its end.
//! Knows the pipe, or our side of a terminal; does not know the other stream, the owner's connection or what the process is doing.

use std::os::fd::OwnedFd;

use mio::Interest;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::unistd::read;

use crate::event_loop::{EventLoop, Source};
use crate::flow::Window;
use crate::outbox::Outbox;
use crate::pipe_path::PipePath;

/// What a pipe holds unless it is told otherwise.
const DEFAULT_PIPE_BYTES: usize = 64 * 1024;

/// What the pipe of a flood holds; the most that anybody may ask for by default.
const FLOOD_PIPE_BYTES: i32 = 1024 * 1024;

/// Less than this at once is no flood any more.
const TRICKLE_BYTES: usize = 16 * 1024;
/// How much is read and forgotten before others have their turn.
const DISCARD_BYTES: usize = 1024 * 1024;

/// A stream is offered to the owner once it has flooded for so long, or come in so many pieces: an offer costs a few wake-ups.
const OFFER_AFTER_BYTES: usize = 1024 * 1024;
const OFFER_AFTER_FRAMES: usize = 64;

/// Who reads a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// The sidecar; in how many frames, and how many bytes of a flood were in them.
    Sidecar { frames: usize, flood_bytes: usize },
    /// The sidecar, until the owner takes it.
    Offered,
    /// The owner.
    Owner,
}

/// One output stream of the process.
#[derive(Debug)]
pub struct Output {
    stream: u8,
    pipe: Option<OwnedFd>,
    window: Window,
    readable: bool,
    writers_gone: bool,
    flooding: bool,
    widened: bool,
    is_terminal: bool,
    reader: Reader,
    /// Its end has come and was not announced yet.
    pub closed_unsaid: bool,
}

/// What one look at an output stream brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pumped {
    /// A frame of this many bytes is in the outbox.
    Frame(usize),
    /// Nothing can be read now: no data, no room in the window, or no stream.
    Nothing,
    /// The outbox is occupied.
    Occupied,
}

impl Output {
    /// Takes over our end of a pipe; `None` is `/dev/null`.
    pub fn new(stream: u8, pipe: Option<OwnedFd>, window_bytes: u32) -> Self {
        Self {
            stream,
            pipe,
            window: Window::new(window_bytes),
            readable: false,
            writers_gone: false,
            flooding: false,
            widened: false,
            is_terminal: false,
            reader: Reader::Sidecar { frames: 0, flood_bytes: 0 },
            closed_unsaid: false,
        }
    }

    /// Takes over our side of a terminal.
    pub fn of_terminal(stream: u8, master: Option<OwnedFd>, window_bytes: u32) -> Self {
        Self { is_terminal: true, ..Self::new(stream, master, window_bytes) }
    }

    /// 1 (stdout) or 2 (stderr).
    pub fn stream(&self) -> u8 {
        self.stream
    }

    /// The pipe, until its end.
    pub fn pipe(&self) -> Option<&OwnedFd> {
        self.pipe.as_ref()
    }

    /// The flow window.
    pub fn window(&mut self) -> &mut Window {
        &mut self.window
    }

    /// The poll says that there is something to read, or that the end may be near.
    pub fn woken(&mut self, writers_gone: bool) {
        self.readable = true;
        self.writers_gone |= writers_gone;
    }

    /// Reads once, straight into the outbox, no more than `at_most`. `whole` disregards the window.
    pub fn pump(&mut self, outbox: &mut Outbox, whole: bool, at_most: usize) -> Pumped {
        let room = if whole { usize::MAX } else { self.window.room_bytes().min(self.window.frame_bytes()) };
        let room = room.min(at_most);
        if !self.has_more() || room == 0 {
            return Pumped::Nothing;
        }
        if outbox.has_data() {
            return Pumped::Occupied;
        }
        if self.flooding
            && let Some(pumped) = self.splice(outbox, room)
        {
            return pumped;
        }
        let Some(pipe) = self.pipe.as_ref() else { return Pumped::Nothing };
        let Some(place) = outbox.output_place() else { return Pumped::Occupied };
        let wanted = place.len().min(room);
        match read(pipe, &mut place[..wanted]) {
            Ok(0) => self.ended(),
            Ok(count) => {
                // A short read has emptied the pipe: more data wakes again. Once the writers are gone nothing does, so the end is read for.
                self.readable = count == wanted || self.writers_gone;
                self.widen_for_floods(count);
                self.count(0);
                self.window.sent(count);
                outbox.output_read(self.stream, count);
                return Pumped::Frame(count);
            }
            Err(Errno::EAGAIN) => self.readable = false,
            Err(Errno::EINTR) => {}
            // Nobody has the terminal open any more. It is not given up as long as the process lives: that would hang it up, and whoever
            // closes its streams just before it ends would be killed by SIGHUP instead.
            Err(_) if self.is_terminal => self.readable = false,
            Err(_) => self.ended(),
        }
        Pumped::Nothing
    }

    /// Moves pages instead of bytes. A flood that has become a trickle is read again: that takes fewer calls.
    fn splice(&mut self, outbox: &mut Outbox, room: usize) -> Option<Pumped> {
        match outbox.splice_from(self.stream, self.pipe.as_ref()?, room) {
            Ok(0) => self.ended(),
            Ok(count) => {
                self.flooding = count >= TRICKLE_BYTES;
                self.count(count);
                self.window.sent(count);
                return Some(Pumped::Frame(count));
            }
            Err(Errno::EAGAIN) => self.readable = false,
            Err(_) => {
                self.flooding = false;
                return None;
            }
        }
        Some(Pumped::Nothing)
    }

    /// Where an owner can open the pipe, if it is worth its while and was not said before.
    pub fn offer(&mut self) -> Option<PipePath> {
        let pipe = self.pipe.as_ref().filter(|_| !self.is_terminal && !self.writers_gone)?;
        let Reader::Sidecar { frames, flood_bytes } = self.reader else { return None };
        if frames < OFFER_AFTER_FRAMES && flood_bytes < OFFER_AFTER_BYTES {
            return None;
        }
        self.reader = Reader::Offered;
        PipePath::of(pipe).ok()
    }

    /// Leaves the reading to the owner, who has opened the pipe. Answers whether it does: it must have been offered, and not be at its end.
    pub fn give(&mut self, events: &EventLoop) -> bool {
        let Some(pipe) = self.pipe.as_ref().filter(|_| self.reader == Reader::Offered && !self.writers_gone) else {
            return false;
        };
        // Every write would wake the sidecar, although it is none of its business.
        let given = events.unwatch(pipe).is_ok();
        if given {
            self.reader = Reader::Owner;
        }
        given
    }

    /// Reads again what the owner had taken.
    pub fn take_back(&mut self, events: &EventLoop) {
        let Some(pipe) = self.pipe.as_ref().filter(|_| self.reader == Reader::Owner) else { return };
        self.reader = Reader::Offered;
        self.readable = true;
        let source = if self.stream == 1 { Source::Stdout } else { Source::Stderr };
        // Where that fails the process may block on its output until its grace is over.
        let _ = events.watch(source, pipe, Interest::READABLE);
    }

    /// Reads and forgets what there is, a limited amount at a time: nobody will ever hear it, but the process must not block on it while it ends.
    /// Answers how many bytes it was.
    pub fn discard(&mut self) -> usize {
        let mut sink = [0; 4096];
        let mut total = 0;
        while let Some(pipe) = self.pipe.as_ref().filter(|_| self.readable && total < DISCARD_BYTES) {
            match read(pipe, &mut sink) {
                Ok(0) => self.ended(),
                Ok(count) => total += count,
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => self.readable = false,
                Err(_) if self.is_terminal => self.readable = false,
                Err(_) => self.ended(),
            }
        }
        total
    }

    /// Whether its reading waits for the owner to consume what it has.
    pub fn is_held_back(&self) -> bool {
        self.pipe.is_some() && self.reader != Reader::Owner && self.window.room_bytes() == 0
    }

    /// Whether a read may bring more.
    pub fn has_more(&self) -> bool {
        self.pipe.is_some() && self.readable && self.reader != Reader::Owner
    }

    /// The tree is empty: what is in the pipe is all that will come, and is read to its end.
    pub fn no_more_writers(&mut self) {
        self.readable = true;
        self.writers_gone = true;
    }

    /// Gives the stream up after its last byte.
    pub fn finish(&mut self) {
        if self.pipe.is_some() {
            self.ended();
        }
    }

    /// Gives a process that filled its pipe a larger one: fewer wake-ups for the same bytes. Memory is only used for what is in it.
    fn widen_for_floods(&mut self, count: usize) {
        self.flooding = count >= DEFAULT_PIPE_BYTES;
        if self.flooding && !std::mem::replace(&mut self.widened, true) {
            // A user's share of pipe memory may be used up; the pipe is as good as before then.
            let _ = self.pipe.as_ref().map(|pipe| fcntl(pipe, FcntlArg::F_SETPIPE_SZ(FLOOD_PIPE_BYTES)));
        }
    }

    fn count(&mut self, flood: usize) {
        if let Reader::Sidecar { frames, flood_bytes } = &mut self.reader {
            *frames += 1;
            *flood_bytes += flood;
        }
    }

    fn ended(&mut self) {
        self.pipe = None;
        self.readable = false;
        self.closed_unsaid = true;
    }
}
