//! What a sidecar does for each command of its owner. One command, one answer; what does not fit the state is refused.
//! Does not know frames, readiness or what comes after the tree is empty.

use std::time::Instant;

use nix::errno::Errno;
use nix::unistd::getpid;

use super::{Sidecar, State};
use crate::error::WireError;
use crate::event_loop::EventLoop;
use crate::owner::Input;
use crate::place::Place;
use crate::pty;
use crate::stdin::{Lent, Refusal};
use crate::steps::Order;
use crate::tree;
use crate::wire::codec::read_command;
use crate::wire::messages::{
    CAPABILITY_CGROUP2, CAPABILITY_LENDS_STDIN, CAPABILITY_LIMITS, CAPABILITY_PIDNS, CAPABILITY_PTY, CAPABILITY_SOCKET,
    CAPABILITY_TAKES_OUTPUT, Command, Event, MAX_SIGNAL, StoppedBy, Target, VERSIONS,
};
use crate::wire::start::StopSpec;

/// What one turn may take from the owner before others have theirs.
const INPUT_BYTES_PER_TURN: usize = 1024 * 1024;

impl Sidecar {
    /// Takes what the owner sent, as much as one turn may.
    pub(super) fn read_commands(&mut self, events: &EventLoop, now: Instant) {
        let mut taken_bytes = 0;
        while self.owner.has_input() {
            if taken_bytes > INPUT_BYTES_PER_TURN {
                self.more_to_do = true;
                return;
            }
            match self.owner.read() {
                Input::Bytes(count) => {
                    taken_bytes += count;
                    self.take_frames(events, now);
                }
                Input::Nothing => return,
                Input::End => self.owner_gone(now),
            }
        }
    }

