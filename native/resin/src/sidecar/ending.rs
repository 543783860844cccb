//! What a sidecar does besides obeying: moves bytes between the pipes and the owner, and when the tree is empty sees everything out in order.
//! Does not know how the end came about.

use std::time::{Duration, Instant};

use std::process::ExitCode;

use nix::errno::Errno;

use super::{CLOSED_LATER, Farewell, Sidecar, State};
use crate::error::{Stage, errno_name};
use crate::event_loop::EventLoop;
use crate::held::{Held, LeaderEnd};
use crate::life::Limits;
use crate::output::{Output, Pumped};
use crate::owner::Owner;
use crate::pipe_path::PipePath;
use crate::reaper::Usage;
use crate::stdin::Progress;
use crate::wire::messages::{Event, Exited, StoppedBy};

/// How long the removal of a cgroup is tried: a group stays busy for a moment after its last process was reaped.
const REMOVE_FOR: Duration = Duration::from_secs(2);

/// How long an owner that says nothing more, but may still listen, has to take the last words once the tree is empty: at most what pipes hold.
const LAST_WORDS_FOR: Duration = Duration::from_secs(5);

/// How much output one turn may send before the owner's commands are looked at again, give or take a frame.
const OUTPUT_BYTES_PER_TURN: usize = 1024 * 1024;

impl Sidecar {
    /// Moves what can be moved: waiting writes into the process, output out of it.
    pub(super) fn pump(&mut self) {
        // Output that waited for room goes first: behind it nothing is pumped, and once it is gone nobody would wake for the rest.
        if self.owner.outbox.has_data() {
            self.owner.flush();
        }
        let Some(held) = self.held() else { return };
        let progress = held.stdin.pump();
        self.more_to_do |= progress.more;
        self.say_progress(progress);
        let whole = matches!(self.state, State::Draining { removed: true, .. });
        if matches!(self.state, State::Draining { .. }) && !whole {
            return;
        }
        let mut sent_bytes = 0;
        while sent_bytes < OUTPUT_BYTES_PER_TURN {
            match self.pump_once(whole) {
                0 => return,
                bytes => sent_bytes += bytes,
            }
        }
        self.more_to_do = true;
    }

    /// Moves one frame of each stream. Answers how many bytes; 0 when there is nothing more to do for now.
    fn pump_once(&mut self, whole: bool) -> usize {
        let mut moved_bytes = 0;
        for stream in 0..2 {
            let Self { state, owner, takes_output, .. } = self;
            let (State::Running { held, .. } | State::Draining { held, .. }) = state else { return 0 };
            let at_most = held.limits.as_ref().map_or(usize::MAX, Limits::output_left_bytes);
            if at_most == 0 || !owner.is_reachable() {
                let bytes = held.outputs[stream].discard();
                if let Some(limits) = held.limits.as_mut().filter(|_| at_most == 0 && bytes > 0) {
                    limits.output_exceeded();
                }
                moved_bytes += bytes;
                continue;
            }
            match held.outputs[stream].pump(&mut owner.outbox, whole, at_most) {
                Pumped::Frame(bytes) => {
                    moved_bytes += bytes;
                    if let Some(limits) = &mut held.limits {
                        limits.output(bytes, Instant::now());
                    }
                    if *takes_output && held.limits.as_ref().is_none_or(Limits::leaves_output_alone) {
                        offer(&mut held.outputs[stream], owner);
                    }
                    owner.flush();
                }
                Pumped::Nothing => {}
                Pumped::Occupied => return 0,
            }
        }
        self.say_closed_soon();
        moved_bytes
    }

    /// Leaves a stream to the owner, who has opened its pipe. What was read of it before is told before the answer.
    pub(super) fn give(&mut self, id: u32, stream: u8, events: &EventLoop) {
        let Self { state, owner, .. } = self;
        if let State::Running { held, .. } = state
            && held.outputs[usize::from(stream) - 1].give(events)
        {
            return owner.tell_after_output(id, &Event::Ok {});
        }
        self.owner.refuse(id, "ERR_STATE", None, "take does not fit: the stream was not offered, or has ended");
    }

