//! The tree of processes below this one, as `/proc` tells it: find them, signal them, kill them, sum up what they use.
//! Knows pids, parents and start times; does not know cgroups, deadlines or which process is the leader.
//!
//! A pid alone never gets a signal: a descendant is held by a pidfd first, then its parent is read again. A stranger who was given the pid in
//! between has another parent, and a process that ended in between is not hit through its pidfd.

use std::fs;
use std::io::Read;

use nix::errno::Errno;

use crate::kernel;

const SIGKILL: u32 = libc::SIGKILL as u32;
const SIGSTOP: u32 = libc::SIGSTOP as u32;
const SIGCONT: u32 = libc::SIGCONT as u32;

/// How often a tree is searched for new processes while it is being stopped; a tree that forks faster is killed as far as it is known.
const STOP_ROUNDS: usize = 32;

/// One line of `/proc/PID/stat`, as far as it is needed here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// The parent's pid.
    pub ppid: i32,
    /// The process group.
    pub group: i32,
    /// Whether it has ended and only waits to be reaped.
    pub ended: bool,
    /// Whether it has not called `execve` since its fork.
    pub never_executed: bool,
    /// Time in user mode, in clock ticks.
    pub user_ticks: u64,
    /// Time in kernel mode, in clock ticks.
    pub system_ticks: u64,
    /// How many threads it has.
    pub threads: u64,
    /// When it started, in clock ticks since boot.
    pub start_time: u64,
    /// Resident memory, in pages.
    pub rss_pages: u64,
}

impl Stat {
    /// Reads a living or ended process's line; `None` when there is no such process.
    pub fn read(pid: i32) -> Option<Self> {
        let mut text = [0; 1024];
        let length = fs::File::open(format!("/proc/{pid}/stat")).ok()?.read(&mut text).ok()?;
        Self::parse(&text[..length])
    }

    /// Reads the line's fields. The command's name may hold spaces and parentheses, so they are counted from the last one.
    fn parse(line: &[u8]) -> Option<Self> {
        const FORKED_WITHOUT_EXEC: u64 = 0x40;
        let behind_name = line.iter().rposition(|byte| *byte == b')')? + 2;
        let text = std::str::from_utf8(line.get(behind_name..)?).ok()?;
        let fields: Vec<&str> = text.split_ascii_whitespace().take(22).collect();
        let number = |field: usize| fields.get(field - 3)?.parse::<i64>().ok();
        Some(Self {
            ppid: number(4)? as i32,
            group: number(5)? as i32,
            ended: matches!(fields.first(), Some(&("Z" | "X" | "x"))),
            never_executed: number(9)? as u64 & FORKED_WITHOUT_EXEC != 0,
            user_ticks: number(14)? as u64,
            system_ticks: number(15)? as u64,
            threads: number(20)? as u64,
            start_time: number(22)? as u64,
            rss_pages: number(24).unwrap_or(0) as u64,
        })
    }
}

/// A living process below this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Descendant {
    /// Its pid.
    pub pid: i32,
    /// What `/proc` said about it when it was found.
    pub stat: Stat,
}

impl Descendant {
    /// Sends a signal, if this is still the process that was found.
    ///
    /// # Errors
    /// ESRCH when it is not; else what the kernel answers.
    pub fn signal(&self, signal: u32) -> Result<(), Errno> {
        let own_child = self.stat.ppid == own_pid();
        if own_child {
            // Nobody but this process reaps its own children, so their pids cannot pass to strangers meanwhile.
            return kernel::kill(self.pid, signal);
        }
        let handle = match kernel::pidfd_open(self.pid) {
            Ok(handle) => Some(handle),
            Err(Errno::ENOSYS | Errno::EPERM) => None,
            Err(errno) => return Err(errno),
        };
        let now = Stat::read(self.pid).ok_or(Errno::ESRCH)?;
        if now.start_time != self.stat.start_time || now.ended {
            return Err(Errno::ESRCH);
        }
        match handle {
            Some(handle) => kernel::pidfd_signal(handle, signal),
            None => kernel::kill(self.pid, signal),
        }
    }
}

/// The living descendants of this process, parents first.
pub fn descendants() -> Vec<Descendant> {
    below(own_pid(), |_| true)
}

/// The living descendants of this process without those below the children that `keep` refuses.
pub fn descendants_of_children(keep: impl Fn(i32) -> bool) -> Vec<Descendant> {
    below(own_pid(), keep)
}

/// Sends a signal to each of them; answers how many got it.
pub fn signal_all(processes: &[Descendant], signal: u32) -> usize {
    processes.iter().filter(|process| process.signal(signal).is_ok()).count()
}

/// Sends SIGCONT to each of them, so that a stopped one can take the stop signal it was sent.
pub fn continue_all(processes: &[Descendant]) {
    signal_all(processes, SIGCONT);
}

/// Kills every process that `find` gives; answers how many it hit.
///
/// Whoever has a child may be forking right now. Such a tree is stopped first, and only then killed, so that none is born behind the search.
pub fn kill_all(find: impl Fn() -> Vec<Descendant>) -> usize {
    let mut found = find();
    if found.len() > 1 {
        found = stop_found(found, find);
    }
    found.iter().filter(|process| process.signal(SIGKILL).is_ok()).count()
}

/// Stops every process that `find` gives, again and again until no new one turns up.
pub fn stop_all(find: impl Fn() -> Vec<Descendant>) {
    stop_found(find(), find);
}

