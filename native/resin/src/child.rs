//! Makes the process: everything is prepared before the fork, and between fork and `execve` only system calls are made.
//! Knows `clone3`, `execve` and the search in `PATH`; does not know what becomes of the process or who is told.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::ptr;

use libc::{c_char, c_int};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::{getpid, pipe2, read};
use serde_bytes::Bytes;

use crate::cgroup::Cgroup;
use crate::error::{Stage, StartError};
use crate::kernel::{self, Side};
use crate::surroundings::PASSED_STDIO;
use crate::wire::messages::Stdio;

const DEFAULT_PATH: &[u8] = b"/usr/local/bin:/bin:/usr/bin";
const SHELL: &CStr = c"/bin/sh";

/// What to execute, in the form the kernel takes it.
#[derive(Debug)]
pub struct Program {
    candidates: Vec<CString>,
    argv: Vec<CString>,
    env: Vec<CString>,
    cwd: Option<CString>,
}

impl Program {
    /// Prepares arguments, environment, directory and the paths to try.
    ///
    /// # Errors
    /// Stage `argv` with EINVAL for a NUL byte inside an argument or the directory.
    pub fn new(argv: &[&Bytes], env: &[u8], cwd: Option<&[u8]>) -> Result<Self, StartError> {
        let text =
            |bytes: &[u8]| CString::new(bytes).map_err(|_| StartError { stage: Stage::Argv, errno: Errno::EINVAL });
        let arguments: Vec<CString> = argv.iter().map(|argument| text(argument)).collect::<Result<_, _>>()?;
        let env: Vec<CString> =
            env.strip_suffix(b"\0").unwrap_or(env).split(|byte| *byte == 0).map(text).collect::<Result<_, _>>()?;
        let env: Vec<CString> = env.into_iter().filter(|entry| !entry.is_empty()).collect();
        let path = env.iter().find_map(|entry| entry.as_bytes().strip_prefix(b"PATH="));
        let candidates = candidates(arguments[0].as_bytes(), path.unwrap_or(DEFAULT_PATH))
            .into_iter()
            .map(|path| text(&path))
            .collect::<Result<_, _>>()?;
        Ok(Self { candidates, argv: arguments, env, cwd: cwd.map(text).transpose()? })
    }
}

/// The paths `execvp(3)` would try: the program itself if it contains a slash, else it behind every element of PATH.
fn candidates(program: &[u8], path: &[u8]) -> Vec<Vec<u8>> {
    if program.is_empty() || program.contains(&b'/') {
        return vec![program.to_vec()];
    }
    let elements = path.split(|byte| *byte == b':');
    elements
        .map(|element| if element.is_empty() { program.to_vec() } else { [element, b"/", program].concat() })
        .collect()
}

/// A process that was made and is on its way to `execve`.
#[derive(Debug)]
pub struct Spawned {
    /// Its pid.
    pub pid: i32,
    /// Ends without a byte once `execve` succeeded (or the process was killed before); else tells where and why it failed.
    pub report: OwnedFd,
    /// Our end of its stdin, nonblocking; `None` when that is `/dev/null`. The next two likewise.
    pub stdin: Option<OwnedFd>,
    /// Our end of its stdout.
    pub stdout: Option<OwnedFd>,
    /// Our end of its stderr.
    pub stderr: Option<OwnedFd>,
}

