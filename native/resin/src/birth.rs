//! The life of a new process from its fork to `execve`. Everything it needs was made before the fork: here are only system calls, no allocation,
//! no lock, nothing that could panic. Does not know why the process is started or who is told how it went.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::ptr;

use libc::{c_char, c_int, c_long, c_ulong};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::unistd::pipe2;

use crate::cgroup::Cgroup;
use crate::error::{Stage, StartError};
use crate::kernel::{self, Side};
use crate::namespace::PidNamespace;
use crate::spawn_options::{Identity, OpenFile, SpawnOptions};

/// The shell that runs a script without `#!`.
pub const SHELL: &CStr = c"/bin/sh";

/// How many bytes a new process writes to say why it failed.
pub const REPORT_BYTES: usize = 5;

/// Descriptors up to here may be asked for, so none of ours may have such a number when they are set.
const FIRST_FREE_FD: c_int = 256;

/// Where one of the descriptors 0, 1 and 2 comes from.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    /// A descriptor that is open.
    Open(c_int),
    /// A file to open.
    File(&'a OpenFile),
}

/// Everything the new process needs, as numbers and pointers into the memory it gets a copy of.
#[derive(Debug)]
pub struct Birth<'a> {
    /// The pid of its parent as it sees it: 0 from inside a PID namespace.
    pub parent: i32,
    /// Descriptors 0, 1 and 2, set in this order.
    pub stdio: [Source<'a>; 3],
    /// Where failures are written.
    pub report: c_int,
    /// Both ends of a pipe whose end of file lets it go on.
    pub gate: Option<(OwnedFd, OwnedFd)>,
    /// Descriptors of cgroups to become a member of.
    pub joins: &'a [c_int],
    /// The terminal to become the session's own.
    pub terminal: Option<c_int>,
    /// What else is set.
    pub options: Option<&'a SpawnOptions>,
    /// The working directory, or null.
    pub cwd: *const c_char,
    /// Paths to execute, the first that can be.
    pub candidates: &'a [CString],
    /// Arguments, null-terminated.
    pub argv: &'a [*const c_char],
    /// Environment, null-terminated.
    pub env: &'a [*const c_char],
    /// Room for the arguments of a shell.
    pub script_argv: &'a mut [*const c_char],
}

