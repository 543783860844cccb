//! The system calls for which nix has no safe form, each as one small function. Kept in one place so that `unsafe` has three homes only:
//! here, in birth.rs and in pty.rs. Does not know why anybody calls.
#![allow(unsafe_code)]

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use nix::errno::Errno;

/// Puts every signal back to its default disposition, keeps stops of children quiet (`SA_NOCLDSTOP`) and leaves SIGPIPE to the mask.
pub fn reset_signals() {
    for signal in 1..=64 {
        // SAFETY: `action` is a fully initialised sigaction with no handler.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = libc::SIG_DFL;
            action.sa_flags = if signal == libc::SIGCHLD { libc::SA_NOCLDSTOP } else { 0 };
            if libc::sigaction(signal, &action, std::ptr::null_mut()) == 0 {
                continue;
            }
        }
        // glibc keeps two signals to itself and refuses to touch them, but they can be inherited as ignored like any other. All zeros is the
        // kernel's own struct for the default disposition, whatever its layout; SIGKILL and SIGSTOP are refused once more, which is fine.
        let default = [0u64; 8];
        // SAFETY: the buffer is larger than the kernel's struct; 8 is the size of its signal set.
        unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), std::ptr::null_mut::<u64>(), 8) };
    }
}

/// Keeps large allocations out of the heap, so that freeing them gives the pages back to the kernel at once.
pub fn keep_heap_small() {
    #[cfg(target_env = "gnu")]
    // SAFETY: mallopt only sets parameters of the allocator; a refusal leaves the defaults.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 64 * 1024);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 64 * 1024);
        libc::mallopt(libc::M_TOP_PAD, 0);
    }
}

/// Whether this process, or the one it was forked from, was made to let others finish first.
static LETS_FINISH: AtomicBool = AtomicBool::new(false);

/// Lets whoever wakes this process finish before it runs, where no other processor is free (`SCHED_BATCH`, sched(7)). Most words of an owner wake a
/// sidecar, and the owner is about to wait for it anyway: to run at once would take the time out of the owner's event loop. Changes nothing where the
/// owner has chosen a policy of its own.
pub fn let_others_finish() {
    let normal = libc::sched_param { sched_priority: 0 };
    // SAFETY: 0 is this process; the parameter is initialised, and 0 is the one priority these policies have.
    unsafe {
        if libc::sched_getscheduler(0) == libc::SCHED_OTHER
            && libc::sched_setscheduler(0, libc::SCHED_BATCH, &normal) == 0
        {
            LETS_FINISH.store(true, Ordering::Relaxed);
        }
    }
}

/// Takes that back, for a program that is to run as any other. Async-signal-safe.
pub fn compete_again() {
    if LETS_FINISH.load(Ordering::Relaxed) {
        let normal = libc::sched_param { sched_priority: 0 };
        // SAFETY: as above.
        unsafe { libc::sched_setscheduler(0, libc::SCHED_OTHER, &normal) };
    }
}

/// Closes every descriptor from `first` on. Nothing that owns one of them may be used, or dropped, from then on.
pub fn close_from(first: u32) {
    // SAFETY: called where nothing that owns a descriptor was made yet, or never is used again.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) };
    if closed == 0 {
        return;
    }
    for fd in first as i32..4096 {
        // SAFETY: as above; closing a number that is not open only answers EBADF.
        unsafe { libc::close(fd) };
    }
}

/// Random bytes as lower-case hexadecimal, two characters each.
///
/// # Errors
/// What `getrandom(2)` answers.
pub fn random_hex(bytes: usize) -> Result<String, Errno> {
    let mut random = vec![0u8; bytes];
    // SAFETY: the pointer and length are those of a live buffer.
    Errno::result(unsafe { libc::getrandom(random.as_mut_ptr().cast(), random.len(), 0) })?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A counter that another part of the kernel makes readable.
///
/// # Errors
/// What `eventfd(2)` answers.
pub fn eventfd() -> Result<OwnedFd, Errno> {
    // SAFETY: eventfd takes plain numbers; a non-negative answer is a new descriptor that nobody else owns.
    unsafe {
        let fd = Errno::result(libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK))?;
        Ok(OwnedFd::from_raw_fd(fd))
    }
}

/// Sends a signal by number to a process, or with a negative pid to a group. Signal 0 only asks whether somebody is there.
///
/// # Errors
/// What `kill(2)` answers.
pub fn kill(pid: i32, signal: u32) -> Result<(), Errno> {
    let signal = i32::try_from(signal).map_err(|_| Errno::EINVAL)?;
    // SAFETY: kill takes plain numbers.
    Errno::result(unsafe { libc::kill(pid, signal) }).map(drop)
}

/// Opens a handle to a process that stays with that process even when its pid is used again.
///
/// # Errors
/// What `pidfd_open(2)` answers; ENOSYS before Linux 5.3.
pub fn pidfd_open(pid: i32) -> Result<OwnedFd, Errno> {
    // SAFETY: pidfd_open takes plain numbers; a non-negative answer is a new descriptor that nobody else owns.
    unsafe {
        let fd = Errno::result(libc::syscall(libc::SYS_pidfd_open, pid, 0))?;
        Ok(OwnedFd::from_raw_fd(fd as i32))
    }
}

