//! The process that is held, from its start to the end of its tree: its stdio, its stop plan, its limits, its cgroup.
//! Carries out what the plan decides; does not know the wire's frames or in which state the sidecar is.

use std::os::fd::AsFd;
use std::time::Instant;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

use crate::child::spawn;
use crate::groups::Groups;
use crate::kernel;
use crate::life::Limits;
use crate::namespace::{PidNamespace, Refusal};
use crate::output::Output;
use crate::pty;
use crate::reaper::{ExitFacts, Usage};
use crate::stdin::Stdin;
use crate::steps::{Order, Step, Steps};
use crate::stop_plan::{Action, Event as StopEvent, StopPlan};
use crate::tree::{self, Descendant};
use crate::wire::messages::{Containment, StoppedBy, Target};

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
    pub stop: Order,
    /// The grace when its owner or its leader is gone, in milliseconds.
    pub orphan_grace_ms: u32,
    /// The plan of its end.
    pub plan: StopPlan,
    /// The steps of its end.
    pub steps: Steps,
    /// What ends it if it does not end itself.
    pub limits: Option<Limits>,
    /// Whether it runs in a terminal, whose other side are its stdin and stdout.
    pub has_terminal: bool,
    /// Whether it is frozen.
    pub paused: bool,
    /// Whether SIGKILL had to be used.
    pub killed: bool,
    /// Whether a process of it was killed by somebody else.
    pub killed_by_others: bool,
    /// Whether that was the kernel, for want of memory.
    pub out_of_memory: bool,
    /// Whether the leader still runs, as far as was reaped.
    pub leader_runs: bool,
    /// What those of its tree used that were reaped.
    pub usage: Usage,
    /// Its cgroups, if it has some.
    pub groups: Groups,
    /// Its PID namespace, if it has one.
    pub namespace: Option<PidNamespace>,
    /// Why it has none although it was to have one.
    pub namespace_refused: Option<Refusal>,
    /// Until when it is looked whether the kernel kills a process of it for want of memory.
    pub memory_watch: Option<Instant>,
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
                tree::signal_all(&self.tree(), signal);
                self.go_on();
            }
            Some(Action::Step(index)) => self.take(index, now),
            Some(Action::Kill) => self.kill(),
            None => {}
        }
    }

    /// What holds the tree.
    pub fn containment(&self) -> Containment {
        if self.namespace.is_some() { Containment::Pidns } else { self.groups.containment() }
    }

    /// The living processes of the tree, parents first.
    pub fn tree(&self) -> Vec<Descendant> {
        let mut found = tree::descendants();
        if let Some(namespace) = &self.namespace {
            found.retain(|process| process.pid != namespace.init());
        }
        found
    }

    /// Lets go of its namespace where that holds nobody who will be reaped here: it ends with the last one in it.
    pub fn release_namespace(&self) {
        if let Some(namespace) = &self.namespace
            && tree::own_children() == [namespace.init()]
        {
            namespace.release();
        }
    }

    /// Sends SIGKILL to the whole tree, whatever its plan says.
    pub fn kill_now(&self) {
        self.groups.kill();
        match &self.namespace {
            Some(namespace) => namespace.kill(),
            None => _ = tree::kill_all(tree::descendants),
        }
    }

    /// Begins the end by an order.
    pub fn begin(&mut self, order: &Order, by: StoppedBy, now: Instant) {
        self.steps.begin(order, now);
        self.step(order.begin(by), now);
    }

    /// Begins the end as it was planned at the start.
    pub fn begin_as_planned(&mut self, by: StoppedBy, now: Instant) {
        self.steps.begin(&self.stop, now);
        self.step(self.stop.begin(by), now);
    }

    /// Begins the end because the owner is gone; a terminal hangs up.
    pub fn owner_gone(&mut self, now: Instant) {
        if self.has_terminal {
            self.stdin = Stdin::Gone;
            self.outputs[0].finish();
        }
        let (signal, grace_ms) = (self.stop.signal, self.orphan_grace_ms);
        self.step(StopEvent::Begin { by: StoppedBy::OwnerGone, signal, grace_ms }, now);
    }

    /// Begins the end if one of its limits is reached. `unheard` says that its owner does not take what it writes.
    pub fn check_limits(&mut self, unheard: bool, now: Instant) {
        let silent = unheard || self.paused || self.outputs.iter().any(Output::is_held_back);
        let Some(limits) = &mut self.limits else { return };
        if silent {
            limits.awake(now);
        }
        if let Some(by) = limits.reached(now) {
            self.begin_as_planned(by, now);
        }
    }

    /// Stops every process of the tree where it is.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn pause(&mut self) -> Result<(), Errno> {
        self.paused = true;
        match &self.groups.unified {
            Some(cgroup) => cgroup.freeze(true),
            None => {
                tree::stop_all(|| self.tree());
                Ok(())
            }
        }
    }

    /// Lets the tree go on.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn resume(&mut self) -> Result<(), Errno> {
        self.paused = false;
        match &self.groups.unified {
            Some(cgroup) => cgroup.freeze(false),
            None => {
                tree::continue_all(&self.tree());
                Ok(())
            }
        }
    }

    /// Puts what a person presses for the end of input behind everything written so far, if it has a terminal.
    pub fn press_end_of_input(&mut self) {
        if let (true, Some(terminal)) = (self.has_terminal, self.stdin.pipe()) {
            let keys = pty::end_of_input(terminal, self.stdin.last_byte());
            let _ = self.stdin.add(&keys);
        }
    }

    fn take(&mut self, index: usize, now: Instant) {
        let Some(steps) = self.steps.current.clone() else { return };
        let outcome = steps.get(index).map_or(Ok(()), |step| self.carry_out(step));
        self.steps.took(index, outcome, now);
    }

    fn carry_out(&mut self, step: &Step) -> Result<(), Errno> {
        if let Some(bytes) = &step.stdin {
            self.stdin.add(bytes).map_err(|_| Errno::EPIPE)?;
        }
        if step.close_stdin {
            self.press_end_of_input();
            self.stdin.close_unasked();
        }
        if let Some(command) = &step.command {
            let null = open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty())?;
            // It is a child like any other of the tree: waited for, signalled and killed with it.
            spawn(command, null.as_fd(), &self.groups, self.namespace.as_ref()).map_err(|error| error.errno)?;
        }
        if let Some((signal, target)) = step.signal {
            self.signal(signal, target)?;
            self.go_on();
        }
        Ok(())
    }

    /// A process that is stopped or frozen would not take the signal it was sent.
    fn go_on(&mut self) {
        if std::mem::take(&mut self.paused) {
            let _ = self.resume();
        }
        tree::continue_all(&self.tree());
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
            Target::Group => signal_each(self.tree().iter().filter(|process| process.stat.group == self.pid), signal),
            Target::Tree => signal_each(self.tree().iter(), signal),
        }
    }

    fn kill(&mut self) {
        self.killed |= !self.tree().is_empty();
        self.kill_now();
        if std::mem::take(&mut self.paused) {
            let _ = self.resume();
        }
    }
}

fn signal_each<'a>(processes: impl Iterator<Item = &'a Descendant>, signal: u32) -> Result<(), Errno> {
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
