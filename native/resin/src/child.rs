//! Makes the process: prepares everything that it needs before the fork (birth.rs goes on behind it), and reads its report.
//! Knows pipes, terminals and the search in `PATH`; does not know what becomes of the process or who is told.

use std::ffi::CString;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::ptr;

use libc::c_char;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::socket::{AddressFamily, Shutdown, SockFlag, SockType, shutdown, socketpair};
use nix::unistd::{getpid, pipe2, read};
use serde_bytes::Bytes;

use crate::birth::{Birth, REPORT_BYTES, SHELL, Source};
use crate::error::{Stage, StartError};
use crate::groups::Groups;
use crate::namespace::PidNamespace;
use crate::pty::Terminal;
use crate::spawn_options::{OpenFile, SpawnOptions};
use crate::surroundings::PASSED_STDIO;
use crate::wire::start::{Pty, Start, Stdio};

const DEFAULT_PATH: &[u8] = b"/usr/local/bin:/bin:/usr/bin";

/// What to execute, in the form the kernel takes it.
#[derive(Debug)]
pub struct Program {
    candidates: Vec<CString>,
    argv: Vec<CString>,
    env: Vec<CString>,
    cwd: Option<CString>,
}

impl Program {
    /// Prepares arguments, environment, directory and the paths to try. The program sees `arg0`, if given, as its own name.
    ///
    /// # Errors
    /// Stage `argv` with EINVAL for a NUL byte inside an argument or the directory.
    pub fn new(argv: &[&Bytes], arg0: Option<&[u8]>, env: &[u8], cwd: Option<&[u8]>) -> Result<Self, StartError> {
        let text =
            |bytes: &[u8]| CString::new(bytes).map_err(|_| StartError { stage: Stage::Argv, errno: Errno::EINVAL });
        let mut arguments: Vec<CString> = argv.iter().map(|argument| text(argument)).collect::<Result<_, _>>()?;
        let env: Vec<CString> =
            env.strip_suffix(b"\0").unwrap_or(env).split(|byte| *byte == 0).map(text).collect::<Result<_, _>>()?;
        let env: Vec<CString> = env.into_iter().filter(|entry| !entry.is_empty()).collect();
        let path = env.iter().find_map(|entry| entry.as_bytes().strip_prefix(b"PATH="));
        let candidates = candidates(arguments[0].as_bytes(), path.unwrap_or(DEFAULT_PATH))
            .into_iter()
            .map(|path| text(&path))
            .collect::<Result<_, _>>()?;
        if let Some(arg0) = arg0 {
            arguments[0] = text(arg0)?;
        }
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

/// A process to make: its program, what it is connected to, and what is set in it.
#[derive(Debug)]
pub struct Plan {
    /// The program.
    pub program: Program,
    stdio: [Connect; 3],
    pty: Option<Pty>,
    options: Option<SpawnOptions>,
}

/// What one standard stream is connected to.
#[derive(Debug)]
enum Connect {
    Pipe,
    Socket,
    Null,
    Inherit,
    Terminal,
    Stdout,
    File(OpenFile),
}

impl Plan {
    /// Prepares what a start asks for.
    ///
    /// # Errors
    /// Stage `argv` for a text with a NUL byte, or streams that do not go together (stdin and stdout are the terminal exactly if there is one, only
    /// stderr can be what stdout is, only stdin a socket); `user`, `group` or `groups` for unknown names.
    pub fn new(start: &Start<'_>) -> Result<Self, StartError> {
        let arg0 = start.spawn.as_ref().and_then(|spawn| spawn.arg0);
        let is_terminal = |stdio| stdio == Stdio::Pty;
        let wrong = is_terminal(start.stdin) != start.pty.is_some()
            || is_terminal(start.stdout) != start.pty.is_some()
            || is_terminal(start.stderr) && start.pty.is_none()
            || start.stdin == Stdio::Stdout
            || start.stdout == Stdio::Stdout
            || [start.stdout, start.stderr].contains(&Stdio::Socket);
        if wrong {
            return Err(StartError { stage: Stage::Argv, errno: Errno::EINVAL });
        }
        let connect = |stdio: Stdio<'_>| {
            Ok(match stdio {
                Stdio::Pipe => Connect::Pipe,
                Stdio::Socket => Connect::Socket,
                Stdio::Null => Connect::Null,
                Stdio::Inherit => Connect::Inherit,
                Stdio::Pty => Connect::Terminal,
                Stdio::Stdout => Connect::Stdout,
                Stdio::File(file) => Connect::File(OpenFile::new(&file, start.cwd)?),
            })
        };
        Ok(Self {
            program: Program::new(&start.argv, arg0, start.env, start.cwd)?,
            stdio: [connect(start.stdin)?, connect(start.stdout)?, connect(start.stderr)?],
            pty: start.pty,
            options: start.spawn.as_ref().map(|spawn| SpawnOptions::prepare(spawn, start.cwd)).transpose()?,
        })
    }

    /// A program beside a process, with the same directory, environment and rights, connected to nothing.
    ///
    /// # Errors
    /// Stage `argv` with EINVAL for a NUL byte inside an argument.
    pub fn beside(start: &Start<'_>, argv: &[&Bytes]) -> Result<Self, StartError> {
        let mut options = start.spawn.as_ref().map(|spawn| SpawnOptions::prepare(spawn, start.cwd)).transpose()?;
        options.iter_mut().for_each(|options| options.files.clear());
        let program = Program::new(argv, None, start.env, start.cwd)?;
        Ok(Self { program, stdio: [Connect::Null, Connect::Null, Connect::Null], pty: None, options })
    }
}

/// Makes the process, a member of `groups` and inside of `namespace` before its first instruction. Descriptors 0, 1 and 2 of the caller must be open, so that no pipe gets one of their numbers.
///
/// # Errors
/// Stage `pipe`, `pty`, `cgroup`, `pidns` or `fork`. Whatever fails in the new process itself comes through [`Spawned::report`].
pub fn spawn(
    plan: &Plan,
    null: BorrowedFd<'_>,
    groups: &Groups,
    namespace: Option<&PidNamespace>,
) -> Result<Spawned, StartError> {
    let at_pipe = StartError::at(Stage::Pipe);
    let (report, report_end) = pipe2(OFlag::O_CLOEXEC).map_err(&at_pipe)?;
    let mut ours = [None, None, None];
    let mut theirs = [None, None, None];
    let terminal = plan.pty.as_ref().map(Terminal::make).transpose().map_err(StartError::at(Stage::Pty))?;
    for stream in 0..3 {
        let (reader, writer) = match plan.stdio[stream] {
            Connect::Pipe => pipe2(OFlag::O_CLOEXEC).map_err(&at_pipe)?,
            Connect::Socket => one_way_sockets().map_err(&at_pipe)?,
            _ => continue,
        };
        let (our_end, their_end) = if stream == 0 { (writer, reader) } else { (reader, writer) };
        fcntl(&our_end, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(&at_pipe)?;
        (ours[stream], theirs[stream]) = (Some(our_end), Some(their_end));
    }
    fcntl(&report, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(&at_pipe)?;
    let slave = terminal.as_ref().map(|terminal| terminal.slave.as_raw_fd());
    if let (Some(terminal), Some(options)) = (&terminal, &plan.options) {
        // As a login does: programs like to know whose terminal they are in. Where it is not allowed, the user is not another one either.
        let uid = options.identity.uid.map(nix::unistd::Uid::from_raw);
        let _ = nix::unistd::fchown(&terminal.slave, uid, None);
    }
    let sources: [Source<'_>; 3] = std::array::from_fn(|stream| match &plan.stdio[stream] {
        Connect::Pipe | Connect::Socket => {
            Source::Open(theirs[stream].as_ref().map_or(null.as_raw_fd(), |end| end.as_raw_fd()))
        }
        Connect::Null => Source::Open(null.as_raw_fd()),
        Connect::Inherit => Source::Open(PASSED_STDIO + stream as i32),
        Connect::Terminal => Source::Open(slave.unwrap_or(null.as_raw_fd())),
        Connect::Stdout => Source::Open(1),
        Connect::File(file) => Source::File(file),
    });

    let pointers = |texts: &[CString]| {
        let mut pointers: Vec<*const c_char> = texts.iter().map(|text| text.as_ptr()).collect();
        pointers.push(ptr::null());
        pointers
    };
    let program = &plan.program;
    let (argv, env) = (pointers(&program.argv), pointers(&program.env));
    // Room in front for the shell and the script, should the file turn out to be a script without `#!`.
    let mut script_argv = vec![SHELL.as_ptr(), ptr::null()];
    script_argv.extend_from_slice(&argv[1..]);
    let joins = groups.joins();
    let mut birth = Birth {
        parent: if namespace.is_some() { 0 } else { getpid().as_raw() },
        stdio: sources,
        report: report_end.as_raw_fd(),
        gate: None,
        joins: &joins,
        terminal: slave,
        options: plan.options.as_ref(),
        cwd: program.cwd.as_ref().map_or(ptr::null(), |cwd| cwd.as_ptr()),
        candidates: &program.candidates,
        argv: &argv,
        env: &env,
        script_argv: &mut script_argv,
    };
    let pid = birth.give(groups.unified.as_ref(), namespace)?;
    let [mut stdin, mut stdout, stderr] = ours;
    if let Some(Terminal { master, .. }) = terminal {
        stdin = master.try_clone().ok();
        stdout = Some(master);
    }
    Ok(Spawned { pid, report, stdin, stdout, stderr })
}

/// Makes two sockets that are as the ends of a pipe, the one that is read first: nothing goes the other way.
fn one_way_sockets() -> Result<(OwnedFd, OwnedFd), Errno> {
    let (reader, writer) = socketpair(AddressFamily::Unix, SockType::Stream, None, SockFlag::SOCK_CLOEXEC)?;
    shutdown(reader.as_raw_fd(), Shutdown::Write)?;
    Ok((reader, writer))
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
        let program = Program::new(&[Bytes::new(b"x")], None, b"A=1\0PATH=/p\0B=\xff\0", None).unwrap();
        assert_eq!(program.env, [c"A=1".to_owned(), c"PATH=/p".to_owned(), CString::new(b"B=\xff").unwrap()]);
        assert_eq!(program.candidates, [c"/p/x".to_owned()]);
        assert!(Program::new(&[Bytes::new(b"x")], None, b"", None).unwrap().env.is_empty());
    }

    #[test]
    fn a_nul_byte_inside_an_argument_fails_at_argv() {
        let failed = Program::new(&[Bytes::new(b"x"), Bytes::new(b"a\0b")], None, b"", None).unwrap_err();
        assert_eq!(failed, StartError { stage: Stage::Argv, errno: Errno::EINVAL });
    }
}
