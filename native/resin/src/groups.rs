//! All the groups of one tree: its cgroup2, and those of version 1 that keep limits where that controller is not in cgroup2.
//! Knows what is done to all of them at once; does not know why, nor which limits they keep.

use std::os::fd::OwnedFd;

use nix::errno::Errno;

use crate::cgroup::{Cgroup, number_in};
use crate::cgroup1::Cgroup1;
use crate::place::Controller;
use crate::tree::Usage;
use crate::wire::messages::{Containment, LimitMissing};

/// A limit that does not hold.
#[derive(Debug, Clone)]
pub struct Missing {
    /// Its name, as a user gives it.
    pub limit: &'static str,
    /// Why, for people.
    pub why: String,
    /// The kernel's answer, or ENOTSUP where it was not even asked.
    pub errno: Errno,
}

/// The limits that were asked for: which hold, and which do not.
#[derive(Debug, Default)]
pub struct Limited {
    /// Names of those that hold.
    pub applied: Vec<&'static str>,
    /// Those that do not.
    pub missing: Vec<Missing>,
}

impl Limited {
    /// Those that do not, as the owner is told.
    pub fn missing_on_wire(&self) -> Vec<LimitMissing<'_>> {
        self.missing.iter().map(|Missing { limit, why, .. }| LimitMissing { limit, why }).collect()
    }
}

/// The groups of one tree.
#[derive(Debug, Default)]
pub struct Groups {
    /// Its cgroup2.
    pub unified: Option<Cgroup>,
    /// Its groups of version 1, one for each controller.
    pub version1: Vec<Cgroup1>,
    /// Readable when a group of version 1 has no memory left.
    pub alarm: Option<OwnedFd>,
    /// What became of its limits, if it was to have any.
    pub limited: Option<Limited>,
}

impl Groups {
    /// What holds the tree.
    pub fn containment(&self) -> Containment {
        match (&self.unified, self.version1.is_empty()) {
            (Some(_), _) => Containment::Cgroup2,
            (None, false) => Containment::Cgroup1,
            (None, true) => Containment::Tree,
        }
    }

    /// Whether there is none.
    pub fn are_none(&self) -> bool {
        self.unified.is_none() && self.version1.is_empty()
    }

    /// The directory by which the tree is held.
    pub fn directory(&self) -> Option<&[u8]> {
        let first = || self.version1.first().map(Cgroup1::directory);
        self.unified.as_ref().map(Cgroup::directory).or_else(first).map(|path| path.as_os_str().as_encoded_bytes())
    }

    /// Descriptors that a new process writes `0` to, to be a member of the groups of version 1.
    pub fn joins(&self) -> Vec<i32> {
        self.version1.iter().map(Cgroup1::procs).collect()
    }

    /// Kills everything in them.
    pub fn kill(&self) {
        if let Some(cgroup) = &self.unified {
            cgroup.kill();
        }
        self.version1.iter().for_each(Cgroup1::kill);
    }

    /// Removes them, and forgets those that are gone.
    ///
    /// # Errors
    /// EBUSY while a process is left in one, for a moment also after the last was reaped.
    pub fn remove(&mut self) -> Result<(), Errno> {
        self.alarm = None;
        let mut outcome = Ok(());
        let mut is_left = |removed: Result<(), Errno>| {
            outcome = outcome.and(removed);
            removed.is_err()
        };
        self.unified.take_if(|cgroup| !is_left(cgroup.remove()));
        self.version1.retain(|group| is_left(group.remove()));
        outcome
    }

    /// Whether a memory limit holds.
    pub fn limits_memory(&self) -> bool {
        self.limited.as_ref().is_some_and(|limited| limited.applied.contains(&"memory"))
    }

    /// Whether the kernel killed a process of the tree because the tree's groups had no memory left.
    pub fn ran_out_of_memory(&self) -> bool {
        self.unified.as_ref().is_some_and(Cgroup::ran_out_of_memory)
            || self.memory1().is_some_and(Cgroup1::ran_out_of_memory)
    }

    /// What the tree uses, as far as its groups know it better than a walk over its processes: time of processes that have ended is in it, and
    /// memory that they share counts once.
    pub fn usage(&self, walked: Usage) -> Usage {
        let mut usage = walked;
        if let Some(cgroup) = &self.unified {
            let time = |key| number_in(&cgroup.directory().join("cpu.stat"), key);
            if let (Some(user_us), Some(system_us)) = (time("user_usec"), time("system_usec")) {
                (usage.user_us, usage.system_us) = (user_us, system_us);
            }
        }
        let resident = |directory: &std::path::Path, keys: [&str; 2]| {
            let file = directory.join("memory.stat");
            Some(number_in(&file, keys[0])? + number_in(&file, keys[1])?)
        };
        let in_unified = || resident(self.unified.as_ref()?.directory(), ["anon", "file_mapped"]);
        let in_memory1 = || resident(self.memory1()?.directory(), ["total_rss", "total_mapped_file"]);
        if let Some(rss_bytes) = in_memory1().or_else(in_unified) {
            usage.rss_bytes = rss_bytes;
        }
        usage
    }

    fn memory1(&self) -> Option<&Cgroup1> {
        self.version1.iter().find(|group| group.controller() == Controller::Memory)
    }
}