/// Sends a signal through a process handle.
///
/// # Errors
/// What `pidfd_send_signal(2)` answers.
pub fn pidfd_signal(process: impl AsFd, signal: u32) -> Result<(), Errno> {
    let fd = process.as_fd().as_raw_fd();
    // SAFETY: the descriptor is open; a null siginfo asks for the one kill(2) would make.
    let sent = unsafe {
        libc::syscall(libc::SYS_pidfd_send_signal, fd, signal as libc::c_long, std::ptr::null::<libc::siginfo_t>(), 0)
    };
    Errno::result(sent).map(drop)
}

/// Reaps one child of any kind without waiting: its pid and raw status, or `None` when children live but none has ended.
///
/// # Errors
/// ECHILD when there is no child at all.
pub fn wait_any() -> Result<Option<(i32, i32, libc::rusage)>, Errno> {
    let mut status = 0;
    // SAFETY: all of a rusage is integers, for which zero is a value.
    let mut usage = unsafe { std::mem::zeroed() };
    // SAFETY: `status` and `usage` are live. nix's waitpid is not used because it fails on real-time signals.
    let pid = Errno::result(unsafe { libc::wait4(-1, &mut status, libc::WNOHANG | libc::__WALL, &mut usage) })?;
    Ok((pid != 0).then_some((pid, status, usage)))
}

/// Accepts one connection; `flags` as for `accept4(2)`.
///
/// # Errors
/// What `accept4(2)` answers.
pub fn accept(listener: impl AsFd, flags: i32) -> Result<OwnedFd, Errno> {
    let listener = listener.as_fd().as_raw_fd();
    // SAFETY: null pointers say that the peer's address is not wanted; a non-negative answer is a new descriptor that nobody else owns.
    unsafe {
        let fd = Errno::result(libc::accept4(listener, std::ptr::null_mut(), std::ptr::null_mut(), flags))?;
        Ok(OwnedFd::from_raw_fd(fd))
    }
}

/// Which side of a fork one is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The process that forked, with the new one's pid.
    Parent(i32),
    /// The new process.
    Child,
}

/// Forks. This program never has a second thread, so the child may go on as any program does.
///
/// # Errors
/// What `fork(2)` answers.
pub fn fork() -> Result<Side, Errno> {
    // SAFETY: the program is single-threaded from its first instruction on; no lock can be held by a thread that is gone in the child.
    match Errno::result(unsafe { libc::fork() })? {
        0 => Ok(Side::Child),
        pid => Ok(Side::Parent(pid)),
    }
}

/// Forks as `clone3(2)` is told by its flags, with a copy of the memory. With shared memory (CLONE_VM) a raw call would run both on one stack. The new process is
/// born in `cgroup`, if one is given; with CLONE_PARENT it is not the caller's child but its sibling.
///
/// # Errors
/// What `clone3(2)` answers.
pub fn clone(flags: u64, cgroup: Option<BorrowedFd<'_>>) -> Result<Side, Errno> {
    /// `libc` has it in a type it does not fit.
    const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;
    // SAFETY: clone_args is plain numbers; zero is a valid value for every field left out.
    let mut arguments: libc::clone_args = unsafe { std::mem::zeroed() };
    arguments.flags = flags;
    if flags & libc::CLONE_PARENT as u64 == 0 {
        arguments.exit_signal = libc::SIGCHLD as u64;
    }
    if let Some(cgroup) = cgroup {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = cgroup.as_raw_fd() as u64;
    }
    // SAFETY: the pointer and size are those of the struct; the process has one thread, so the copy is whole.
    let pid = unsafe { libc::syscall(libc::SYS_clone3, &raw mut arguments, size_of::<libc::clone_args>()) };
    match Errno::result(pid)? {
        0 => Ok(Side::Child),
        pid => Ok(Side::Parent(pid as i32)),
    }
}

/// Ends this process at once, without what the program that it is a copy of does at its end.
pub fn leave(code: i32) -> ! {
    // SAFETY: _exit takes a plain number.
    unsafe { libc::_exit(code) }
}

/// Has this process killed when the thread that made it ends.
pub fn die_with_parent() {
    // SAFETY: prctl takes plain numbers here.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
}

/// Names this process for `ps`.
pub fn set_name(name: &std::ffi::CStr) {
    // SAFETY: the pointer is to a NUL-terminated text; the kernel copies at most 16 bytes.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
}

/// Makes this process the reaper of all its descendants.
///
/// # Errors
/// What `prctl(2)` answers.
pub fn become_subreaper() -> Result<(), Errno> {
    // SAFETY: prctl takes plain numbers here.
    Errno::result(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }).map(drop)
}

/// Clock ticks per second, the unit of times in `/proc/PID/stat`.
pub fn clock_ticks() -> u64 {
    // SAFETY: sysconf takes a plain number.
    unsafe { libc::sysconf(libc::_SC_CLK_TCK) }.max(1) as u64
}

/// Bytes of a memory page.
pub fn page_bytes() -> u64 {
    // SAFETY: sysconf takes a plain number.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) }.max(1) as u64
}

/// How many bytes are in a pipe; 0 for what is none.
pub fn bytes_in_pipe(pipe: impl AsFd) -> u64 {
    let mut bytes: i32 = 0;
    // SAFETY: FIONREAD writes one int, to the one it is given.
    unsafe { libc::ioctl(pipe.as_fd().as_raw_fd(), libc::FIONREAD, &raw mut bytes) };
    bytes.max(0) as u64
}
