//! What becomes of a tree of which the kernel killed a process for want of memory, where only the sidecar can end the others: in a group of version 1.
//! Does not know how the memory is limited, or what is told of the end.

use std::time::{Duration, Instant};

use crate::held::Held;

/// How long after the alarm of its memory a group is watched: the kernel tells first and kills then.
const MEMORY_WATCH: Duration = Duration::from_secs(2);

impl Held {
    /// Its group of version 1 has no memory left.
    pub fn memory_alarmed(&mut self, now: Instant) {
        self.memory_watch = Some(now + MEMORY_WATCH);
    }

    /// Ends the whole tree if the kernel killed a process of it for want of memory, as cgroup2 does by itself.
    pub fn check_memory(&mut self, now: Instant) {
        let Some(until) = self.memory_watch else { return };
        if self.groups.ran_out_of_memory() {
            self.out_of_memory = true;
            self.memory_watch = None;
            self.kill_now();
        } else if until <= now {
            self.memory_watch = None;
        }
    }
}
