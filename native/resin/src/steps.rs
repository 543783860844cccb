//! How a tree is to be stopped, as its owner said it: a signal and a grace, or steps; and what was done of it.
//! Knows orders and what a step is made of; does not know deadlines (the stop plan does) or how a step is carried out.

use std::rc::Rc;
use std::time::Instant;

use nix::errno::Errno;

use crate::child::Plan;
use crate::error::StartError;
use crate::stop_plan::Event;
use crate::wire::messages::{StepTaken, StoppedBy, Target};
use crate::wire::start::{Start, Step as StepSpec, StopSpec};

/// One step.
#[derive(Debug)]
pub struct Step {
    /// Milliseconds behind it.
    pub delay_ms: u32,
    /// Bytes for stdin.
    pub stdin: Option<Vec<u8>>,
    /// Whether stdin is closed.
    pub close_stdin: bool,
    /// A program to run beside the process.
    pub command: Option<Plan>,
    /// A signal and who gets it.
    pub signal: Option<(u32, Target)>,
}

/// How to stop a tree.
#[derive(Debug)]
pub struct Order {
    /// The stop signal.
    pub signal: u32,
    /// Milliseconds until SIGKILL.
    pub grace_ms: u32,
    /// What is done instead of sending the signal; may be nothing.
    pub steps: Rc<[Step]>,
}

impl Order {
    /// The order that a start gives for its stops; the only one whose steps may run programs.
    ///
    /// # Errors
    /// Stage `argv` or `user`, `group`, `groups`, for a program that could not be run.
    pub fn of_start(start: &Start<'_>) -> Result<Self, StartError> {
        let beside = |step: &StepSpec<'_>| step.command.as_ref().map(|argv| Plan::beside(start, argv)).transpose();
        let steps = start.stop.steps.iter().flatten().map(|step| Ok(Step::new(step, beside(step)?)));
        let steps = steps.collect::<Result<Vec<_>, _>>()?;
        Ok(Self { signal: start.stop.signal, grace_ms: start.stop.grace_ms, steps: steps.into() })
    }

    /// The order of a `stop` command; `planned` are the steps that were given at the start.
    ///
    /// # Errors
    /// EINVAL for a step that runs a program.
    pub fn of_stop(stop: &StopSpec<'_>, planned: &Rc<[Step]>) -> Result<Self, Errno> {
        let StopSpec { signal, grace_ms, .. } = *stop;
        if stop.planned == Some(true) {
            return Ok(Self { signal, grace_ms, steps: Rc::clone(planned) });
        }
        let given = stop.steps.as_deref().unwrap_or_default();
        if given.iter().any(|step| step.command.is_some()) {
            return Err(Errno::EINVAL);
        }
        Ok(Self { signal, grace_ms, steps: given.iter().map(|step| Step::new(step, None)).collect() })
    }

    /// The event by which the plan takes this order.
    pub fn begin(&self, by: StoppedBy) -> Event {
        let Self { signal, grace_ms, .. } = *self;
        if self.steps.is_empty() {
            return Event::Begin { by, signal, grace_ms };
        }
        Event::BeginSteps { by, grace_ms, delays_ms: self.steps.iter().map(|step| step.delay_ms).collect() }
    }
}

impl Step {
    fn new(step: &StepSpec<'_>, command: Option<Plan>) -> Self {
        Self {
            delay_ms: step.delay_ms,
            stdin: step.stdin.map(<[u8]>::to_vec),
            close_stdin: step.close_stdin == Some(true),
            command,
            signal: step.signal.map(|signal| (signal, step.target.unwrap_or(Target::Tree))),
        }
    }
}

/// The steps of the order that holds, and those that were taken of it and of orders before it.
#[derive(Debug, Default)]
pub struct Steps {
    /// What the plan's numbers mean.
    pub current: Option<Rc<[Step]>>,
    /// What was done.
    pub taken: Vec<StepTaken>,
    /// How many of those the owner has heard of.
    pub told: usize,
    began_at: Option<Instant>,
}

impl Steps {
    /// An order begins to hold.
    pub fn begin(&mut self, order: &Order, now: Instant) {
        self.current = Some(Rc::clone(&order.steps));
        self.began_at.get_or_insert(now);
    }

    /// A step was taken, or could not be.
    pub fn took(&mut self, step: usize, outcome: Result<(), Errno>, now: Instant) {
        let after = self.began_at.map_or(0, |at| (now - at).as_millis());
        let errno = outcome.err().map(|errno| errno as u32);
        self.taken.push(StepTaken { step: step as u32, after_ms: after as u32, errno });
    }
}
