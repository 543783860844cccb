//! The process that is held, from its start to the end of its tree: its stdio, its stop plan, its cgroup.
//! Carries out what the plan decides; does not know the wire's frames or in which state the sidecar is.

use std::os::fd::OwnedFd;
use std::time::Instant;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::unistd::read;

use crate::cgroup::Cgroup;
use crate::flow::Window;
use crate::kernel;
use crate::outbox::Outbox;
use crate::reaper::{ExitFacts, Usage};
use crate::stdin::Stdin;
use crate::stop_plan::{Action, Event as StopEvent, StopPlan};
use crate::tree;
use crate::wire::messages::{StopSpec, StoppedBy, Target};

/// What a pipe holds unless it is told otherwise.
const DEFAULT_PIPE_BYTES: usize = 64 * 1024;

/// What the pipe of a flood holds; the most that anybody may ask for by default.
const FLOOD_PIPE_BYTES: i32 = 1024 * 1024;

/// Less than this at once is no flood any more.
const TRICKLE_BYTES: usize = 16 * 1024;

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
            closed_unsaid: false,
        }
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

    /// Reads once, straight into the outbox. `whole` disregards the window.
    pub fn pump(&mut self, outbox: &mut Outbox, whole: bool) -> Pumped {
        let room = if whole { usize::MAX } else { self.window.room_bytes().min(self.window.frame_bytes()) };
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
                self.window.sent(count);
                outbox.output_read(self.stream, count);
                return Pumped::Frame(count);
            }
            Err(Errno::EAGAIN) => self.readable = false,
            Err(Errno::EINTR) => {}
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

    /// Reads and forgets everything there is: nobody will ever hear it, but the process must not block on it while it ends.
    pub fn discard(&mut self) {
        let mut sink = [0; 4096];
        while let Some(pipe) = self.pipe.as_ref().filter(|_| self.readable) {
            match read(pipe, &mut sink) {
                Ok(0) => self.ended(),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => self.readable = false,
                Err(_) => self.ended(),
            }
        }
    }

    /// Whether a read may bring more.
    pub fn has_more(&self) -> bool {
        self.pipe.is_some() && self.readable
    }

    /// The tree is empty: what is in the pipe is all that will come.
    pub fn no_more_writers(&mut self) {
        self.readable = true;
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

    fn ended(&mut self) {
        self.pipe = None;
        self.readable = false;
        self.closed_unsaid = true;
    }
}

/// How the leader ended.
#[derive(Debug, Clone, Copy)]
pub struct LeaderEnd {
    /// Its exit code or signal.
    pub facts: ExitFacts,
    /// Microseconds since its start.
    pub wall_us: u64,
    /// Living processes of its tree at that moment.
    pub left_behind: u32,
}

/// The process tree a sidecar holds.
#[derive(Debug)]
pub struct Held {
    /// The leader's pid.
    pub pid: i32,
    /// When it was made.
    pub started_at: Instant,
    /// How to stop it when nobody says otherwise.
    pub stop: StopSpec,
    /// The grace when its owner or its leader is gone, in milliseconds.
    pub orphan_grace_ms: u32,
    /// The plan of its end.
    pub plan: StopPlan,
    /// Whether SIGKILL had to be used.
    pub killed: bool,
    /// Whether the leader still runs, as far as was reaped.
    pub leader_runs: bool,
    /// What those of its tree used that were reaped.
    pub usage: Usage,
    /// Its cgroup, if it has one.
    pub cgroup: Option<Cgroup>,
    /// Its stdin.
    pub stdin: Stdin,
    /// Its stdout and stderr.
    pub outputs: [Output; 2],
}

impl Held {
    /// Lets the plan take one event and does what it says.
    pub fn step(&mut self, event: StopEvent, now: Instant) {
        match self.plan.step(event, now) {
            Some(Action::Signal(signal)) => {
                tree::signal_all(signal);
                tree::continue_all();
            }
            Some(Action::Kill) => self.kill(),
            None => {}
        }
    }

    /// Begins the end because the owner is gone.
    pub fn owner_gone(&mut self, now: Instant) {
        let (signal, grace_ms) = (self.stop.signal, self.orphan_grace_ms);
        self.step(StopEvent::Begin { by: StoppedBy::OwnerGone, signal, grace_ms }, now);
    }

    /// Begins the end because the sidecar itself was told to end.
    pub fn sidecar_signalled(&mut self, now: Instant) {
        let StopSpec { signal, grace_ms } = self.stop;
        self.step(StopEvent::Begin { by: StoppedBy::SidecarSignal, signal, grace_ms }, now);
    }

    /// Sends a signal to whom a `signal` command names.
    ///
    /// # Errors
    /// ESRCH when nobody was there; EINVAL for no such signal.
    pub fn signal(&self, signal: u32, target: Target) -> Result<(), Errno> {
        match target {
            Target::Leader if self.leader_runs => kernel::kill(self.pid, signal),
            // The leader is not reaped, so neither its pid nor its group's number can belong to anybody else.
            Target::Group if self.leader_runs => kernel::kill(-self.pid, signal),
            Target::Leader => Err(Errno::ESRCH),
            Target::Group => {
                signal_each(tree::descendants().iter().filter(|process| process.stat.group == self.pid), signal)
            }
            Target::Tree => signal_each(tree::descendants().iter(), signal),
        }
    }

    fn kill(&mut self) {
        self.killed |= !tree::descendants().is_empty();
        if let Some(cgroup) = &self.cgroup {
            cgroup.kill();
        }
        tree::kill_all(tree::descendants);
    }
}

fn signal_each<'a>(processes: impl Iterator<Item = &'a tree::Descendant>, signal: u32) -> Result<(), Errno> {
    let mut outcome = Err(Errno::ESRCH);
    for process in processes {
        match process.signal(signal) {
            Ok(()) => outcome = Ok(()),
            Err(Errno::EINVAL) => return Err(Errno::EINVAL),
            Err(_) => {}
        }
    }
    outcome
}