    /// The owner is gone and reads nothing any more: what it had taken is read and forgotten here, as everything else is.
    pub(super) fn take_back(&mut self, events: &EventLoop) {
        if self.orphaned
            && let Some(held) = self.held()
        {
            held.outputs.iter_mut().for_each(|output| output.take_back(events));
        }
    }

    /// A pipe that was lent is watched again once resin itself has something for it that it did not take.
    pub(super) fn watch_stdin(&mut self, events: &EventLoop) {
        if let Some(held) = self.held() {
            held.stdin.watch_if_waiting(events);
        }
    }

    /// Tells the owner what became of its writes and its request to close.
    pub(super) fn say_progress(&mut self, progress: Progress) {
        if let Some(id) = progress.wrote {
            self.owner.tell(id, &Event::Wrote {});
        }
        for id in progress.failed {
            self.refuse_broken_pipe(id);
        }
        for id in progress.closed {
            self.owner.tell(id, &Event::Ok {});
        }
        if progress.gone || progress.closed_unasked {
            self.stdin_gone_unsaid = true;
            self.say_closed_soon();
        }
    }

    /// Tells which steps of the stop were taken.
    pub(super) fn say_steps(&mut self) {
        let Self { state, owner, .. } = self;
        let (State::Starting { held, .. } | State::Running { held, .. }) = state else { return };
        for taken in &held.steps.taken[held.steps.told..] {
            owner.tell(0, &Event::Stepped { step: taken.step });
        }
        held.steps.told = held.steps.taken.len();
    }

    /// Tells the ends of streams that are not told yet, if it is time to.
    fn say_closed_soon(&mut self) {
        let stdin_unsaid = self.stdin_gone_unsaid;
        let unsaid =
            self.held().is_some_and(|held| stdin_unsaid || held.outputs.iter().any(|output| output.closed_unsaid));
        if unsaid && self.say_closed_at.is_none() {
            self.say_closed_at = Some(Instant::now() + CLOSED_LATER);
        }
    }

    /// Tells the ends of streams now if their time has come.
    pub(super) fn say_closed_if_due(&mut self, now: Instant) {
        if self.say_closed_at.is_none_or(|at| at > now) {
            return;
        }
        self.say_closed_at = None;
        if std::mem::take(&mut self.stdin_gone_unsaid) {
            self.owner.tell(0, &Event::Closed { stream: 0 });
        }
        let Self { state, owner, .. } = self;
        if let State::Running { held, .. } = state {
            say_closed(held, |event| owner.tell_after_output(0, event));
        }
    }

    pub(super) fn begin_draining(&mut self, mut held: Box<Held>, farewell: Farewell) {
        held.outputs.iter_mut().for_each(Output::no_more_writers);
        held.out_of_memory |= (held.killed_by_others || held.groups.limits_memory()) && held.groups.ran_out_of_memory();
        self.state = State::Draining { held, farewell, give_up_at: Instant::now() + REMOVE_FOR, removed: false };
    }

    /// Removes the cgroup, drains the pipes, says farewell; comes back later where one of them is not done.
    pub(super) fn drain(&mut self, now: Instant) {
        let State::Draining { held, give_up_at, removed, .. } = &mut self.state else { return };
        if !*removed {
            let gone = held.groups.remove().is_ok() || {
                // Somebody else's process may have been moved into a group; it goes with it.
                held.groups.kill();
                false
            };
            if !gone && now < *give_up_at {
                return;
            }
            *removed = true;
            self.pump();
        }
        let State::Draining { held, .. } = &mut self.state else { return };
        if self.owner.is_reachable() && held.outputs.iter().any(Output::has_more) {
            return;
        }
        let State::Draining { mut held, farewell, .. } =
            std::mem::replace(&mut self.state, State::Gone { clean: true })
        else {
            return;
        };
        self.say_closed_at = None;
        self.stdin_gone_unsaid = false;
        if !held.groups.are_none() {
            self.state = State::Gone { clean: false };
        } else if !self.orphaned && held.plan.begun_by() != StoppedBy::SidecarSignal {
            // The next life may begin on the same connection.
            self.state = State::Idle { greeted: true };
        }
        match farewell {
            Farewell::Exited(leader_end) => {
                // Their ends go without saying.
                held.outputs.iter_mut().for_each(Output::finish);
                self.owner.tell_after_output(0, &Event::Exited(Box::new(exited(&held, leader_end))));
            }
            Farewell::StartFailed { id, error } => self.say_start_failed(id, error.stage, error.errno),
        }
    }

