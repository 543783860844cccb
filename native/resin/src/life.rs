//! What ends a process that does not end by itself: the time-out of its whole life, the time-out of its silence, the limit of its output.
//! Pure: it knows numbers and instants; it does not know streams, clocks or how a stop goes.

use std::time::{Duration, Instant};

use crate::wire::messages::StoppedBy;
use crate::wire::start::Life;

/// The limits of one life. Each of them ends it once; after the first, none does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    timeout_at: Option<Instant>,
    idle: Option<Duration>,
    idle_at: Option<Instant>,
    output_left_bytes: Option<u64>,
    output_exceeded: bool,
    ended: bool,
}

impl Limits {
    /// The limits of a life that begins at `now`.
    pub fn new(life: &Life, now: Instant) -> Self {
        let after = |ms: u32| Duration::from_millis(u64::from(ms));
        let idle = life.idle_timeout_ms.map(after);
        Self {
            timeout_at: life.timeout_ms.map(|ms| now + after(ms)),
            idle,
            idle_at: idle.map(|idle| now + idle),
            output_left_bytes: life.output_limit_bytes,
            output_exceeded: false,
            ended: false,
        }
    }

    /// How many bytes of output may still be passed on; 0 says that the next one is too much.
    pub fn output_left_bytes(&self) -> usize {
        self.output_left_bytes.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX))
    }

    /// Output was read and passed on.
    pub fn output(&mut self, bytes: usize, now: Instant) {
        self.output_left_bytes = self.output_left_bytes.map(|left| left.saturating_sub(bytes as u64));
        self.awake(now);
    }

    /// Output was read although nothing was left of the limit.
    pub fn output_exceeded(&mut self) {
        self.output_exceeded = true;
    }

    /// Whether there was output that was not passed on.
    pub fn is_output_cut(&self) -> bool {
        self.output_exceeded
    }

    /// Whether nobody needs to count its output, or to hear that there is some.
    pub fn leaves_output_alone(&self) -> bool {
        self.output_left_bytes.is_none() && self.idle.is_none()
    }

    /// Its silence does not count for now: nobody would hear it, since its owner does not read, or it is frozen.
    pub fn awake(&mut self, now: Instant) {
        self.idle_at = self.idle.map(|idle| now + idle);
    }

    /// Which limit is reached, if one is; each life hears of one only.
    pub fn reached(&mut self, now: Instant) -> Option<StoppedBy> {
        let is_over = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        let reached = if self.ended {
            return None;
        } else if self.output_exceeded {
            StoppedBy::OutputLimit
        } else if is_over(self.timeout_at) {
            StoppedBy::Timeout
        } else if is_over(self.idle_at) {
            StoppedBy::Idle
        } else {
            return None;
        };
        self.ended = true;
        Some(reached)
    }

    /// When [`Limits::reached`] should be asked again if nothing else happens.
    pub fn deadline(&self) -> Option<Instant> {
        if self.ended { None } else { [self.timeout_at, self.idle_at].into_iter().flatten().min() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(timeout_ms: u32, idle_timeout_ms: u32, output_limit_bytes: u64) -> (Instant, Limits) {
        let zero = Instant::now();
        let some = |value: u32| (value > 0).then_some(value);
        let output_limit_bytes = (output_limit_bytes > 0).then_some(output_limit_bytes);
        let life = Life { timeout_ms: some(timeout_ms), idle_timeout_ms: some(idle_timeout_ms), output_limit_bytes };
        (zero, Limits::new(&life, zero))
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_life_without_limits_never_reaches_one() {
        let (zero, mut none) = limits(0, 0, 0);
        none.output(1 << 40, zero);
        assert_eq!((none.deadline(), none.reached(zero + ms(1 << 40))), (None, None));
        assert_eq!(none.output_left_bytes(), usize::MAX);
    }

    #[test]
    fn output_puts_the_idle_time_out_off_and_not_that_of_the_whole_life() {
        let (zero, mut both) = limits(100, 30, 0);
        assert_eq!(both.deadline(), Some(zero + ms(30)));
        both.output(1, zero + ms(20));
        assert_eq!((both.deadline(), both.reached(zero + ms(49))), (Some(zero + ms(50)), None));
        both.output(1, zero + ms(49));
        both.awake(zero + ms(75));
        assert_eq!((both.deadline(), both.reached(zero + ms(99))), (Some(zero + ms(100)), None));
        assert_eq!(both.reached(zero + ms(100)), Some(StoppedBy::Timeout));
    }

    #[test]
    fn the_first_limit_is_the_only_one() {
        let (zero, mut both) = limits(100, 30, 0);
        assert_eq!(both.reached(zero + ms(30)), Some(StoppedBy::Idle));
        assert_eq!((both.deadline(), both.reached(zero + ms(100))), (None, None));
    }

    #[test]
    fn exactly_the_limit_of_output_is_allowed_and_a_byte_more_is_not() {
        let (zero, mut some) = limits(0, 0, 10);
        some.output(4, zero);
        assert_eq!(some.output_left_bytes(), 6);
        some.output(6, zero);
        assert_eq!((some.output_left_bytes(), some.reached(zero)), (0, None));
        some.output_exceeded();
        assert_eq!(some.reached(zero), Some(StoppedBy::OutputLimit));
    }
}
