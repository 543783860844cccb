//! The plan by which a tree ends: stop signal and grace, or steps, then SIGKILL, and SIGKILL again until nothing is left.
//! Pure: state, event and time go in, an action and the next deadline come out. It does not know processes, clocks or why somebody stops.

use std::time::{Duration, Instant};

use crate::wire::messages::StoppedBy;

/// How long a killed tree may take before it is searched and killed again.
pub const SWEEP_EVERY: Duration = Duration::from_millis(10);

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Somebody wants the end: `signal` at once, SIGKILL after `grace_ms`; 0 kills at once, without the signal.
    Begin {
        /// Who wants it.
        by: StoppedBy,
        /// The stop signal's number.
        signal: u32,
        /// Milliseconds until SIGKILL.
        grace_ms: u32,
    },
    /// Somebody wants the end by steps: the first one at once, each other one when the delay of the one before it is over, SIGKILL after the
    /// last delay or after `grace_ms`, whichever comes first. A `grace_ms` of 0 kills at once. Takes the place of steps not taken yet.
    BeginSteps {
        /// Who wants it.
        by: StoppedBy,
        /// Milliseconds behind each step, at least one.
        delays_ms: Vec<u32>,
        /// Milliseconds until SIGKILL at most.
        grace_ms: u32,
    },
    /// The leader ended while others of its tree live on; what is left gets this signal and this grace, unless a stop is under way.
    LeaderEnded {
        /// The stop signal's number.
        signal: u32,
        /// Milliseconds until SIGKILL.
        grace_ms: u32,
    },
    /// A process of the tree ended and others are left.
    ChildEnded,
    /// Time passed.
    Tick,
}

/// What is to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Send this signal, then SIGCONT, to every process of the tree.
    Signal(u32),
    /// Take this step of the last [`Event::BeginSteps`].
    Step(usize),
    /// Kill every process of the tree.
    Kill,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Quiet,
    Grace { kill_at: Instant },
    Steps { next: usize, next_at: Instant, kill_at: Instant },
    Killing { sweep_at: Instant },
}

/// The plan of one tree. It only ever moves forward: quiet, grace or steps, killing; the time of SIGKILL only comes nearer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopPlan {
    phase: Phase,
    begun_by: StoppedBy,
    delays_ms: Vec<u32>,
}

impl Default for StopPlan {
    fn default() -> Self {
        Self { phase: Phase::Quiet, begun_by: StoppedBy::Itself, delays_ms: Vec::new() }
    }
}

impl StopPlan {
    /// Takes one event at one time and says what to do. Time must not run backwards.
    pub fn step(&mut self, event: Event, now: Instant) -> Option<Action> {
        match event {
            Event::Begin { by, signal, grace_ms } => self.begin(by, signal, grace_ms, now),
            Event::BeginSteps { by, delays_ms, grace_ms } => self.begin_steps(by, delays_ms, grace_ms, now),
            Event::LeaderEnded { signal, grace_ms } => match self.phase {
                Phase::Quiet => self.begin(StoppedBy::Itself, signal, grace_ms, now),
                Phase::Grace { .. } | Phase::Steps { .. } => self.tick(now),
                Phase::Killing { .. } => Some(self.kill(now)),
            },
            Event::ChildEnded => match self.phase {
                Phase::Killing { .. } => Some(self.kill(now)),
                _ => self.tick(now),
            },
            Event::Tick => self.tick(now),
        }
    }