fn stop_found(mut found: Vec<Descendant>, find: impl Fn() -> Vec<Descendant>) -> Vec<Descendant> {
    let mut stopped = Vec::new();
    for _ in 0..STOP_ROUNDS {
        let fresh: Vec<_> = found.iter().filter(|process| !stopped.contains(&process.pid)).copied().collect();
        if fresh.is_empty() {
            break;
        }
        for process in fresh {
            // A refusal is not repeated: the process ended, or belongs to somebody else.
            let _ = process.signal(SIGSTOP);
            stopped.push(process.pid);
        }
        found = find();
    }
    found
}

/// What the living tree uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Living processes.
    pub processes: u32,
    /// Their resident memory, in bytes.
    pub rss_bytes: u64,
    /// Their time in user mode, in microseconds.
    pub user_us: u64,
    /// Their time in kernel mode, in microseconds.
    pub system_us: u64,
}

/// Sums up what they use.
pub fn usage(processes: &[Descendant]) -> Usage {
    let us_per_tick = 1_000_000 / kernel::clock_ticks();
    let page_bytes = kernel::page_bytes();
    processes.iter().fold(Usage::default(), |sum, process| Usage {
        processes: sum.processes + 1,
        rss_bytes: sum.rss_bytes + process.stat.rss_pages * page_bytes,
        user_us: sum.user_us + process.stat.user_ticks * us_per_tick,
        system_us: sum.system_us + process.stat.system_ticks * us_per_tick,
    })
}

/// Pids of the direct children of this process, ended ones included.
pub fn own_children() -> Vec<i32> {
    children_of(own_pid(), 1).unwrap_or_else(|| {
        all_processes().into_iter().filter(|(_, stat)| stat.ppid == own_pid()).map(|(pid, _)| pid).collect()
    })
}

fn own_pid() -> i32 {
    nix::unistd::getpid().as_raw()
}

fn below(root: i32, keep: impl Fn(i32) -> bool) -> Vec<Descendant> {
    let mut found: Vec<Descendant> = Vec::new();
    let Some(children) = children_of(root, 1) else { return below_by_parents(root, keep) };
    let mut waiting: Vec<(i32, i32)> = children.into_iter().filter(|pid| keep(*pid)).map(|pid| (pid, root)).collect();
    while let Some((pid, parent)) = waiting.pop() {
        let Some(stat) = Stat::read(pid) else { continue };
        // Between the list and the stat the parent may have ended (then this process is the parent now) or the pid passed to a stranger.
        if stat.ppid != parent && stat.ppid != root {
            continue;
        }
        if !stat.ended && !found.iter().any(|process| process.pid == pid) {
            found.push(Descendant { pid, stat });
        }
        waiting.extend(children_of(pid, stat.threads).unwrap_or_default().into_iter().map(|child| (child, pid)));
    }
    found
}

/// The same from a list of all processes and their parents, for kernels without `/proc/PID/task/TID/children`.
fn below_by_parents(root: i32, keep: impl Fn(i32) -> bool) -> Vec<Descendant> {
    let all = all_processes();
    let mut found = Vec::new();
    let mut waiting = vec![root];
    while let Some(parent) = waiting.pop() {
        for (pid, stat) in all.iter().filter(|(pid, stat)| stat.ppid == parent && (parent != root || keep(*pid))) {
            waiting.push(*pid);
            if !stat.ended {
                found.push(Descendant { pid: *pid, stat: *stat });
            }
        }
    }
    found
}

fn all_processes() -> Vec<(i32, Stat)> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    pids.filter_map(|pid| Some((pid, Stat::read(pid)?))).collect()
}

/// Pids of the children that any thread of a process made; `None` when the kernel does not tell.
fn children_of(pid: i32, threads: u64) -> Option<Vec<i32>> {
    let mut children = Vec::new();
    let first = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.extend(first.split_ascii_whitespace().filter_map(|text| text.parse::<i32>().ok()));
    if threads <= 1 {
        return Some(children);
    }
    for thread in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
        let name = thread.file_name();
        if name.to_str().and_then(|text| text.parse::<i32>().ok()) == Some(pid) {
            continue;
        }
        if let Ok(more) = fs::read_to_string(thread.path().join("children")) {
            children.extend(more.split_ascii_whitespace().filter_map(|text| text.parse::<i32>().ok()));
        }
    }
    Some(children)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_is_read_behind_the_last_parenthesis() {
        let line =
            b"42 (a) R 9 (b) S 7 6 5 0 -1 4194368 1 2 3 4 11 12 0 0 20 0 1 0 987654 1000 77 18446744073709551615 1 1";
        let stat = Stat::parse(line).unwrap();
        assert_eq!((stat.ppid, stat.group, stat.ended, stat.never_executed), (7, 6, false, true));
        assert_eq!((stat.user_ticks, stat.system_ticks, stat.start_time, stat.rss_pages), (11, 12, 987_654, 77));
    }

    #[test]
    fn this_process_is_found_by_both_ways_and_a_missing_one_by_neither() {
        let own = Stat::read(own_pid()).unwrap();
        assert!(!own.ended);
        assert!(all_processes().iter().any(|(pid, stat)| *pid == own_pid() && stat.start_time == own.start_time));
        assert!(Stat::read(i32::MAX).is_none());
    }
}
