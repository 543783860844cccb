//! The sidecar: one connection, one process tree at a time. Takes what wakes it, decides by its state, and acts.
//! Knows how the parts fit; does not know system calls, byte layouts or how a stop goes (those are the parts).

use std::os::fd::OwnedFd;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use mio::Interest;
use nix::errno::Errno;
use serde_bytes::Bytes;

use crate::child::{self, Report};
use crate::error::{Fatal, Stage, StartError};
use crate::event_loop::{EventLoop, Source, Wake};
use crate::groups::{Groups, Limited};
use crate::held::{Held, LeaderEnd};
use crate::kernel;
use crate::life::Limits;
use crate::namespace::{PidNamespace, Refusal};
use crate::owner::{Connection, Owner};
use crate::reaper::{ExitFacts, Reaped, reap};
use crate::stop_plan::Event as StopEvent;
use crate::surroundings::Surroundings;
use crate::tree::Stat;
use crate::wire::messages::{Event, StoppedBy};

mod commands;
mod ending;
mod on_stdio;
mod starting;

pub use on_stdio::run_on_stdio;

/// The end of a stream is told this much later than it is seen, unless something else is told before: mostly the process's own end follows
/// within this time, and then one wake-up of the owner does for both.
const CLOSED_LATER: Duration = Duration::from_millis(1);

/// Buffers that were not needed for this long go back to the kernel.
const RELEASE_AFTER: Duration = Duration::from_millis(100);

/// Buffers up to this are not worth a wake-up.
const RELEASE_ABOVE_BYTES: usize = 32 * 1024;

/// How often the removal of a cgroup is tried.
const REMOVE_EVERY: Duration = Duration::from_millis(1);

/// How often a tree is looked at of which the kernel is about to kill a process.
const MEMORY_LOOK_EVERY: Duration = Duration::from_millis(2);

/// Lives the life of a sidecar on one connection. The answer is success when its tree is empty and its cgroup removed.
///
/// # Errors
/// When the connection cannot be polled, or the kernel refuses what a sidecar needs before anything was started.
pub fn run(connection: Connection, surroundings: Surroundings) -> Result<ExitCode, Fatal> {
    // Not inherited across a fork, so the fork server's own does not do.
    kernel::become_subreaper().map_err(Fatal::doing("cannot become a subreaper"))?;
    let mut events = EventLoop::new().map_err(Fatal::doing("cannot make an epoll set"))?;
    let cannot_poll = Fatal::doing("cannot wait for the owner's connection (a regular file cannot be one)");
    match &connection.output {
        None => events.watch(Source::Owner, &connection.input, Interest::READABLE),
        Some(output) => events
            .watch(Source::Owner, &connection.input, Interest::READABLE)
            .and_then(|()| events.watch(Source::OwnerOutput, output, Interest::WRITABLE)),
    }
    .map_err(cannot_poll)?;
    events
        .watch(Source::Signals, &surroundings.signals, Interest::READABLE)
        .map_err(Fatal::doing("cannot wait for signals"))?;
    let mut sidecar = Sidecar::new(Owner::new(connection), surroundings);
    // The first commands are mostly there before the sidecar is; looking is cheaper than waiting to be told.
    sidecar.turn(&events);
    while !sidecar.is_over() {
        let timeout = sidecar.timeout();
        let wakes = events.wait(timeout).map_err(Fatal::doing("cannot wait"))?;
        wakes.for_each(|wake| sidecar.woken(wake));
        sidecar.turn(&events);
    }
    Ok(sidecar.leave())
}

/// Where a sidecar is in its life.
enum State {
    /// Nothing is held, or no longer. Whether the owner said hello.
    Idle { greeted: bool },
    /// The process was made and is on its way to `execve`; the request's id.
    Starting { held: Box<Held>, report: OwnedFd, id: u32 },
    /// It runs, or it ended and others of its tree are left.
    Running { held: Box<Held>, leader_end: Option<LeaderEnd> },
    /// The tree is empty. The cgroup goes, the pipes are drained, then the farewell is said.
    Draining { held: Box<Held>, farewell: Farewell, give_up_at: Instant, removed: bool },
    /// Nothing is held any more. What was said may still be on its way.
    Gone { clean: bool },
}

/// The last event of a life.
enum Farewell {
    Exited(LeaderEnd),
    StartFailed { id: u32, error: StartError },
}

struct Sidecar {
    owner: Owner,
    surroundings: Surroundings,
    state: State,
    program: String,
    /// Why something that the start required cannot be had.
    refused: Option<String>,
    signals_ready: bool,
    more_to_do: bool,
    say_closed_at: Option<Instant>,
    stdin_gone_unsaid: bool,
    release_at: Option<Instant>,
    orphaned: bool,
    hang_up_at: Option<Instant>,
    takes_output: bool,
    /// Whether the owner's socket wakes for room as well.
    waits_for_room: bool,
}

