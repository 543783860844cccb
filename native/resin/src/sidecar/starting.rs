//! How a sidecar comes to hold a process: its groups, its namespace, its birth, and what is watched of it from then on.
//! What was asked for and cannot be had ends the start, or is given up and told. Does not know what becomes of the process.

use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

use mio::Interest;
use nix::errno::Errno;

use super::{Sidecar, State};
use crate::child::{Plan, Spawned, spawn};
use crate::error::{Stage, StartError};
use crate::event_loop::{EventLoop, Source};
use crate::groups::Groups;
use crate::held::Held;
use crate::life::Limits;
use crate::namespace::{PidNamespace, Refusal};
use crate::output::Output;
use crate::place::Place;
use crate::reaper::Usage;
use crate::resource_limits::{limited_groups, unlimited};
use crate::stdin::Stdin;
use crate::steps::{Order, Steps};
use crate::stop_plan::StopPlan;
use crate::tree;
use crate::wire::messages::MAX_SIGNAL;
use crate::wire::start::{Contain, Start, Stdio};

impl Sidecar {
    /// Starts what the owner asks for, or says why not.
    pub(super) fn start(&mut self, id: u32, start: &Start<'_>, events: &EventLoop) {
        self.program = String::from_utf8_lossy(start.argv[0]).into_owned();
        match self.make(start, events) {
            Ok((held, report)) => self.state = State::Starting { held: Box::new(held), report, id },
            Err(error) => {
                self.say_start_failed(id, error.stage, error.errno);
                self.state = State::Idle { greeted: true };
            }
        }
    }

    fn make(&mut self, start: &Start<'_>, events: &EventLoop) -> Result<(Held, OwnedFd), StartError> {
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
        let (mut namespace, mut namespace_refused) = match self.make_namespace(start) {
            Ok(made) => made,
            Err(error) => {
                let _ = groups.remove();
                return Err(error);
            }
        };
        let null = self.surroundings.null.as_fd();
        let limits_required = start.limits.as_ref().is_some_and(|limits| limits.required == Some(true));
        let spawned = loop {
            match spawn(&plan, null, &groups, namespace.as_ref()) {
                Ok(spawned) => break spawned,
                // Not to be had after all. Each is given up once.
                Err(StartError { stage: Stage::Pidns, errno })
                    if namespace.is_some() && start.required != Some(true) =>
                {
                    namespace = None;
                    namespace_refused = Some(Refusal { what: "it cannot be entered", errno });
                }
                Err(StartError { stage: Stage::Cgroup, errno })
                    if !groups.are_none() && start.contain != Contain::Cgroup && !limits_required =>
                {
                    let _ = groups.remove();
                    groups = start.limits.as_ref().map_or_else(Groups::default, |limits| unlimited(limits, errno));
                }
                Err(error) => {
                    let _ = groups.remove();
                    return Err(error);
                }
            }
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
            namespace,
            namespace_refused,
            memory_watch: None,
            stdin: stdin.map_or(Stdin::Null, |end| match start.stdin {
                Stdio::Socket => Stdin::socket(end, start.window_bytes.stdin),
                _ => Stdin::piped(end, start.window_bytes.stdin),
            }),
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
            self.refused = Some(format!("cannot limit `{}` of {}: {}", missing.limit, self.program, missing.why));
            return Err(StartError { stage: Stage::Limits, errno: missing.errno });
        }
        if start.contain == Contain::Cgroup && groups.are_none() {
            return Err(StartError { stage: Stage::Cgroup, errno: Errno::ENOTSUP });
        }
        Ok(groups)
    }

    /// Makes a PID namespace if the start asks for one; else, or where it can go on without, says why there is none.
    fn make_namespace(&mut self, start: &Start<'_>) -> Result<(Option<PidNamespace>, Option<Refusal>), StartError> {
        if start.contain != Contain::Pidns {
            return Ok((None, None));
        }
        match PidNamespace::make(self.surroundings.null.as_fd()) {
            Ok(namespace) => Ok((Some(namespace), None)),
            Err(refusal) if start.required != Some(true) => Ok((None, Some(refusal))),
            Err(refusal) => {
                self.refused = Some(format!("cannot hold {} by a PID namespace: {}", self.program, refusal.sentence()));
                Err(StartError { stage: Stage::Pidns, errno: refusal.errno })
            }
        }
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

fn watch(held: &Held, report: &OwnedFd, events: &EventLoop) -> Result<(), Errno> {
    let outcome = events.watch(Source::Report, report, Interest::READABLE).and_then(|()| {
        held.stdin.pipe().map_or(Ok(()), |pipe| events.watch(Source::Stdin, pipe, Interest::WRITABLE))?;
        held.outputs[0].pipe().map_or(Ok(()), |pipe| events.watch(Source::Stdout, pipe, Interest::READABLE))?;
        held.groups.alarm.as_ref().map_or(Ok(()), |alarm| events.watch(Source::Memory, alarm, Interest::READABLE))?;
        held.outputs[1].pipe().map_or(Ok(()), |pipe| events.watch(Source::Stderr, pipe, Interest::READABLE))
    });
    outcome.map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))
}