    /// When the plan wants to be asked again with [`Event::Tick`], if nothing else happens before.
    pub fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Quiet => None,
            Phase::Grace { kill_at } => Some(kill_at),
            Phase::Steps { next_at, kill_at, .. } => Some(next_at.min(kill_at)),
            Phase::Killing { sweep_at } => Some(sweep_at),
        }
    }

    /// Who began the end; `Itself` while nobody did.
    pub fn begun_by(&self) -> StoppedBy {
        self.begun_by
    }

    /// When SIGKILL comes if it begins now with this grace; `None` when it has come already.
    fn kill_at(&mut self, by: StoppedBy, grace_ms: u32, now: Instant) -> Option<Instant> {
        let kill_at = now + Duration::from_millis(u64::from(grace_ms));
        match self.phase {
            Phase::Quiet => {
                self.begun_by = by;
                Some(kill_at)
            }
            Phase::Grace { kill_at: earlier } | Phase::Steps { kill_at: earlier, .. } => Some(earlier.min(kill_at)),
            Phase::Killing { .. } => None,
        }
    }

    fn begin(&mut self, by: StoppedBy, signal: u32, grace_ms: u32, now: Instant) -> Option<Action> {
        match self.kill_at(by, grace_ms, now) {
            Some(kill_at) if kill_at > now => {
                self.phase = Phase::Grace { kill_at };
                Some(Action::Signal(signal))
            }
            _ => Some(self.kill(now)),
        }
    }

    fn begin_steps(&mut self, by: StoppedBy, delays_ms: Vec<u32>, grace_ms: u32, now: Instant) -> Option<Action> {
        match self.kill_at(by, grace_ms, now) {
            Some(kill_at) if kill_at > now => {
                self.delays_ms = delays_ms;
                self.phase = Phase::Steps { next: 0, next_at: now, kill_at };
                self.tick(now)
            }
            _ => Some(self.kill(now)),
        }
    }

    fn tick(&mut self, now: Instant) -> Option<Action> {
        if let Phase::Steps { next, next_at, kill_at } = self.phase
            && kill_at > now
            && next_at <= now
            && let Some(delay_ms) = self.delays_ms.get(next)
        {
            let next_at = now + Duration::from_millis(u64::from(*delay_ms));
            self.phase = Phase::Steps { next: next + 1, next_at, kill_at };
            return Some(Action::Step(next));
        }
        let due = self.deadline().is_some_and(|deadline| deadline <= now);
        due.then(|| self.kill(now))
    }

    fn kill(&mut self, now: Instant) -> Action {
        self.phase = Phase::Killing { sweep_at: now + SWEEP_EVERY };
        Action::Kill
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use StoppedBy::{Itself, Owner, OwnerGone, SidecarSignal};

    const TERM: u32 = 15;
    const INT: u32 = 2;

    fn begin(by: StoppedBy, signal: u32, grace_ms: u32) -> Event {
        Event::Begin { by, signal, grace_ms }
    }

    fn steps(by: StoppedBy, delays_ms: &[u32], grace_ms: u32) -> Event {
        Event::BeginSteps { by, delays_ms: delays_ms.to_vec(), grace_ms }
    }

    const LEADER: Event = Event::LeaderEnded { signal: TERM, grace_ms: 500 };

    /// One story: at these milliseconds these events, each with its action and the deadline (in milliseconds) that holds after it.
    type Story = (&'static str, Vec<(u64, Event, Option<Action>, Option<u64>)>, StoppedBy);

    #[test]
    fn every_story_of_an_end_goes_as_told() {
        let stories: Vec<Story> = vec![
            ("nothing happens", vec![(0, Event::Tick, None, None), (9, Event::ChildEnded, None, None)], Itself),
            (
                "signal, grace, kill, kill again",
                vec![
                    (0, begin(Owner, INT, 100), Some(Action::Signal(INT)), Some(100)),
                    (99, Event::Tick, None, Some(100)),
                    (100, Event::Tick, Some(Action::Kill), Some(110)),
                    (105, Event::Tick, None, Some(110)),
                    (106, Event::ChildEnded, Some(Action::Kill), Some(116)),
                    (120, Event::Tick, Some(Action::Kill), Some(130)),
                ],
                Owner,
            ),
            ("no grace, no signal", vec![(5, begin(Owner, TERM, 0), Some(Action::Kill), Some(15))], Owner),
            (
                "a second stop brings the deadline nearer",
                vec![
                    (0, begin(Owner, TERM, 5000), Some(Action::Signal(TERM)), Some(5000)),
                    (10, begin(Owner, INT, 100), Some(Action::Signal(INT)), Some(110)),
                ],
                Owner,
            ),
            (
                "a second stop never moves the deadline away",
                vec![
                    (0, begin(Owner, TERM, 100), Some(Action::Signal(TERM)), Some(100)),
                    (50, begin(OwnerGone, INT, 500), Some(Action::Signal(INT)), Some(100)),
                ],
                Owner,
            ),
            (
                "a second stop without grace kills",
                vec![
                    (0, begin(SidecarSignal, TERM, 100), Some(Action::Signal(TERM)), Some(100)),
                    (1, begin(Owner, TERM, 0), Some(Action::Kill), Some(11)),
                ],
                SidecarSignal,
            ),
            (
                "a stop during the killing kills again",
                vec![
                    (0, begin(OwnerGone, TERM, 0), Some(Action::Kill), Some(10)),
                    (2, begin(Owner, TERM, 9000), Some(Action::Kill), Some(12)),
                ],
                OwnerGone,
            ),
            (
                "the leader ends by itself",
                vec![
                    (0, LEADER, Some(Action::Signal(TERM)), Some(500)),
                    (20, begin(Owner, TERM, 5000), Some(Action::Signal(TERM)), Some(500)),
                    (500, Event::Tick, Some(Action::Kill), Some(510)),
                ],
                Itself,
            ),
            (
                "the leader ends during a stop: the stop goes on",
                vec![
                    (0, begin(Owner, TERM, 300), Some(Action::Signal(TERM)), Some(300)),
                    (1, LEADER, None, Some(300)),
                    (300, Event::Tick, Some(Action::Kill), Some(310)),
                ],
                Owner,
            ),
            (
                "the leader ends during the killing",
                vec![
                    (0, begin(Owner, TERM, 0), Some(Action::Kill), Some(10)),
                    (1, LEADER, Some(Action::Kill), Some(11)),
                ],
                Owner,
            ),
            (
                "steps, one after the other, then the kill",
                vec![
                    (0, steps(Owner, &[100, 0, 50], 5000), Some(Action::Step(0)), Some(100)),
                    (99, Event::ChildEnded, None, Some(100)),
                    (100, Event::Tick, Some(Action::Step(1)), Some(100)),
                    (100, Event::Tick, Some(Action::Step(2)), Some(150)),
                    (120, LEADER, None, Some(150)),
                    (150, Event::Tick, Some(Action::Kill), Some(160)),
                ],
                Owner,
            ),
            (
                "the grace ends steps early",
                vec![
                    (0, steps(Owner, &[100, 100], 130), Some(Action::Step(0)), Some(100)),
                    (100, Event::Tick, Some(Action::Step(1)), Some(130)),
                    (130, Event::Tick, Some(Action::Kill), Some(140)),
                ],
                Owner,
            ),
            ("steps without grace kill", vec![(0, steps(Owner, &[100], 0), Some(Action::Kill), Some(10))], Owner),
            (
                "a stop by signal takes the place of the steps, and steps that of a grace, never later",
                vec![
                    (0, steps(Owner, &[100, 100], 1000), Some(Action::Step(0)), Some(100)),
                    (10, begin(OwnerGone, TERM, 500), Some(Action::Signal(TERM)), Some(510)),
                    (20, steps(Owner, &[900], 900), Some(Action::Step(0)), Some(510)),
                    (510, Event::Tick, Some(Action::Kill), Some(520)),
                ],
                Owner,
            ),
            (
                "a late event finds the deadline passed",
                vec![
                    (0, begin(Owner, TERM, 10), Some(Action::Signal(TERM)), Some(10)),
                    (50, Event::ChildEnded, Some(Action::Kill), Some(60)),
                ],
                Owner,
            ),
        ];
        let zero = Instant::now();
        for (name, steps, begun_by) in stories {
            let mut plan = StopPlan::default();
            for (at_ms, event, action, deadline_ms) in steps {
                let deadline = deadline_ms.map(|ms| zero + Duration::from_millis(ms));
                assert_eq!(plan.step(event, zero + Duration::from_millis(at_ms)), action, "{name}, at {at_ms} ms");
                assert_eq!(plan.deadline(), deadline, "{name}, deadline after {at_ms} ms");
            }
            assert_eq!(plan.begun_by(), begun_by, "{name}");
        }
    }
}