impl Birth<'_> {
    /// Gives birth: in the cgroup and the namespace, if there are such. Where `clone3` cannot put it into the cgroup, it waits behind a gate and is moved.
    ///
    /// # Errors
    /// Stage `cgroup`, `pidns`, `fork` or `pipe`.
    pub fn give(&mut self, cgroup: Option<&Cgroup>, namespace: Option<&PidNamespace>) -> Result<i32, StartError> {
        let Some(cgroup) = cgroup else { return self.enter(None, namespace) };
        match self.enter(Some(cgroup), namespace) {
            Err(StartError {
                stage: Stage::Cgroup,
                errno: Errno::ENOSYS | Errno::EPERM | Errno::E2BIG | Errno::EINVAL,
            }) => {}
            outcome => return outcome,
        }
        self.gate = Some(pipe2(OFlag::O_CLOEXEC).map_err(StartError::at(Stage::Pipe))?);
        let pid = self.enter(None, namespace)?;
        let moved = cgroup.add(pid);
        if moved.is_err() {
            // Still behind the gate: it has done nothing yet, and its end is reaped here so that no one else hears of it.
            let _ = kernel::kill(pid, libc::SIGKILL as u32);
            let _ = nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(pid), None);
        }
        self.gate = None;
        moved.map(|()| pid).map_err(StartError::at(Stage::Cgroup))
    }

    fn enter(&mut self, cgroup: Option<&Cgroup>, namespace: Option<&PidNamespace>) -> Result<i32, StartError> {
        match namespace {
            Some(namespace) => namespace.launch(|| self.fork(libc::CLONE_PARENT as u64, cgroup)),
            None => self.fork(0, cgroup),
        }
    }

    fn fork(&mut self, flags: u64, cgroup: Option<&Cgroup>) -> Result<i32, StartError> {
        let side = match (flags, cgroup) {
            (0, None) => kernel::fork(),
            _ => kernel::clone(flags, cgroup.map(|cgroup| cgroup.handle().as_fd())),
        };
        match side {
            Ok(Side::Parent(pid)) => Ok(pid),
            Ok(Side::Child) => self.live(),
            Err(errno) => {
                let for_want = matches!(errno, Errno::EAGAIN | Errno::ENOMEM);
                let stage = if cgroup.is_some() && !for_want { Stage::Cgroup } else { Stage::Fork };
                Err(StartError { stage, errno })
            }
        }
    }

    /// The life of the new process up to `execve`.
    fn live(&mut self) -> ! {
        // SAFETY: this is the new process, single-threaded, with its own copy of all memory; every pointer is to a NUL-terminated text or a
        // null-terminated array that was made before the fork and is never freed here.
        unsafe {
            if let Some((gate, other_end)) = &self.gate {
                libc::close(other_end.as_raw_fd());
                let mut byte = 0u8;
                libc::read(gate.as_raw_fd(), ptr::from_mut(&mut byte).cast(), 1);
            }
            for group in self.joins {
                if libc::write(*group, c"0".as_ptr().cast(), 1) < 0 {
                    self.fail(Stage::Limits);
                }
            }
            if let Err(stage) = self.settle() {
                self.fail(stage);
            }
            self.execute();
            self.fail(Stage::Exec)
        }
    }

    /// Everything before `execve`, in the one order that works; where it fails errno is set.
    ///
    /// # Safety
    /// To be called in the new process only.
    unsafe fn settle(&mut self) -> Result<(), Stage> {
        // SAFETY: as in `live`.
        unsafe {
            kernel::compete_again();
            done(libc::setsid(), Stage::Session)?;
            if let Some(terminal) = self.terminal {
                done(libc::ioctl(terminal, libc::TIOCSCTTY, 0), Stage::Pty)?;
            }
            if let Some(umask) = self.options.and_then(|options| options.umask) {
                libc::umask(umask as libc::mode_t);
            }
            self.set_descriptors()?;
            if let Some(options) = self.options {
                set_priorities(options)?;
                drop_bounding(options)?;
                become_user(&options.identity)?;
                drop_own(options.drop_capabilities)?;
            }
            // The kernel sends this when the sidecar dies. It is forgotten when the user changes, hence not before. Should the sidecar have died
            // before the call, the parent is another one by now.
            done(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL), Stage::Session)?;
            if libc::getppid() != self.parent {
                libc::_exit(127);
            }
            if !self.cwd.is_null() {
                done(libc::chdir(self.cwd), Stage::Cwd)?;
            }
            if self.options.is_some_and(|options| options.no_new_privs) {
                done(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), Stage::NoNewPrivs)?;
            }
            // Dispositions are the default ones already: the program resets them when it starts and sets none.
            let mut none: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&mut none);
            libc::sigprocmask(libc::SIG_SETMASK, &none, ptr::null_mut());
            Ok(())
        }
    }

    /// Sets 0, 1 and 2, marks all others to be closed, then sets the further ones.
    ///
    /// # Safety
    /// To be called in the new process only.
    unsafe fn set_descriptors(&mut self) -> Result<(), Stage> {
        // SAFETY: as in `live`.
        unsafe {
            for (target, source) in self.stdio.iter().enumerate() {
                let source = match source {
                    Source::Open(fd) => *fd,
                    Source::File(file) => done(libc::open(file.path.as_ptr(), file.flags, 0o666), Stage::Stdio)?,
                };
                done(libc::dup2(source, target as c_int), Stage::Stdio)?;
            }
            if libc::syscall(libc::SYS_close_range, 3, c_int::MAX, CLOSE_RANGE_CLOEXEC) < 0 {
                for fd in 3..1024 {
                    libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC);
                }
            }
            let files = self.options.map_or(&[][..], |options| &options.files);
            if files.is_empty() {
                return Ok(());
            }
            let away = |fd| done(libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, FIRST_FREE_FD), Stage::Descriptors);
            self.report = away(self.report)?;
            for (target, file) in files {
                let opened = away(done(libc::open(file.path.as_ptr(), file.flags, 0o666), Stage::Descriptors)?)?;
                done(libc::dup2(opened, *target), Stage::Descriptors)?;
            }
            Ok(())
        }
    }

    /// Tries the candidates by the rules of `execvp(3)`; comes back with errno set when none could be executed.
    ///
    /// # Safety
    /// To be called in the new process only.
    unsafe fn execute(&mut self) {
        let mut denied = false;
        for candidate in self.candidates {
            // SAFETY: as in `live`.
            unsafe { libc::execve(candidate.as_ptr(), self.argv.as_ptr(), self.env.as_ptr()) };
            match Errno::last_raw() {
                libc::ENOEXEC => {
                    if let Some(script) = self.script_argv.get_mut(1) {
                        *script = candidate.as_ptr();
                    }
                    // SAFETY: as in `live`; the array is the shell, the script, the other arguments and a null.
                    unsafe { libc::execve(SHELL.as_ptr(), self.script_argv.as_ptr(), self.env.as_ptr()) };
                    return;
                }
                libc::EACCES => denied = true,
                libc::ENOENT | libc::ENOTDIR | libc::ESTALE | libc::ENODEV | libc::ETIMEDOUT => {}
                _ => return,
            }
        }
        if denied {
            Errno::EACCES.set();
        }
    }

    /// Writes where it failed and ends.
    ///
    /// # Safety
    /// To be called in the new process only.
    unsafe fn fail(&self, stage: Stage) -> ! {
        let errno = Errno::last_raw().to_ne_bytes();
        let report: [u8; REPORT_BYTES] = [stage as u8, errno[0], errno[1], errno[2], errno[3]];
        // SAFETY: the buffer is live; five bytes fit an empty pipe.
        unsafe {
            libc::write(self.report, report.as_ptr().cast(), report.len());
            libc::_exit(127)
        }
    }
}

