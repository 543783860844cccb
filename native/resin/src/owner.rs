//! The connection to the owner: reads frames from it, keeps what waits to be sent, and knows which of the two ways still lead somewhere.
//! Does not know what commands mean or what becomes of the tree when the owner is gone.

use std::io::IoSlice;
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::{SndBuf, SndBufForce};
use nix::unistd::{read, write};

use crate::moved::move_pages;
use crate::outbox::{Flushed, Outbox, Way};
use crate::wire::frame::FrameReader;
use crate::wire::messages::Event;

/// What the connection may hold during a flood.
const FLOOD_SOCKET_BYTES: usize = 1024 * 1024;

/// The descriptors of a connection, nonblocking.
#[derive(Debug)]
pub struct Connection {
    /// What is read.
    pub input: OwnedFd,
    /// What is written, where that is another descriptor.
    pub output: Option<OwnedFd>,
}

/// What one read brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// This many bytes, now in the inbox.
    Bytes(usize),
    /// Nothing for now.
    Nothing,
    /// The owner is gone.
    End,
}

/// The owner as far as a sidecar can see it.
#[derive(Debug)]
pub struct Owner {
    connection: Option<Connection>,
    /// Frames that came in.
    pub inbox: FrameReader,
    /// What waits to go out.
    pub outbox: Outbox,
    listening: bool,
    condemned: bool,
    input_ready: bool,
    output_ready: bool,
    widened: bool,
}

impl Owner {
    /// Takes a connection over; it counts as ready until the kernel says otherwise.
    pub fn new(connection: Connection) -> Self {
        Self {
            connection: Some(connection),
            inbox: FrameReader::default(),
            outbox: Outbox::default(),
            listening: true,
            condemned: false,
            input_ready: true,
            output_ready: true,
            widened: false,
        }
    }

    /// The connection, until it is closed.
    pub fn connection(&self) -> Option<&Connection> {
        self.connection.as_ref()
    }

    /// The poll says that there may be something to read, or room to write.
    pub fn woken(&mut self, readable: bool, writable: bool) {
        self.input_ready |= readable;
        self.output_ready |= writable;
    }

    /// Whether a read may bring something.
    pub fn has_input(&self) -> bool {
        self.listening && self.input_ready
    }

    /// Whether the owner can still be told anything.
    pub fn is_reachable(&self) -> bool {
        self.connection.is_some() && !self.condemned
    }

    /// Whether something waits for room in the connection.
    pub fn is_blocked(&self) -> bool {
        !self.output_ready && !self.outbox.is_empty()
    }

    /// Whether everything that was to be said is said, or nobody is there to hear it.
    pub fn is_done(&self) -> bool {
        self.connection.is_none() || self.outbox.is_empty()
    }

    /// Reads once into the inbox.
    pub fn read(&mut self) -> Input {
        let Some(connection) = self.connection.as_ref().filter(|_| self.listening) else { return Input::Nothing };
        match read(&connection.input, self.inbox.spare()) {
            Ok(0) => self.ended(),
            Ok(count) => {
                self.inbox.filled(count);
                Input::Bytes(count)
            }
            Err(Errno::EAGAIN | Errno::EINTR) => {
                self.input_ready = false;
                Input::Nothing
            }
            Err(_) => self.ended(),
        }
    }

    /// Queues an answer or a control event; dropped when nobody can hear it.
    pub fn tell(&mut self, id: u32, event: &Event<'_>) {
        if self.is_reachable() {
            self.outbox.control(id, event);
        }
    }

    /// Queues an event behind all output so far; dropped when nobody can hear it.
    pub fn tell_after_output(&mut self, id: u32, event: &Event<'_>) {
        if self.is_reachable() {
            self.outbox.after_output(id, event);
        }
    }

    /// Answers a request with an error.
    pub fn refuse(&mut self, id: u32, code: &str, errno: Option<Errno>, message: &str) {
        self.tell(id, &Event::Error { code, errno: errno.map(|errno| errno as u32), message });
    }

    /// Says a last error, listens no more, and closes once it is sent.
    pub fn condemn(&mut self, id: u32, code: &str, message: &str) {
        self.refuse(id, code, None, message);
        self.condemned = true;
        self.listening = false;
    }

    /// Sends as much as the connection takes. Answers whether the owner can still be written to.
    pub fn flush(&mut self) -> bool {
        let Some(connection) = &self.connection else { return false };
        if !self.outbox.is_empty() && self.output_ready {
            if self.outbox.is_flooded() && !std::mem::replace(&mut self.widened, true) {
                widen(connection);
            }
            let output = connection.output.as_ref().unwrap_or(&connection.input);
            match self.outbox.flush(&mut Descriptor(output)) {
                Ok(Flushed::All) => {}
                Ok(Flushed::Blocked) => self.output_ready = false,
                Err(_) => self.close(),
            }
        }
        if self.condemned && self.outbox.is_empty() {
            self.close();
        }
        self.connection.is_some()
    }

    /// Takes what came in but was never looked at, so that closing does not turn it into a reset on the owner's side.
    pub fn discard_input(&mut self) {
        while self.has_input() {
            if let Input::Bytes(_) = self.read() {
                self.inbox = FrameReader::default();
            }
        }
    }

    /// Closes the connection with whatever waits to be said.
    pub fn hang_up(&mut self) {
        self.close();
    }

    fn ended(&mut self) -> Input {
        self.listening = false;
        Input::End
    }

    fn close(&mut self) {
        self.connection = None;
        self.listening = false;
        self.outbox.clear();
    }
}

/// Lets a socket hold more on its way, so that a flood needs fewer wake-ups. What is not allowed is left as it is, and so is what is no socket.
fn widen(connection: &Connection) {
    let socket = connection.output.as_ref().unwrap_or(&connection.input);
    if setsockopt(socket, SndBufForce, &FLOOD_SOCKET_BYTES).is_err() {
        let _ = setsockopt(socket, SndBuf, &FLOOD_SOCKET_BYTES);
    }
}

/// The writing half of a connection.
struct Descriptor<'a>(&'a OwnedFd);

impl Way for Descriptor<'_> {
    fn write(&mut self, slices: &[IoSlice<'_>]) -> Result<usize, Errno> {
        match slices {
            [one] => write(self.0, one),
            many => nix::sys::uio::writev(self.0, many),
        }
    }

    fn splice(&mut self, pipe: &OwnedFd, bytes: usize) -> Result<usize, Errno> {
        move_pages(pipe, self.0, bytes)
    }
}