impl Sidecar {
    fn new(owner: Owner, surroundings: Surroundings) -> Self {
        Self {
            owner,
            surroundings,
            state: State::Idle { greeted: false },
            program: String::new(),
            refused: None,
            signals_ready: false,
            more_to_do: false,
            say_closed_at: None,
            stdin_gone_unsaid: false,
            release_at: None,
            orphaned: false,
            hang_up_at: None,
            takes_output: false,
            waits_for_room: false,
        }
    }

    fn held(&mut self) -> Option<&mut Held> {
        match &mut self.state {
            State::Starting { held, .. } | State::Running { held, .. } | State::Draining { held, .. } => Some(held),
            State::Idle { .. } | State::Gone { .. } => None,
        }
    }

    fn is_over(&self) -> bool {
        matches!(self.state, State::Gone { .. }) && self.owner.is_done()
    }

    /// How long nothing needs to be done unless somebody wakes.
    fn timeout(&mut self) -> Option<Duration> {
        if self.more_to_do {
            return Some(Duration::ZERO);
        }
        let now = Instant::now();
        let retry = matches!(self.state, State::Draining { removed: false, .. }).then(|| now + REMOVE_EVERY);
        let (plan, limits, memory) = match &self.state {
            State::Starting { held, .. } | State::Running { held, .. } => (
                held.plan.deadline(),
                held.limits.as_ref().and_then(Limits::deadline),
                held.memory_watch.map(|_| now + MEMORY_LOOK_EVERY),
            ),
            _ => (None, None, None),
        };
        let stdin_bytes = self.held().map_or(0, |held| held.stdin.held_bytes());
        let held_bytes = self.owner.outbox.held_bytes() + self.owner.inbox.held_bytes() + stdin_bytes;
        self.release_at = (held_bytes > RELEASE_ABOVE_BYTES).then(|| now + RELEASE_AFTER);
        let next = [plan, limits, memory, retry, self.say_closed_at, self.release_at, self.hang_up_at]
            .into_iter()
            .flatten()
            .min()?;
        Some(next.saturating_duration_since(now))
    }

    fn woken(&mut self, wake: Wake) {
        match wake.source {
            Source::Owner => self.owner.woken(wake.readable, wake.writable),
            Source::OwnerOutput => self.owner.woken(false, wake.writable),
            Source::Signals => self.signals_ready = true,
            Source::Report => {}
            Source::Stdin => {
                let Some(held) = self.held() else { return };
                held.stdin.woken();
                // A terminal that nobody has open can be opened again.
                if wake.write_closed && !held.has_terminal {
                    let progress = held.stdin.reader_gone();
                    self.say_progress(progress);
                }
            }
            Source::Relay => {
                if let Some(held) = self.held() {
                    held.stdin.relay_woken();
                }
            }
            Source::Memory => {
                if let Some(held) = self.held() {
                    held.memory_alarmed(Instant::now());
                }
            }
            Source::Stdout | Source::Stderr => {
                let stream = usize::from(wake.source == Source::Stderr);
                if let Some(held) = self.held() {
                    held.outputs[stream].woken(wake.read_closed);
                }
            }
        }
    }

    /// One turn: whatever can be done now, the end of things before their use.
    fn turn(&mut self, events: &EventLoop) {
        let now = Instant::now();
        self.more_to_do = false;
        if self.release_at.is_some_and(|at| at <= now) {
            self.owner.outbox.release();
            self.owner.inbox.release();
            if let Some(held) = self.held() {
                held.stdin.release();
            }
        }
        let (child_ended, told_to_end) = self.read_signals();
        self.check_report();
        if child_ended {
            self.reap(now);
        }
        if told_to_end {
            self.told_to_end(now);
        }
        self.read_commands(events, now);
        if let State::Starting { held, .. } | State::Running { held, .. } = &mut self.state {
            held.step(StopEvent::Tick, now);
            held.check_limits(!self.owner.outbox.is_empty(), now);
            held.check_memory(now);
        }
        self.take_back(events);
        self.pump();
        self.watch_stdin(events);
        self.say_steps();
        self.drain(now);
        self.say_closed_if_due(now);
        if !self.owner.flush() {
            self.owner_gone(now);
        }
        self.watch_owner(events);
        self.hang_up_if_due(now);
    }

    /// Wakes for room in a socket only while something waits for it: else every frame that the owner reads would wake the sidecar, and the owner would
    /// pay for that. Should the kernel refuse, the next turn tries again.
    fn watch_owner(&mut self, events: &EventLoop) {
        let is_blocked = self.owner.is_blocked();
        let Some(Connection { input, output: None }) = self.owner.connection() else { return };
        if is_blocked != self.waits_for_room {
            let interest = if is_blocked { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE };
            let is_done = events.rewatch(Source::Owner, input, interest).is_ok();
            self.waits_for_room ^= is_done;
            self.more_to_do |= !is_done;
        }
    }

