//! A PID namespace for a tree. Its first process is a copy of the sidecar that dies with it; then the kernel kills everything else in it, so that nothing
//! is left whoever is killed, all at once included.
//! Knows namespaces and that first process; does not know the program that is held, or how it ends.
//!
//! Processes of the tree are the sidecar's own children, or were when they were started: their status, their pids and their signals are what they are without
//! a namespace. Those that lose their parent become children of the first process, which reaps them.

use std::cell::Cell;
use std::ffi::CString;
use std::fs;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::mount::{MsFlags, mount};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::waitpid;
use nix::unistd::{Pid, chdir, dup2_stderr, dup2_stdin, dup2_stdout, getegid, geteuid, pipe2, read, write};

use crate::error::{Stage, StartError};
use crate::kernel::{self, Side};
use crate::tree::Stat;
use crate::wire::messages::FirstProcess;

/// What the sidecar says to the first process: children are about to come that are not its own.
const HOLD: u8 = 1;

/// What the sidecar says to it: it may end when it has no child.
const RELEASE: u8 = 0;

/// What a launcher or the first process writes: a stage, 0 for none, and a number.
const WORD_BYTES: usize = 5;

/// Why there is no namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// What was refused.
    pub what: &'static str,
    /// The kernel's answer.
    pub errno: Errno,
}

impl Refusal {
    fn of(what: &'static str) -> impl Fn(Errno) -> Self {
        move |errno| Self { what, errno }
    }

    /// One sentence for people.
    pub fn sentence(&self) -> String {
        format!("{}: {} ({:?})", self.what, self.errno.desc(), self.errno)
    }
}

/// What the first process does before the namespace can be used, each with what is said where it fails.
const PREPARATIONS: [&str; 3] =
    ["its user cannot be made known in it", "it cannot have mounts of its own", "it cannot have a /proc of its own"];

/// The namespace of one tree. When it is dropped, everything in it is dead and reaped.
#[derive(Debug)]
pub struct PidNamespace {
    init: i32,
    start_time: u64,
    handle: OwnedFd,
    leash: OwnedFd,
    released: Cell<bool>,
    kinds: CloneFlags,
    cwd: CString,
}

impl PidNamespace {
    /// Makes one; without the right to, together with a user namespace, in which one is who one was and nobody else is known.
    ///
    /// # Errors
    /// What was refused: by the kernel for want of rights (EPERM), by its settings (ENOSPC, EPERM, EACCES), or since it knows no such thing.
    pub fn make(null: BorrowedFd<'_>) -> Result<Self, Refusal> {
        let kinds = CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWNS;
        match Self::make_of(kinds, null) {
            // Root in a user namespace of its own could no longer become anybody else.
            Err(Refusal { errno: Errno::EPERM, .. }) if !geteuid().is_root() => {
                Self::make_of(kinds | CloneFlags::CLONE_NEWUSER, null)
            }
            outcome => outcome,
        }
    }

    fn make_of(kinds: CloneFlags, null: BorrowedFd<'_>) -> Result<Self, Refusal> {
        let refused = Refusal::of("the kernel makes none");
        let cwd = std::env::current_dir().unwrap_or_else(|_| "/".into());
        let cwd = CString::new(cwd.into_os_string().into_vec()).map_err(|_| refused(Errno::EINVAL))?;
        let (leash_end, leash) = pipe2(OFlag::O_CLOEXEC).map_err(&refused)?;
        let (report, report_end) = pipe2(OFlag::O_CLOEXEC).map_err(&refused)?;
        let user = kinds.contains(CloneFlags::CLONE_NEWUSER).then(|| (geteuid().as_raw(), getegid().as_raw()));
        let init = match kernel::clone(kinds.bits() as u64, None).map_err(&refused)? {
            Side::Child => live_first(&leash_end, &report_end, null, user),
            Side::Parent(pid) => pid,
        };
        drop((leash_end, report_end));
        let reap = || _ = waitpid(Pid::from_raw(init), None);
        match read_word(&report) {
            Some((0, _)) => {}
            outcome => {
                reap();
                let what = outcome.and_then(|(preparation, _)| PREPARATIONS.get(usize::from(preparation) - 1));
                let errno = outcome.map_or(Errno::EINTR, |(_, errno)| Errno::from_raw(errno));
                return Err(Refusal { what: what.copied().unwrap_or("its first process was killed"), errno });
            }
        }
        let handle = kernel::pidfd_open(init).inspect_err(|_| {
            let _ = kernel::kill(init, libc::SIGKILL as u32);
            reap();
        });
        let start_time = Stat::read(init).map_or(0, |stat| stat.start_time);
        let handle = handle.map_err(refused)?;
        Ok(Self { init, start_time, handle, leash, released: Cell::new(false), kinds, cwd })
    }

    /// The first process: its pid.
    pub fn init(&self) -> i32 {
        self.init
    }

    /// The first process, as the owner is told.
    pub fn first_process(&self) -> FirstProcess {
        FirstProcess { pid: self.init as u32, start_time: self.start_time }
    }

    /// Kills everything in it at once.
    pub fn kill(&self) {
        let _ = kernel::pidfd_signal(&self.handle, libc::SIGKILL as u32);
    }

    /// Says that the sidecar has no child in it: it ends when nothing of the tree is left.
    pub fn release(&self) {
        self.say(RELEASE, true);
    }

