//! What a sidecar does for each command of its owner. One command, one answer; what does not fit the state is refused.
//! Does not know frames, readiness or what comes after the tree is empty.

use std::os::fd::AsFd;
use std::time::Instant;

use mio::Interest;
use nix::errno::Errno;
use nix::unistd::getpid;

use super::{Sidecar, State};
use crate::child::{Plan, Spawned, spawn};
use crate::error::{Stage, StartError, WireError};
use crate::event_loop::{EventLoop, Source};
use crate::groups::Groups;
use crate::held::Held;
use crate::life::Limits;
use crate::output::Output;
use crate::owner::Input;
use crate::pipe_path::PipePath;
use crate::place::Place;
use crate::pty;
use crate::reaper::Usage;
use crate::resource_limits::{limited_groups, unlimited};
use crate::stdin::{Refusal, Stdin};
use crate::steps::{Order, Steps};
use crate::stop_plan::StopPlan;
use crate::tree;
use crate::wire::codec::read_command;
use crate::wire::messages::{
    CAPABILITY_CGROUP2, CAPABILITY_LENDS_STDIN, CAPABILITY_LIMITS, CAPABILITY_NO_LINGER, CAPABILITY_PTY,
    CAPABILITY_TAKES_FLOODS, Command, Event, MAX_SIGNAL, StoppedBy, Target, VERSIONS,
};
use crate::wire::start::{Contain, Start, Stdio, StopSpec};

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
                self.lingers = capabilities & CAPABILITY_NO_LINGER == 0;
                self.takes_floods = capabilities & CAPABILITY_TAKES_FLOODS != 0;
                self.greet(id, versions);
            }
            (State::Idle { greeted: false }, command) => {
                return Err(WireError::new(format!("the first frame is {}, not hello", command.name())));
            }
            (State::Idle { .. }, Command::Start(start)) => self.start(id, &start, events),
            // Of the life before this one; it crossed with the news of its end.
            (State::Idle { .. }, Command::Credit { .. } | Command::Take { .. } | Command::Lend {}) => {}
            (_, Command::Credit { stream, bytes }) => self.credit(stream, bytes)?,
            (State::Running { .. } | State::Draining { .. }, Command::Write { data }) => self.write(id, data)?,
            (State::Running { .. } | State::Draining { .. }, Command::Lend {}) => self.lend(id, events),
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
                let walked = tree::usage();
                let usage = self.held().map_or(walked, |held| held.groups.usage(walked));
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
        let capabilities = cgroup2 | CAPABILITY_PTY | CAPABILITY_LIMITS | CAPABILITY_LENDS_STDIN;
        let sidecar_pid = getpid().as_raw() as u32;
        let resin = env!("CARGO_PKG_VERSION");
        self.owner.tell(id, &Event::Hello { version, versions: VERSIONS, capabilities, sidecar_pid, resin });
        self.state = State::Idle { greeted: true };
    }

    fn start(&mut self, id: u32, start: &Start<'_>, events: &EventLoop) {
        self.program = String::from_utf8_lossy(start.argv[0]).into_owned();
        match self.make(start, events) {
            Ok((held, report)) => self.state = State::Starting { held: Box::new(held), report, id },
            Err(error) => {
                self.say_start_failed(id, error.stage, error.errno);
                self.state = State::Idle { greeted: true };
            }
        }
    }

    fn make(&mut self, start: &Start<'_>, events: &EventLoop) -> Result<(Held, std::os::fd::OwnedFd), StartError> {
        let plan = Plan::new(start)?;
        if !(1..=MAX_SIGNAL).contains(&start.stop.signal) {
            return Err(StartError { stage: Stage::Argv, errno: Errno::EINVAL });
        }
        if [start.stdin, start.stdout, start.stderr].contains(&Stdio::Inherit) && !self.surroundings.passes_stdio {
            return Err(StartError { stage: Stage::Stdio, errno: Errno::EBADF });
        }
        let stop = Order::of_start(start)?;
        let started_at = Instant::now();
        let mut groups = self.make_groups(start)?;
        let null = self.surroundings.null.as_fd();
        let spawned = match spawn(&plan, null, &groups) {
            Err(error) => {
                let _ = groups.remove();
                let required = start.limits.as_ref().is_some_and(|limits| limits.required == Some(true));
                if error.stage != Stage::Cgroup || start.contain == Contain::Cgroup || required {
                    return Err(error);
                }
                groups = start.limits.as_ref().map_or_else(Groups::default, |limits| unlimited(limits, error.errno));
                spawn(&plan, null, &groups)?
            }
            Ok(spawned) => spawned,
        };
        let Spawned { pid, report, stdin, stdout, stderr } = spawned;
        let mut held = Held {
            pid,
            started_at,
            stop,
            orphan_grace_ms: start.orphan_grace_ms,
            plan: StopPlan::default(),
            steps: Steps::default(),
            limits: start.life.as_ref().map(|life| Limits::new(life, started_at)),
            has_terminal: start.pty.is_some(),
            paused: false,
            killed: false,
            killed_by_others: false,
            out_of_memory: false,
            leader_runs: true,
            usage: Usage::default(),
            groups,
            memory_watch: None,
            stdin: stdin.map_or(Stdin::Null, |pipe| Stdin::piped(pipe, start.window_bytes.stdin)),
            outputs: [
                match start.pty {
                    Some(_) => Output::of_terminal(1, stdout, start.window_bytes.stdout),
                    None => Output::new(1, stdout, start.window_bytes.stdout),
                },
                Output::new(2, stderr, start.window_bytes.stderr),
            ],
        };
        if let Err(errno) = watch(&held, &report, events) {
            // Nobody would be woken for this process: it goes before it can do anything.
            let _ = crate::kernel::kill(pid, libc::SIGKILL as u32);
            let _ = nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(pid), None);
            tree::kill_all(tree::descendants);
            let _ = held.groups.remove();
            return Err(StartError { stage: Stage::Pipe, errno });
        }
        Ok((held, report))
    }

    fn make_groups(&mut self, start: &Start<'_>) -> Result<Groups, StartError> {
        let place = self.surroundings.place.as_ref();
        let Some(limits) = &start.limits else { return make_cgroup(start.contain, place) };
        let mut groups = limited_groups(limits, start.contain, place, start.cwd);
        let missing = groups.limited.as_ref().and_then(|limited| limited.missing.first()).cloned();
        if let (Some(missing), Some(true)) = (missing, limits.required) {
            let _ = groups.remove();
            self.refused_limit = Some(format!("cannot limit `{}` of {}: {}", missing.limit, self.program, missing.why));
            return Err(StartError { stage: Stage::Limits, errno: missing.errno });
        }
        if start.contain == Contain::Cgroup && groups.are_none() {
            return Err(StartError { stage: Stage::Cgroup, errno: Errno::ENOTSUP });
        }
        Ok(groups)
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

    fn lend(&mut self, id: u32, events: &EventLoop) {
        // A terminal's keys and its screen are one descriptor, of which an owner would get both.
        let lent = self.held().filter(|held| !held.has_terminal).and_then(|held| held.stdin.lend(events));
        match lent {
            Some(PipePath { path, inode }) => self.owner.tell(id, &Event::Lent { path: path.as_bytes(), inode }),
            None => {
                let message = "lend does not fit: stdin is no open pipe, or not everything written is in it";
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

fn make_cgroup(contain: Contain, place: Option<&Place>) -> Result<Groups, StartError> {
    let unified = match (contain, place) {
        (Contain::Tree, _) => return Ok(Groups::default()),
        (_, Some(place)) => place.make(),
        (_, None) => Err(Errno::ENOTSUP),
    };
    match (unified, contain) {
        (Ok(cgroup), _) => Ok(Groups { unified: Some(cgroup), ..Groups::default() }),
        (Err(errno), Contain::Cgroup) => {
            // Where there is no cgroup2 a group of version 1 holds the tree together as well, if less swiftly.
            let version1 = place.filter(|place| !place.has_unified()).map(Place::make_any_version1);
            let group = version1.unwrap_or(Err(errno)).map_err(StartError::at(Stage::Cgroup))?;
            Ok(Groups { version1: vec![group], ..Groups::default() })
        }
        (Err(_), _) => Ok(Groups::default()),
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

fn watch(held: &Held, report: &std::os::fd::OwnedFd, events: &EventLoop) -> Result<(), Errno> {
    let outcome = events.watch(Source::Report, report, Interest::READABLE).and_then(|()| {
        held.stdin.pipe().map_or(Ok(()), |pipe| events.watch(Source::Stdin, pipe, Interest::WRITABLE))?;
        held.outputs[0].pipe().map_or(Ok(()), |pipe| events.watch(Source::Stdout, pipe, Interest::READABLE))?;
        held.groups.alarm.as_ref().map_or(Ok(()), |alarm| events.watch(Source::Memory, alarm, Interest::READABLE))?;
        held.outputs[1].pipe().map_or(Ok(()), |pipe| events.watch(Source::Stderr, pipe, Interest::READABLE))
    });
    outcome.map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))
}