    /// Tells why nothing was started.
    pub(super) fn say_start_failed(&mut self, id: u32, stage: Stage, errno: Errno) {
        let code = errno_name(errno);
        let what = match stage {
            Stage::Cgroup => {
                format!(
                    "cannot hold {} by a cgroup: there is none here that Copal may make it a member of",
                    self.program
                )
            }
            Stage::Exec => format!("cannot execute {}", self.program),
            Stage::Cwd => format!("cannot enter the working directory of {}", self.program),
            Stage::Argv => {
                "a NUL byte in an argument or a path, no such stop signal, or streams that do not go together"
                    .to_owned()
            }
            Stage::Limits => format!("cannot put {} into the cgroup of its limits", self.program),
            Stage::User | Stage::Group | Stage::Groups if errno == Errno::ENOENT => {
                format!("cannot start {}: the `{}` asked for is not known to this system", self.program, stage.name())
            }
            _ => format!("cannot start {}: `{}` failed", self.program, stage.name()),
        };
        // Of a limit or a namespace there is more to say than what the kernel answered, if it was asked at all.
        let message = match self.refused.take() {
            Some(sentence) => sentence,
            None if (stage, errno) == (Stage::Cgroup, Errno::ENOTSUP) => what,
            None => format!("{what}: {} ({code})", errno.desc()),
        };
        self.owner
            .tell(id, &Event::StartFailed { stage: stage.name(), errno: errno as u32, code: &code, message: &message });
    }

    /// Nothing that an owner who is gone has not taken may keep the sidecar.
    pub(super) fn hang_up_if_due(&mut self, now: Instant) {
        let is_empty = matches!(self.state, State::Draining { .. } | State::Gone { .. });
        if self.orphaned && is_empty && now >= *self.hang_up_at.get_or_insert(now + LAST_WORDS_FOR) {
            self.owner.hang_up();
        }
    }

    /// The last act: whoever is left in the process's table of cgroups leaves it. Success says that nothing was left behind.
    pub(super) fn leave(mut self) -> ExitCode {
        self.owner.discard_input();
        if let Some(place) = &self.surroundings.place {
            place.leave();
        }
        match self.state {
            State::Gone { clean: true } => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        }
    }
}

/// Offers a stream of much output to the owner, once.
fn offer(output: &mut Output, owner: &mut Owner) {
    if let Some(PipePath { path, inode }) = output.offer() {
        owner.tell(0, &Event::Offer { stream: output.stream(), path: path.as_bytes(), inode });
    }
}

fn say_closed(held: &mut Held, mut say: impl FnMut(&Event<'_>)) {
    for (output, stream) in held.outputs.iter_mut().zip(1..) {
        if std::mem::take(&mut output.closed_unsaid) {
            say(&Event::Closed { stream });
        }
    }
}

fn exited(held: &Held, end: LeaderEnd) -> Exited {
    let Usage { user_us, system_us, max_rss_bytes } = held.usage;
    let cut = held.limits.as_ref().is_some_and(Limits::is_output_cut);
    let stopped_by = match held.plan.begun_by() {
        // It ended before it could be stopped, but not all of its output was told.
        StoppedBy::Itself if cut => StoppedBy::OutputLimit,
        by => by,
    };
    Exited {
        code: end.facts.code,
        signal: end.facts.signal,
        core: end.facts.core,
        stopped_by,
        killed: held.killed,
        left_behind: end.left_behind,
        wall_us: end.wall_us,
        user_us,
        system_us,
        max_rss_bytes,
        oom: held.out_of_memory.then_some(true),
        steps: (!held.steps.taken.is_empty()).then(|| held.steps.taken.clone()),
    }
}
