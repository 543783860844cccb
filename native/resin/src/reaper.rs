//! Reaps children until none is ready, and reads what their status words say.
//! Knows `waitpid` and exit facts; does not know which child is the leader or what its end means.

use nix::errno::Errno;

use crate::kernel;

/// How one process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExitFacts {
    /// Its exit code, or `None` when a signal ended it.
    pub code: Option<u8>,
    /// The signal that ended it.
    pub signal: Option<u32>,
    /// Whether it dumped core.
    pub core: bool,
}

impl ExitFacts {
    /// Reads the status word of `wait(2)`.
    pub fn from_status(status: i32) -> Self {
        if libc::WIFSIGNALED(status) {
            Self { code: None, signal: Some(libc::WTERMSIG(status) as u32), core: libc::WCOREDUMP(status) }
        } else {
            Self { code: Some(libc::WEXITSTATUS(status) as u8), signal: None, core: false }
        }
    }
}

/// What a process used, and every descendant that was reaped under it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Microseconds of processor time in user mode.
    pub user_us: u64,
    /// Microseconds of processor time in the kernel.
    pub system_us: u64,
    /// The largest resident set of any one of them.
    pub max_rss_bytes: u64,
}

impl Usage {
    /// Adds what another process used.
    pub fn add(&mut self, other: Self) {
        self.user_us += other.user_us;
        self.system_us += other.system_us;
        self.max_rss_bytes = self.max_rss_bytes.max(other.max_rss_bytes);
    }

    fn from_kernel(usage: &libc::rusage) -> Self {
        let microseconds = |time: libc::timeval| time.tv_sec.max(0) as u64 * 1_000_000 + time.tv_usec.max(0) as u64;
        Self {
            user_us: microseconds(usage.ru_utime),
            system_us: microseconds(usage.ru_stime),
            max_rss_bytes: usage.ru_maxrss.max(0) as u64 * 1024,
        }
    }
}

/// What one look for an ended child found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaped {
    /// A child ended; it is gone from the process table now.
    Ended(i32, ExitFacts, Usage),
    /// Children live, none has ended.
    NoneYet,
    /// There is no child: the tree is empty.
    Empty,
}

/// Looks for one ended child, without waiting. Call it until it no longer answers [`Reaped::Ended`]: one SIGCHLD can stand for many ends.
pub fn reap() -> Reaped {
    loop {
        match kernel::wait_any() {
            Ok(Some((pid, status, usage))) if libc::WIFEXITED(status) || libc::WIFSIGNALED(status) => {
                return Reaped::Ended(pid, ExitFacts::from_status(status), Usage::from_kernel(&usage));
            }
            Ok(Some(_)) | Err(Errno::EINTR) => {}
            Ok(None) => return Reaped::NoneYet,
            Err(_) => return Reaped::Empty,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_adds_times_and_keeps_the_largest_resident_set() {
        let mut sum = Usage { user_us: 1, system_us: 2, max_rss_bytes: 30 };
        sum.add(Usage { user_us: 10, system_us: 20, max_rss_bytes: 3 });
        assert_eq!(sum, Usage { user_us: 11, system_us: 22, max_rss_bytes: 30 });
    }

    #[test]
    fn status_words_become_code_signal_and_core() {
        let facts = |code, signal, core| ExitFacts { code, signal, core };
        assert_eq!(ExitFacts::from_status(0), facts(Some(0), None, false));
        assert_eq!(ExitFacts::from_status(3 << 8), facts(Some(3), None, false));
        assert_eq!(ExitFacts::from_status(255 << 8), facts(Some(255), None, false));
        assert_eq!(ExitFacts::from_status(9), facts(None, Some(9), false));
        assert_eq!(ExitFacts::from_status(34), facts(None, Some(34), false));
        assert_eq!(ExitFacts::from_status(6 | 0x80), facts(None, Some(6), true));
    }
}