/// Makes the process, in `cgroup` if one is given. Descriptors 0, 1 and 2 of the caller must be open, so that no pipe gets one of their numbers.
///
/// # Errors
/// Stage `pipe`, `cgroup` or `fork`. Whatever fails in the new process itself comes through [`Spawned::report`].
pub fn spawn(
    program: &Program,
    stdio: [Stdio; 3],
    null: BorrowedFd<'_>,
    cgroup: Option<&Cgroup>,
) -> Result<Spawned, StartError> {
    let at_pipe = StartError::at(Stage::Pipe);
    let (report, report_end) = pipe2(OFlag::O_CLOEXEC).map_err(&at_pipe)?;
    let mut ours = [None, None, None];
    let mut theirs = [None, None, None];
    for stream in 0..3 {
        if stdio[stream] == Stdio::Pipe {
            let (reader, writer) = pipe2(OFlag::O_CLOEXEC).map_err(&at_pipe)?;
            let (our_end, their_end) = if stream == 0 { (writer, reader) } else { (reader, writer) };
            fcntl(&our_end, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(&at_pipe)?;
            (ours[stream], theirs[stream]) = (Some(our_end), Some(their_end));
        }
    }
    fcntl(&report, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(&at_pipe)?;

    let pointers = |texts: &[CString]| {
        let mut pointers: Vec<*const c_char> = texts.iter().map(|text| text.as_ptr()).collect();
        pointers.push(ptr::null());
        pointers
    };
    let (argv, env) = (pointers(&program.argv), pointers(&program.env));
    // Room in front for the shell and the script, should the file turn out to be a script without `#!`.
    let mut script_argv = vec![SHELL.as_ptr(), ptr::null()];
    script_argv.extend_from_slice(&argv[1..]);
    let mut birth = Birth {
        parent: getpid().as_raw(),
        stdio: [0, 1, 2].map(|stream| match (&theirs[stream], stdio[stream]) {
            (Some(end), _) => end.as_raw_fd(),
            (None, Stdio::Inherit) => PASSED_STDIO + stream as c_int,
            (None, _) => null.as_raw_fd(),
        }),
        report: report_end.as_raw_fd(),
        gate: None,
        cwd: program.cwd.as_ref().map_or(ptr::null(), |cwd| cwd.as_ptr()),
        candidates: &program.candidates,
        argv: &argv,
        env: &env,
        script_argv: &mut script_argv,
    };
    let pid = match cgroup {
        Some(cgroup) => birth.in_cgroup(cgroup)?,
        None => birth.forked()?,
    };
    let [stdin, stdout, stderr] = ours;
    Ok(Spawned { pid, report, stdin, stdout, stderr })
}

/// What a report pipe said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// Nothing yet.
    NotYet,
    /// The process executes its program, or was killed before it could.
    Ended,
    /// It could not.
    Failed(StartError),
}

/// Reads a report pipe, without waiting.
pub fn read_report(report: &OwnedFd) -> Report {
    let mut bytes = [0; REPORT_BYTES];
    match read(report, &mut bytes) {
        Ok(REPORT_BYTES) => {
            let errno = Errno::from_raw(i32::from_ne_bytes([bytes[1], bytes[2], bytes[3], bytes[4]]));
            Report::Failed(StartError { stage: Stage::from_byte(bytes[0]).unwrap_or(Stage::Exec), errno })
        }
        Err(Errno::EAGAIN | Errno::EINTR) => Report::NotYet,
        _ => Report::Ended,
    }
}

const REPORT_BYTES: usize = 5;

/// Everything the new process needs, as numbers and pointers into the memory it gets a copy of.
struct Birth<'a> {
    parent: i32,
    stdio: [c_int; 3],
    report: c_int,
    gate: Option<(OwnedFd, OwnedFd)>,
    cwd: *const c_char,
    candidates: &'a [CString],
    argv: &'a [*const c_char],
    env: &'a [*const c_char],
    script_argv: &'a mut [*const c_char],
}