    /// Lets `birth` make a process in it, as a child of the caller: with CLONE_PARENT, by a launcher, since who enters a PID namespace is not in it, only its
    /// children are. Answers what `birth` did.
    ///
    /// # Errors
    /// Stage `pidns` where the namespace cannot be entered, `pipe` or `fork`, and what `birth` answers.
    pub fn launch(&self, birth: impl FnOnce() -> Result<i32, StartError>) -> Result<i32, StartError> {
        let (word, word_end) = pipe2(OFlag::O_CLOEXEC).map_err(StartError::at(Stage::Pipe))?;
        self.say(HOLD, false);
        match kernel::fork().map_err(StartError::at(Stage::Fork))? {
            Side::Child => {
                let entered = setns(&self.handle, self.kinds).and_then(|()| chdir(self.cwd.as_c_str()));
                let outcome = entered.map_err(StartError::at(Stage::Pidns)).and_then(|()| birth());
                match outcome {
                    Ok(pid) => write_word(&word_end, 0, pid),
                    Err(StartError { stage, errno }) => write_word(&word_end, stage as u8, errno as i32),
                }
                kernel::leave(0)
            }
            Side::Parent(launcher) => {
                drop(word_end);
                let word = read_word(&word);
                let _ = waitpid(Pid::from_raw(launcher), None);
                match word {
                    Some((0, pid)) => Ok(pid),
                    Some((stage, errno)) => Err(StartError {
                        stage: Stage::from_byte(stage).unwrap_or(Stage::Pidns),
                        errno: Errno::from_raw(errno),
                    }),
                    None => Err(StartError { stage: Stage::Pidns, errno: Errno::EINTR }),
                }
            }
        }
    }

    fn say(&self, word: u8, released: bool) {
        if self.released.replace(released) != released {
            // It has ended if it does not hear it.
            let _ = write(&self.leash, &[word]);
        }
    }
}

impl Drop for PidNamespace {
    fn drop(&mut self) {
        self.kill();
        // The first process ends last, after those that are the caller's own children were reaped.
        while !matches!(waitpid(None, None), Err(Errno::ECHILD)) {}
    }
}

/// The life of the first process.
fn live_first(leash: &OwnedFd, report: &OwnedFd, null: BorrowedFd<'_>, user: Option<(u32, u32)>) -> ! {
    kernel::die_with_parent();
    kernel::set_name(c"resin-init");
    // Whatever the sidecar has open is not for this copy of it to hold open, its connection first of all.
    let kept = dup2_stdin(leash).and(dup2_stdout(report)).and(dup2_stderr(null));
    kernel::close_from(3);
    let signals = kept.and_then(|()| {
        let children = SigSet::from(Signal::SIGCHLD);
        SignalFd::with_flags(&children, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
    });
    let (stdin, stdout) = (std::io::stdin(), std::io::stdout());
    let signals = match signals.map_err(|errno| (2, errno)).and_then(|signals| prepare(user).map(|()| signals)) {
        Ok(signals) => signals,
        Err((preparation, errno)) => {
            write_word(stdout.as_fd(), preparation, errno as i32);
            kernel::leave(1)
        }
    };
    write_word(stdout.as_fd(), 0, 0);
    let _ = dup2_stdout(std::io::stderr());
    let mut released = false;
    loop {
        let empty = loop {
            match kernel::wait_any() {
                Ok(Some(_)) | Err(Errno::EINTR) => {}
                Ok(None) => break false,
                Err(_) => break true,
            }
        };
        if empty && released {
            kernel::leave(0);
        }
        let mut wakes =
            [PollFd::new(stdin.as_fd(), PollFlags::POLLIN), PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        let _ = poll(&mut wakes, PollTimeout::NONE);
        while let Ok(Some(_)) = signals.read_signal() {}
        if wakes[0].any() == Some(true) {
            let mut word = [0];
            match read(stdin.as_fd(), &mut word) {
                Ok(1) => released = word[0] == RELEASE,
                Err(Errno::EINTR) => {}
                // The sidecar is gone, perhaps before it was known whose end to die with.
                _ => kernel::leave(1),
            }
        }
    }
}

/// Makes the namespace fit to live in; else answers which of [`PREPARATIONS`] failed, counted from 1.
fn prepare(user: Option<(u32, u32)>) -> Result<(), (u8, Errno)> {
    if let Some((uid, gid)) = user {
        let map = |file: &str, text: String| {
            fs::write(format!("/proc/self/{file}"), text)
                .map_err(|error| (1, error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)))
        };
        map("uid_map", format!("{uid} {uid} 1"))?;
        // Who may map a group without a right may not change groups.
        map("setgroups", "deny".to_owned())?;
        map("gid_map", format!("{gid} {gid} 1"))?;
    }
    let none = None::<&str>;
    // What the tree mounts is its own; what the system mounts or takes away meanwhile still comes through.
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_SLAVE, none).map_err(|errno| (2, errno))?;
    let quiet = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("proc"), "/proc", Some("proc"), quiet, none).map_err(|errno| (3, errno))?;
    chdir("/").map_err(|errno| (2, errno))
}

fn write_word(pipe: impl AsFd, stage: u8, number: i32) {
    let [a, b, c, d] = number.to_ne_bytes();
    let _ = write(pipe, &[stage, a, b, c, d]);
}

/// Waits for a word; `None` where its writer died without one.
fn read_word(pipe: &OwnedFd) -> Option<(u8, i32)> {
    let mut word = [0; WORD_BYTES];
    let count = loop {
        match read(pipe, &mut word) {
            Err(Errno::EINTR) => {}
            outcome => break outcome.ok()?,
        }
    };
    let [stage, a, b, c, d] = word;
    (count == WORD_BYTES).then(|| (stage, i32::from_ne_bytes([a, b, c, d])))
}
