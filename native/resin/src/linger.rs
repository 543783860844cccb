//! When to look a little longer before sleeping: a wake-up costs more than most of what it is for, so a sidecar in the middle of a quick exchange
//! polls for some microseconds first. Pure: it knows durations; it does not know what is waited for.

use std::time::Duration;

/// How long a sidecar polls before it blocks, in the middle of a quick exchange.
pub const LINGER: Duration = Duration::from_micros(50);

/// A sleep up to this long would mostly not have been one, had the sidecar polled: the sleeping and waking is part of it.
const SHORT_SLEEP: Duration = Duration::from_micros(100);

const MOST: u8 = 8;
const MISS: u8 = 2;

/// Whether polling has been worth it lately. It begins with "no", so what is idle, or slow, never polls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Linger {
    trust: u8,
}

impl Linger {
    /// Whether to poll before blocking now.
    pub fn is_worth_it(self) -> bool {
        self.trust > 0
    }

    /// Polling brought something.
    pub fn caught(&mut self) {
        self.trust = (self.trust + 1).min(MOST);
    }

    /// Polling brought nothing. Where nothing comes in time, or others need the processor, that is soon the end of it.
    pub fn missed(&mut self) {
        self.trust = self.trust.saturating_sub(MISS);
    }

    /// It blocked for this long.
    pub fn slept(&mut self, time: Duration) {
        if time <= SHORT_SLEEP {
            self.caught();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_sleeps_begin_it_and_misses_end_it() {
        let mut linger = Linger::default();
        assert!(!linger.is_worth_it());
        linger.slept(Duration::from_micros(101));
        assert!(!linger.is_worth_it());
        linger.slept(Duration::from_micros(99));
        assert!(linger.is_worth_it());
        linger.missed();
        assert!(!linger.is_worth_it());
    }

    #[test]
    fn a_long_exchange_is_forgotten_after_a_few_misses() {
        let mut linger = Linger::default();
        (0..1000).for_each(|_| linger.caught());
        let misses = (1..)
            .take_while(|_| {
                linger.missed();
                linger.is_worth_it()
            })
            .count();
        assert_eq!(misses, 3);
    }
}