impl Birth<'_> {
    /// Forks.
    fn forked(&mut self) -> Result<i32, StartError> {
        match kernel::fork().map_err(StartError::at(Stage::Fork))? {
            Side::Parent(pid) => Ok(pid),
            Side::Child => self.live(),
        }
    }

    /// Is born in the cgroup, or where `clone3` cannot do that, forks, waits behind a gate and is moved into it.
    fn in_cgroup(&mut self, cgroup: &Cgroup) -> Result<i32, StartError> {
        match clone_into(cgroup.handle()) {
            Ok(Side::Parent(pid)) => return Ok(pid),
            Ok(Side::Child) => self.live(),
            Err(Errno::ENOSYS | Errno::EPERM | Errno::E2BIG | Errno::EINVAL) => {}
            Err(errno @ (Errno::EAGAIN | Errno::ENOMEM)) => return Err(StartError { stage: Stage::Fork, errno }),
            Err(errno) => return Err(StartError { stage: Stage::Cgroup, errno }),
        }
        self.gate = Some(pipe2(OFlag::O_CLOEXEC).map_err(StartError::at(Stage::Pipe))?);
        let pid = self.forked()?;
        let moved = cgroup.add(pid);
        if moved.is_err() {
            // Still behind the gate: it has done nothing yet, and its end is reaped here so that no one else hears of it.
            let _ = kernel::kill(pid, libc::SIGKILL as u32);
            let _ = nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(pid), None);
        }
        self.gate = None;
        moved.map(|()| pid).map_err(StartError::at(Stage::Cgroup))
    }

    /// The life of the new process up to `execve`. Only system calls: no allocation, no lock, nothing that could panic.
    fn live(&mut self) -> ! {
        // SAFETY: this is the new process, single-threaded, with its own copy of all memory; every pointer is to a NUL-terminated text or a
        // null-terminated array that was made before the fork and is never freed here.
        unsafe {
            if let Some((gate, other_end)) = &self.gate {
                libc::close(other_end.as_raw_fd());
                let mut byte = 0u8;
                libc::read(gate.as_raw_fd(), ptr::from_mut(&mut byte).cast(), 1);
            }
            if libc::setsid() < 0 {
                self.fail(Stage::Session);
            }
            // The kernel sends this when the sidecar dies. Should it have died before the call, the parent is another one by now.
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) < 0 {
                self.fail(Stage::Session);
            }
            if libc::getppid() != self.parent {
                libc::_exit(127);
            }
            for (target, source) in self.stdio.iter().enumerate() {
                if libc::dup2(*source, target as c_int) < 0 {
                    self.fail(Stage::Stdio);
                }
            }
            if libc::syscall(libc::SYS_close_range, 3, c_int::MAX, CLOSE_RANGE_CLOEXEC) < 0 {
                for fd in 3..1024 {
                    libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC);
                }
            }
            if !self.cwd.is_null() && libc::chdir(self.cwd) < 0 {
                self.fail(Stage::Cwd);
            }
            // Dispositions are the default ones already: the program resets them when it starts and sets none.
            let mut none: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&mut none);
            libc::sigprocmask(libc::SIG_SETMASK, &none, ptr::null_mut());
            self.execute();
            self.fail(Stage::Exec)
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
        let report = [stage as u8, errno[0], errno[1], errno[2], errno[3]];
        // SAFETY: the buffer is live; five bytes fit an empty pipe.
        unsafe {
            libc::write(self.report, report.as_ptr().cast(), report.len());
            libc::_exit(127)
        }
    }
}

/// `libc` has it in a type it does not fit.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

const CLOSE_RANGE_CLOEXEC: c_int = 4;

/// `clone3` into a cgroup, with a copy of the memory like `fork`. With shared memory (CLONE_VM) a raw call would run both processes on one stack.
fn clone_into(cgroup: &OwnedFd) -> Result<Side, Errno> {
    // SAFETY: clone_args is plain numbers; zero is a valid value for every field left out.
    let mut arguments: libc::clone_args = unsafe { std::mem::zeroed() };
    arguments.flags = CLONE_INTO_CGROUP;
    arguments.exit_signal = libc::SIGCHLD as u64;
    arguments.cgroup = cgroup.as_raw_fd() as u64;
    // SAFETY: the pointer and size are those of the struct; the process has one thread, so the copy is whole.
    let pid = unsafe { libc::syscall(libc::SYS_clone3, &raw mut arguments, size_of::<libc::clone_args>()) };
    match Errno::result(pid)? {
        0 => Ok(Side::Child),
        pid => Ok(Side::Parent(pid as i32)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(program: &str, path: &str) -> Vec<String> {
        let paths = candidates(program.as_bytes(), path.as_bytes());
        paths.into_iter().map(|path| String::from_utf8(path).unwrap()).collect()
    }

    #[test]
    fn a_program_is_searched_as_execvp_does() {
        assert_eq!(tried("ls", "/a:/b"), ["/a/ls", "/b/ls"]);
        assert_eq!(tried("ls", "/a::/b"), ["/a/ls", "ls", "/b/ls"]);
        assert_eq!(tried("ls", ""), ["ls"]);
        assert_eq!(tried("./ls", "/a:/b"), ["./ls"]);
        assert_eq!(tried("", "/a"), [""]);
    }

    #[test]
    fn an_environment_is_cut_at_its_nul_bytes() {
        let program = Program::new(&[Bytes::new(b"x")], b"A=1\0PATH=/p\0B=\xff\0", None).unwrap();
        assert_eq!(program.env, [c"A=1".to_owned(), c"PATH=/p".to_owned(), CString::new(b"B=\xff").unwrap()]);
        assert_eq!(program.candidates, [c"/p/x".to_owned()]);
        assert!(Program::new(&[Bytes::new(b"x")], b"", None).unwrap().env.is_empty());
    }

    #[test]
    fn a_nul_byte_inside_an_argument_fails_at_argv() {
        let failed = Program::new(&[Bytes::new(b"x"), Bytes::new(b"a\0b")], b"", None).unwrap_err();
        assert_eq!(failed, StartError { stage: Stage::Argv, errno: Errno::EINVAL });
    }
}