    fn take_frames(&mut self, events: &EventLoop, now: Instant) {
        let mut inbox = std::mem::take(&mut self.owner.inbox);
        let outcome = loop {
            match inbox.next_frame() {
                Ok(Some(range)) => {
                    let taken = read_command(inbox.payload(range))
                        .and_then(|(id, command)| self.obey(id, command, events, now));
                    if let Err(error) = taken {
                        break Err(error);
                    }
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        self.owner.inbox = inbox;
        if let Err(error) = outcome {
            self.owner.condemn(0, "ERR_WIRE", &error.message);
            self.owner_gone(now);
        }
    }

    /// Does what one command asks for.
    ///
    /// # Errors
    /// What makes the connection unusable; refusals of single requests are answered instead.
    pub(super) fn obey(
        &mut self,
        id: u32,
        command: Command<'_>,
        events: &EventLoop,
        now: Instant,
    ) -> Result<(), WireError> {
        match (&self.state, command) {
            (State::Gone { .. }, _) => {}
            (State::Idle { greeted: false }, Command::Hello { versions, capabilities }) => {
                self.takes_output = capabilities & CAPABILITY_TAKES_OUTPUT != 0;
                self.greet(id, versions);
            }
            (State::Idle { greeted: false }, command) => {
                return Err(WireError::new(format!("the first frame is {}, not hello", command.name())));
            }
            (State::Idle { .. }, Command::Start(start)) => self.start(id, &start, events),
            // Of the life before this one; it crossed with the news of its end.
            (State::Idle { .. }, Command::Credit { .. } | Command::Take { .. } | Command::Lend { .. }) => {}
            (_, Command::Credit { stream, bytes }) => self.credit(stream, bytes)?,
            (State::Running { .. } | State::Draining { .. }, Command::Write { data }) => self.write(id, data)?,
            (State::Running { .. } | State::Draining { .. }, Command::Lend { to }) => self.lend(id, to, events),
            (State::Running { .. } | State::Draining { .. }, Command::CloseStdin {}) => self.close_stdin(id),
            (
                State::Starting { .. } | State::Running { .. } | State::Draining { .. },
                Command::Signal { signal, target },
            ) => {
                self.signal(id, signal, target);
            }
            (State::Starting { .. } | State::Running { .. } | State::Draining { .. }, Command::Stop(stop)) => {
                self.stop(id, &stop, now);
            }
            (State::Running { .. } | State::Draining { .. }, Command::Take { stream }) => self.give(id, stream, events),
            (State::Running { .. }, Command::Pause {}) => self.pause(id, true),
            (State::Running { .. }, Command::Resume {}) => self.pause(id, false),
            (State::Running { held, .. }, Command::Resize { rows, cols }) if held.has_terminal => {
                let terminal = held.outputs[0].pipe().ok_or(Errno::EIO);
                let outcome = terminal.and_then(|terminal| pty::resize(terminal, rows, cols));
                self.answer(id, outcome, "cannot change the size of the terminal");
            }
            (State::Starting { .. } | State::Running { .. } | State::Draining { .. }, Command::Stats {}) => {
                let usage = self.held().map(|held| held.groups.usage(tree::usage(&held.tree()))).unwrap_or_default();
                let tree::Usage { processes, rss_bytes, user_us, system_us } = usage;
                self.owner.tell(id, &Event::Stats { processes, rss_bytes, user_us, system_us });
            }
            (state, command) => {
                let message = format!("{} does not fit: {}", command.name(), state.describe());
                self.owner.refuse(id, "ERR_STATE", None, &message);
            }
        }
        Ok(())
    }

    fn greet(&mut self, id: u32, [lowest, highest]: [u32; 2]) {
        let version = highest.min(VERSIONS[1]);
        if version < lowest.max(VERSIONS[0]) {
            let [own_lowest, own_highest] = VERSIONS;
            let message = format!(
                "no common protocol version: the owner speaks {lowest} to {highest}, this resin {own_lowest} to {own_highest}"
            );
            self.owner.condemn(id, "ERR_PROTOCOL_VERSION", &message);
            self.state = State::Gone { clean: true };
            return;
        }
        let has_cgroup2 = self.surroundings.place.as_ref().is_some_and(Place::has_unified);
        let cgroup2 = if has_cgroup2 { CAPABILITY_CGROUP2 } else { 0 };
        let capabilities = cgroup2
            | CAPABILITY_PTY
            | CAPABILITY_LIMITS
            | CAPABILITY_LENDS_STDIN
            | CAPABILITY_PIDNS
            | CAPABILITY_SOCKET;
        let sidecar_pid = getpid().as_raw() as u32;
        let resin = env!("CARGO_PKG_VERSION");
        self.owner.tell(id, &Event::Hello { version, versions: VERSIONS, capabilities, sidecar_pid, resin });
        self.state = State::Idle { greeted: true };
    }

    fn write(&mut self, id: u32, data: &[u8]) -> Result<(), WireError> {
        let Some(held) = self.held() else { return Ok(()) };
        match held.stdin.write(id, data) {
            Ok(()) => {
                // Answers are given in `pump`, so that one answer does for all writes of a turn.
            }
            Err(Refusal::NotOpen) => self.owner.refuse(id, "ERR_STATE", None, "write does not fit: stdin is not open"),
            Err(Refusal::Gone) => self.refuse_broken_pipe(id),
            Err(Refusal::BeyondWindow) => {
                return Err(WireError::new(format!("a write of {} bytes goes beyond the window", data.len())));
            }
        }
        Ok(())
    }

    pub(super) fn refuse_broken_pipe(&mut self, id: u32) {
        self.owner.refuse(id, "EPIPE", Some(Errno::EPIPE), "the reader of stdin is gone");
    }

    fn lend(&mut self, id: u32, to: Option<&[u8]>, events: &EventLoop) {
        // A terminal's keys and its screen are one descriptor, of which an owner would get both.
        let lent = self.held().filter(|held| !held.has_terminal).and_then(|held| held.stdin.lend(to, events));
        match lent {
            Some(Lent { path, inode }) => {
                self.owner.tell(id, &Event::Lent { path: path.as_deref().map(str::as_bytes), inode });
            }
            None => {
                let message = "lend does not fit: stdin is not open for it, or not everything written is in it";
                self.owner.refuse(id, "ERR_STATE", None, message);
            }
        }
    }

    fn close_stdin(&mut self, id: u32) {
        let closed = self.held().is_none_or(|held| {
            held.press_end_of_input();
            held.stdin.close(id)
        });
        if closed {
            self.owner.tell(id, &Event::Ok {});
        }
    }

    fn signal(&mut self, id: u32, signal: u32, target: Target) {
        let outcome = match &self.state {
            State::Starting { held, .. } | State::Running { held, .. } => held.signal(signal, target),
            _ => Err(Errno::ESRCH),
        };
        let what = match outcome {
            Err(Errno::ESRCH) => "nobody is there to be signalled".to_owned(),
            Err(Errno::EINVAL) => format!("there is no signal {signal}"),
            _ => format!("cannot send signal {signal}"),
        };
        self.answer(id, outcome, &what);
    }

    fn answer(&mut self, id: u32, outcome: Result<(), Errno>, what: &str) {
        match outcome {
            Ok(()) => self.owner.tell(id, &Event::Ok {}),
            Err(errno) => {
                let message = format!("{what}: {}", errno.desc());
                self.owner.refuse(id, &crate::error::errno_name(errno), Some(errno), &message);
            }
        }
    }

    fn stop(&mut self, id: u32, stop: &StopSpec<'_>, now: Instant) {
        let (State::Starting { held, .. } | State::Running { held, .. }) = &mut self.state else {
            return self.owner.tell(id, &Event::Ok {});
        };
        let mut signals = stop.steps.iter().flatten().filter_map(|step| step.signal).chain([stop.signal]);
        if let Some(signal) = signals.find(|signal| !(1..=MAX_SIGNAL).contains(signal)) {
            let message = format!("there is no signal {signal}");
            return self.owner.refuse(id, "EINVAL", Some(Errno::EINVAL), &message);
        }
        match Order::of_stop(stop, &held.stop.steps) {
            Ok(order) => {
                self.owner.tell(id, &Event::Ok {});
                held.begin(&order, StoppedBy::Owner, now);
            }
            Err(errno) => {
                let message = "only the steps given at the start may run a command";
                self.owner.refuse(id, "EINVAL", Some(errno), message);
            }
        }
    }

    fn pause(&mut self, id: u32, pause: bool) {
        let State::Running { held, .. } = &mut self.state else { return };
        let outcome = if pause { held.pause() } else { held.resume() };
        self.answer(id, outcome, if pause { "cannot freeze the tree" } else { "cannot let the tree go on" });
    }

    fn credit(&mut self, stream: u8, bytes: u32) -> Result<(), WireError> {
        let out_bytes = match self.held() {
            Some(held) => match held.outputs[usize::from(stream) - 1].window().credited(bytes) {
                Ok(()) => return Ok(()),
                Err(too_much) => too_much.out_bytes,
            },
            None if bytes == 0 => return Ok(()),
            None => 0,
        };
        Err(WireError::new(format!("credit for {bytes} bytes of stream {stream}, of which {out_bytes} are out")))
    }
}

impl State {
    fn describe(&self) -> &'static str {
        match self {
            State::Idle { .. } => "no process is held",
            State::Starting { .. } => "the process is still being started",
            State::Running { .. } => "a process is held already",
            State::Draining { .. } | State::Gone { .. } => "the process has ended",
        }
    }
}