/// The answer of a system call, or the stage if it failed.
fn done(answer: c_int, stage: Stage) -> Result<c_int, Stage> {
    if answer < 0 { Err(stage) } else { Ok(answer) }
}

fn done_long(answer: c_long, stage: Stage) -> Result<c_long, Stage> {
    if answer < 0 { Err(stage) } else { Ok(answer) }
}

/// What may need rights that the process is about to lose.
///
/// # Safety
/// To be called in the new process only.
unsafe fn set_priorities(options: &SpawnOptions) -> Result<(), Stage> {
    // SAFETY: as in `live`.
    unsafe {
        if let Some(text) = &options.oom_score_adj {
            let path = c"/proc/self/oom_score_adj".as_ptr();
            let file = done(libc::open(path, libc::O_WRONLY | libc::O_CLOEXEC), Stage::OomScoreAdj)?;
            done_long(libc::write(file, text.as_ptr().cast(), text.len()) as c_long, Stage::OomScoreAdj)?;
            libc::close(file);
        }
        if let Some(nice) = options.nice {
            done(libc::setpriority(libc::PRIO_PROCESS, 0, nice), Stage::Nice)?;
        }
        if let Some(priority) = options.io_priority {
            const THIS_PROCESS: c_long = 1;
            let set = libc::syscall(libc::SYS_ioprio_set, THIS_PROCESS, 0 as c_long, c_long::from(priority));
            done_long(set, Stage::IoPriority)?;
        }
        for (resource, limits) in &options.rlimits {
            let none = ptr::null_mut::<u64>();
            let set =
                libc::syscall(libc::SYS_prlimit64, 0 as c_long, c_ulong::from(*resource as u16), limits.as_ptr(), none);
            done_long(set, Stage::Rlimits)?;
        }
        Ok(())
    }
}

/// Takes capabilities out of what any program it executes could get. Only a process that may set capabilities can; one that can gain none by
/// executing anything needs not.
///
/// # Safety
/// To be called in the new process only.
unsafe fn drop_bounding(options: &SpawnOptions) -> Result<(), Stage> {
    for capability in (0..64 as c_ulong).filter(|bit| options.drop_capabilities >> bit & 1 == 1) {
        // SAFETY: prctl takes plain numbers here.
        unsafe {
            if libc::prctl(libc::PR_CAPBSET_READ, capability, 0, 0, 0) == 1
                && libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) < 0
                && !options.no_new_privs
            {
                return Err(Stage::Capabilities);
            }
        }
    }
    Ok(())
}

/// Groups, group, user: in this order, since without the user's rights the groups could not be changed any more.
///
/// # Safety
/// To be called in the new process only.
unsafe fn become_user(identity: &Identity) -> Result<(), Stage> {
    // Straight from the kernel: the C library's own calls take a lock to tell threads that are not there.
    // SAFETY: plain numbers, and the array was made before the fork.
    unsafe {
        if let (Some(groups), Some(stage)) = (&identity.groups, identity.groups_from) {
            done_long(libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr()), stage)?;
        }
        if let Some(gid) = identity.gid {
            let stage = if identity.uid.is_some() { Stage::User } else { Stage::Group };
            done_long(libc::syscall(libc::SYS_setresgid, gid, gid, gid), stage)?;
        }
        if let Some(uid) = identity.uid {
            done_long(libc::syscall(libc::SYS_setresuid, uid, uid, uid), Stage::User)?;
        }
    }
    Ok(())
}

/// Takes capabilities out of what the process has itself, wherever it has them.
///
/// # Safety
/// To be called in the new process only.
unsafe fn drop_own(mask: u64) -> Result<(), Stage> {
    const VERSION_3: u32 = 0x2008_0522;
    if mask == 0 {
        return Ok(());
    }
    let mut header = [VERSION_3, 0];
    // Effective, permitted and inheritable; the lower 32 bits of each, then the upper ones.
    let mut sets = [0u32; 6];
    // SAFETY: the kernel's structs are two and six numbers of 32 bits.
    unsafe {
        done_long(libc::syscall(libc::SYS_capget, header.as_mut_ptr(), sets.as_mut_ptr()), Stage::Capabilities)?;
        let (low, high) = sets.split_at_mut(3);
        low.iter_mut().for_each(|set| *set &= !(mask as u32));
        high.iter_mut().for_each(|set| *set &= !((mask >> 32) as u32));
        done_long(libc::syscall(libc::SYS_capset, header.as_mut_ptr(), sets.as_ptr()), Stage::Capabilities)?;
    }
    Ok(())
}

const CLOSE_RANGE_CLOEXEC: c_int = 4;