    fn read_signals(&mut self) -> (bool, bool) {
        let (mut child_ended, mut told_to_end) = (false, false);
        while std::mem::take(&mut self.signals_ready) {
            if let Ok(Some(signal)) = self.surroundings.signals.read_signal() {
                self.signals_ready = true;
                match signal.ssi_signo as i32 == libc::SIGCHLD {
                    true => child_ended = true,
                    false => told_to_end = true,
                }
            }
        }
        (child_ended, told_to_end)
    }

    /// Looks whether the process has come to `execve`.
    fn check_report(&mut self) {
        let State::Starting { report, .. } = &self.state else { return };
        let outcome = child::read_report(report);
        if outcome == Report::NotYet {
            return;
        }
        let State::Starting { held, id, .. } = std::mem::replace(&mut self.state, State::Gone { clean: true }) else {
            return;
        };
        let stat = Stat::read(held.pid);
        let failed = match (outcome, stat) {
            (Report::Failed(error), _) => Some(error),
            (_, Some(stat)) if stat.never_executed => Some(StartError { stage: Stage::Exec, errno: Errno::EINTR }),
            _ => None,
        };
        match failed {
            Some(error) => {
                // It wrote its report or was killed: it ends at once, so this does not wait for anything but that.
                let _ = nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(held.pid), None);
                self.begin_draining(held, Farewell::StartFailed { id, error });
            }
            None => {
                let Groups { version1, limited, .. } = &held.groups;
                let cgroups1 =
                    version1.iter().map(|group| Bytes::new(group.directory().as_os_str().as_encoded_bytes()));
                self.owner.tell(
                    id,
                    &Event::Started {
                        pid: held.pid as u32,
                        start_time: stat.map_or(0, |stat| stat.start_time),
                        containment: held.containment(),
                        cgroup: held.groups.directory(),
                        cgroups1: (!version1.is_empty()).then(|| cgroups1.collect()),
                        limits_applied: limited.as_ref().map(|limited| limited.applied.clone()),
                        limits_missing: limited.as_ref().map(Limited::missing_on_wire),
                        pidns: held.namespace.as_ref().map(PidNamespace::first_process),
                        pidns_missing: held.namespace_refused.as_ref().map(Refusal::sentence).as_deref(),
                    },
                );
                self.state = State::Running { held, leader_end: None };
            }
        }
    }

    /// Reaps everything that has ended and looks what is left.
    fn reap(&mut self, now: Instant) {
        let State::Running { held, leader_end } = &mut self.state else { return };
        let (mut ended_now, mut others_ended) = (None, false);
        let empty = loop {
            match reap() {
                Reaped::Ended(pid, facts, usage) => {
                    held.usage.add(usage);
                    held.killed_by_others |= !held.killed && facts.signal == Some(libc::SIGKILL as u32);
                    if pid == held.pid && held.leader_runs {
                        held.leader_runs = false;
                        ended_now = Some(facts);
                    } else {
                        others_ended = true;
                    }
                }
                Reaped::NoneYet => break false,
                Reaped::Empty => break true,
            }
        };
        if let Some(facts) = ended_now {
            let left_behind = if empty { 0 } else { held.tree().len() as u32 };
            *leader_end = Some(LeaderEnd { facts, wall_us: (now - held.started_at).as_micros() as u64, left_behind });
            if !empty {
                held.step(StopEvent::LeaderEnded { signal: held.stop.signal, grace_ms: held.orphan_grace_ms }, now);
            }
        } else if others_ended && !empty {
            held.step(StopEvent::ChildEnded, now);
        }
        if !empty {
            held.release_namespace();
        }
        if empty {
            let State::Running { held, leader_end } = std::mem::replace(&mut self.state, State::Gone { clean: true })
            else {
                return;
            };
            let unseen = LeaderEnd { facts: ExitFacts::from_status(0), wall_us: 0, left_behind: 0 };
            self.begin_draining(held, Farewell::Exited(leader_end.unwrap_or(unseen)));
        }
    }

    fn told_to_end(&mut self, now: Instant) {
        match &mut self.state {
            State::Idle { .. } => {
                self.owner.condemn(0, "ERR_SIDECAR", "resin was told to end by a signal while it held nothing");
                // Told as unclean, so that the fork server announces it: a start may cross with this end, and its owner waits to hear of it.
                self.state = State::Gone { clean: false };
            }
            State::Starting { held, .. } | State::Running { held, .. } => {
                held.begin_as_planned(StoppedBy::SidecarSignal, now);
            }
            State::Draining { .. } | State::Gone { .. } => {}
        }
    }

    /// The owner is gone, or can be told nothing any more, which comes to the same.
    fn owner_gone(&mut self, now: Instant) {
        if std::mem::replace(&mut self.orphaned, true) {
            return;
        }
        // Another turn: what it had taken is there to be read.
        self.more_to_do = true;
        match &mut self.state {
            State::Idle { .. } => self.state = State::Gone { clean: true },
            State::Starting { held, .. } | State::Running { held, .. } => held.owner_gone(now),
            State::Draining { .. } | State::Gone { .. } => {}
        }
    }
}
