//! Waits for whatever can wake a sidecar: its owner, a signal, the report of a start, the three pipes.
//! Knows mio and descriptors; does not know what a wake-up makes anybody do.
//!
//! mio's readiness is edge-triggered: whoever is woken keeps a flag until the kernel answers EAGAIN. Waking up early is allowed, waking up twice too.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use mio::event::Event;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

/// What can wake a sidecar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The connection, or the half of it that is read.
    Owner = 0,
    /// The half of the connection that is written, where it is a descriptor of its own.
    OwnerOutput = 1,
    /// The signalfd.
    Signals = 2,
    /// The report of a process on its way to `execve`.
    Report = 3,
    /// The process's stdin.
    Stdin = 4,
    /// Its stdout.
    Stdout = 5,
    /// Its stderr.
    Stderr = 6,
    /// The memory of the process's group of version 1.
    Memory = 7,
    /// The pipe of a flood on its way to the process's stdin.
    Relay = 8,
}

const SOURCES: [Source; 9] = [
    Source::Owner,
    Source::OwnerOutput,
    Source::Signals,
    Source::Report,
    Source::Stdin,
    Source::Stdout,
    Source::Stderr,
    Source::Memory,
    Source::Relay,
];

/// One wake-up: who, and what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wake {
    /// Who.
    pub source: Source,
    /// Reading will not answer EAGAIN.
    pub readable: bool,
    /// Writing will not answer EAGAIN.
    pub writable: bool,
    /// The other side is gone for reading: after what is left to read, it has ended.
    pub read_closed: bool,
    /// The other side is gone for writing.
    pub write_closed: bool,
}

/// One mio poll. Made after the fork: an epoll set is shared across one.
#[derive(Debug)]
pub struct EventLoop {
    poll: Poll,
    events: Events,
}

impl EventLoop {
    /// Makes an empty one.
    ///
    /// # Errors
    /// What `epoll_create1(2)` answers.
    pub fn new() -> io::Result<Self> {
        Ok(Self { poll: Poll::new()?, events: Events::with_capacity(SOURCES.len()) })
    }

    /// Wakes for this descriptor from now on, until it is closed; also when it is ready already.
    ///
    /// # Errors
    /// What `epoll_ctl(2)` answers; EPERM for a regular file.
    pub fn watch(&self, source: Source, fd: impl AsFd, interest: Interest) -> io::Result<()> {
        let raw = fd.as_fd().as_raw_fd();
        self.poll.registry().register(&mut SourceFd(&raw), Token(source as usize), interest)
    }

    /// Wakes for something else of a descriptor that is watched; also when it is ready for that already.
    ///
    /// # Errors
    /// What `epoll_ctl(2)` answers.
    pub fn rewatch(&self, source: Source, fd: impl AsFd, interest: Interest) -> io::Result<()> {
        let raw = fd.as_fd().as_raw_fd();
        self.poll.registry().reregister(&mut SourceFd(&raw), Token(source as usize), interest)
    }

    /// Wakes for this descriptor no more.
    ///
    /// # Errors
    /// What `epoll_ctl(2)` answers; ENOENT for one that was not watched.
    pub fn unwatch(&self, fd: impl AsFd) -> io::Result<()> {
        self.poll.registry().deregister(&mut SourceFd(&fd.as_fd().as_raw_fd()))
    }

    /// Waits until somebody wakes or the time is over, and gives back who did.
    ///
    /// # Errors
    /// What `epoll_wait(2)` answers, other than EINTR, which counts as waking up early.
    pub fn wait(&mut self, timeout: Option<Duration>) -> io::Result<impl Iterator<Item = Wake>> {
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.events.clear(),
            outcome => outcome?,
        }
        Ok(self.events.iter().map(wake_of))
    }
}

fn wake_of(event: &Event) -> Wake {
    let broken = event.is_error();
    Wake {
        source: SOURCES[event.token().0],
        readable: event.is_readable() || event.is_read_closed() || broken,
        writable: event.is_writable() || event.is_write_closed() || broken,
        read_closed: event.is_read_closed() || broken,
        write_closed: event.is_write_closed() || broken,
    }
}
