//! When to look a little longer before sleeping: a wake-up costs more than most of what it is for, so a sidecar in the middle of a quick exchange
//! polls for some microseconds first. Pure: it knows durations; it does not know what is waited for.

use std::time::Duration;

/// How long a sidecar polls before it blocks, in the middle of a quick exchange.
pub const LINGER: Duration = Duration::from_micros(50);

/// A sleep up to this long would mostly not have been one, had the sidecar polled: the sleeping and waking is part of it.
const SHORT_SLEEP: Duration = Duration::from_micros(100);

const MOST: u8 = 8;
const MISS: u8 = 2;

/// The most short sleeps that are seen before polling is tried again.
const MOST_DOUBT: u8 = 64;

/// Whether polling has been worth it lately. It begins with "no", so what is idle, or slow, never polls.
///
/// Where others need the processor, polling keeps it from the very program that is waited for, and the sleep after it is short none the less. So
/// every time that trust is lost it takes twice as many short sleeps to be given again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Linger {
    trust: u8,
    /// Short sleeps to be seen before the next try, and how many they were at its beginning.
    patience: u8,
    doubt: u8,
}

impl Default for Linger {
    fn default() -> Self {
        Self { trust: 0, patience: 1, doubt: 1 }
    }
}

impl Linger {
    /// Whether to poll before blocking now.
    pub fn is_worth_it(self) -> bool {
        self.trust > 0
    }

    /// Polling brought something.
    pub fn caught(&mut self) {
        self.trust = (self.trust + 1).min(MOST);
        if self.trust == MOST {
            self.doubt = (self.doubt / 2).max(1);
        }
    }

    /// Polling brought nothing. Where nothing comes in time, or others need the processor, that is soon the end of it.
    pub fn missed(&mut self) {
        self.trust = self.trust.saturating_sub(MISS);
        if self.trust == 0 {
            self.doubt = (self.doubt * 2).min(MOST_DOUBT);
            self.patience = self.doubt;
        }
    }

    /// It blocked for this long.
    pub fn slept(&mut self, time: Duration) {
        if time > SHORT_SLEEP || self.is_worth_it() {
            return;
        }
        self.patience = self.patience.saturating_sub(1);
        if self.patience == 0 {
            self.trust = 1;
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

    /// Short sleeps until it is tried again.
    fn until_next_try(linger: &mut Linger) -> usize {
        (1..)
            .find(|_| {
                linger.slept(Duration::ZERO);
                linger.is_worth_it()
            })
            .unwrap()
    }

    #[test]
    fn what_fails_again_and_again_is_tried_less_and_less() {
        let mut linger = Linger::default();
        let tries: Vec<usize> = (0..9)
            .map(|_| {
                let sleeps = until_next_try(&mut linger);
                linger.missed();
                sleeps
            })
            .collect();
        assert_eq!(tries, [1, 2, 4, 8, 16, 32, 64, 64, 64]);
    }

    #[test]
    fn a_good_exchange_makes_up_for_many_that_failed() {
        let mut linger = Linger::default();
        for _ in 0..9 {
            until_next_try(&mut linger);
            linger.missed();
        }
        until_next_try(&mut linger);
        (0..20).for_each(|_| linger.caught());
        (0..4).for_each(|_| linger.missed());
        assert_eq!(until_next_try(&mut linger), 2);
    }
}
