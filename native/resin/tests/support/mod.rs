//! A small owner for the tests: speaks the protocol to the real binary, over a socket pair to `resin sidecar` or through a fork server.
#![allow(dead_code, unused_imports, reason = "every test binary uses another part of it")]

use std::io::{ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command as Program, Stdio as Handle};
use std::time::{Duration, Instant};

use resin::wire::codec::{read_event, write_command};
use resin::wire::frame::FrameReader;
use resin::wire::messages::{Command, Event, Exited};
use resin::wire::start::{Start, WindowBytes};
use serde_bytes::Bytes;

pub mod proc;
mod server;
mod spec;

pub use server::{Server, cgroups_of, connect};
pub use spec::{EVERY, Spec, fixture, mark, stop};

/// Nothing here takes longer, however busy the machine is.
const DEADLINE: Duration = Duration::from_secs(20);

pub const RESIN: &str = env!("CARGO_BIN_EXE_resin");
pub const TERM: u32 = 15;

/// Says what a test leaves out, and why, also where the output of tests that pass is not shown; under `COPAL_REQUIRE_ALL=1` it fails instead.
pub fn skip(why: &str) {
    assert!(std::env::var_os("COPAL_REQUIRE_ALL").is_none_or(|value| value != "1"), "skipped: {why}");
    let _ = std::io::stderr().write_all(format!("SKIPPED: {why}\n").as_bytes());
}

/// Writes all of it to what does not wait, however long its reader takes.
pub fn write_whole(mut end: impl Write, mut data: &[u8]) {
    while !data.is_empty() {
        match end.write(data) {
            Ok(count) => data = &data[count..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    }
}

/// Writes to what does not wait until nothing goes in any more; how much that was.
pub fn fill(mut end: impl Write) -> usize {
    let mut written = 0;
    loop {
        match end.write(&[b'x'; 65536]) {
            Ok(count) => written += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return written,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Asks until the answer is yes.
pub fn eventually(what: &str, check: impl Fn() -> bool) {
    let until = Instant::now() + DEADLINE;
    while !check() {
        assert!(Instant::now() < until, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// One message of resin, decoded when looked at.
pub struct Message(Vec<u8>);

impl Message {
    pub fn event(&self) -> (u32, Event<'_>) {
        read_event(&self.0).expect("resin speaks the protocol")
    }
}

/// Starts a program. A file that was just written can be busy, as long as some other test's fork has its descriptor.
fn spawn(program: &mut Program) -> Child {
    loop {
        match program.spawn() {
            Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => std::thread::yield_now(),
            outcome => return outcome.unwrap(),
        }
    }
}

/// What `started` said.
pub struct Started {
    pub pid: i32,
    pub start_time: u64,
    pub cgroup: Option<PathBuf>,
}

/// The owner's end of one connection.
pub struct Owner {
    pub stream: UnixStream,
    reader: FrameReader,
    next_id: u32,
    /// Output so far, by stream.
    pub output: [Vec<u8>; 3],
    /// Output not yet given back.
    pub uncredited: [u32; 3],
    /// Whether output is given back as it comes.
    pub credits: bool,
    /// What it says in its hello that it can do.
    pub capabilities: u32,
    /// Names of all events so far, with the stream of `output` and `closed`.
    pub log: Vec<String>,
    /// The `resin sidecar` on the other end, if it is our child.
    pub sidecar: Option<Child>,
}

impl Owner {
    /// An owner of a `resin sidecar` of its own.
    pub fn of_sidecar() -> Self {
        Self::of(&mut Program::new(RESIN), &["sidecar"])
    }

    /// The same, run by another user.
    pub fn of_sidecar_as(uid: u32) -> Self {
        // The build's own folder may be closed to others.
        let copy = std::env::temp_dir().join(mark().replace('=', "-"));
        std::fs::copy(RESIN, &copy).unwrap();
        let owner = Self::of(Program::new(&copy).uid(uid).gid(uid).current_dir("/"), &["sidecar"]);
        std::fs::remove_file(copy).unwrap();
        owner
    }

    /// The same, of a program that becomes one.
    pub fn of_program(program: &mut Program) -> Self {
        Self::of(program, &[])
    }

    fn of(program: &mut Program, arguments: &[&str]) -> Self {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let input = Handle::from(OwnedFd::from(theirs.try_clone().unwrap()));
        let output = Handle::from(OwnedFd::from(theirs));
        let sidecar = spawn(program.args(arguments).stdin(input).stdout(output));
        let mut owner = Self::on(ours);
        owner.sidecar = Some(sidecar);
        owner
    }

    pub fn on(stream: UnixStream) -> Self {
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        Self {
            stream,
            reader: FrameReader::default(),
            next_id: 1,
            output: Default::default(),
            uncredited: [0; 3],
            credits: true,
            capabilities: 0,
            log: Vec::new(),
            sidecar: None,
        }
    }

    /// A sidecar that has started this and is told so.
    pub fn started(spec: &Spec) -> (Self, Started) {
        let mut owner = Self::of_sidecar();
        let started = owner.start(spec);
        (owner, started)
    }

    /// The same, with `ready` from its stdout read.
    pub fn ready(spec: &Spec) -> (Self, Started) {
        let (mut owner, started) = Self::started(spec);
        owner.wait_for_output(1, b"ready\n");
        (owner, started)
    }

    pub fn send(&mut self, command: &Command<'_>) -> u32 {
        let id = if matches!(command, Command::Credit { .. }) { 0 } else { self.next_id };
        self.next_id += 1;
        let mut frame = Vec::new();
        write_command(&mut frame, id, command);
        // The sidecar may have ended already; whoever waits for an answer will notice.
        let _ = self.stream.write_all(&frame);
        id
    }

    pub fn hello(&mut self) -> u32 {
        self.send(&Command::Hello { versions: [1, 1], capabilities: self.capabilities })
    }

    pub fn send_start(&mut self, spec: &Spec) -> u32 {
        let [stdin, stdout, stderr] = spec.stdio;
        let [stdin_bytes, stdout_bytes, stderr_bytes] = spec.window_bytes;
        self.send(&Command::Start(Box::new(Start {
            argv: spec.argv.iter().map(|argument| Bytes::new(argument)).collect(),
            cwd: spec.cwd.as_deref(),
            env: &spec.env,
            stdin,
            stdout,
            stderr,
            window_bytes: WindowBytes { stdin: stdin_bytes, stdout: stdout_bytes, stderr: stderr_bytes },
            stop: spec.stop.clone(),
            orphan_grace_ms: spec.orphan_grace_ms,
            contain: spec.contain,
            pty: spec.pty,
            spawn: spec.spawn.clone().map(Box::new),
            life: spec.life,
            limits: spec.limits.clone().map(Box::new),
            required: spec.required.then_some(true),
        })))
    }

    /// Says hello, and waits for what resin says it can.
    pub fn greeted(&mut self) -> u32 {
        self.hello();
        self.wait_for(|_, event| match event {
            Event::Hello { capabilities, .. } => Some(*capabilities),
            _ => None,
        })
    }

    /// Waits until it is told that nobody reads stdin any more.
    pub fn stdin_closed(&mut self) {
        self.wait_for(|_, event| (*event == Event::Closed { stream: 0 }).then_some(()));
    }

    /// Says hello, starts, and waits for `started`.
    pub fn start(&mut self, spec: &Spec) -> Started {
        self.hello();
        let start = self.send_start(spec);
        self.wait_for(|id, event| match event {
            Event::Started { pid, start_time, cgroup, .. } if id == start => Some(Started {
                pid: *pid as i32,
                start_time: *start_time,
                cgroup: cgroup.map(|path| PathBuf::from(std::str::from_utf8(path).unwrap())),
            }),
            Event::StartFailed { message, .. } => panic!("not started: {message}"),
            _ => None,
        })
    }

    /// Says hello, starts, and waits for `startFailed`: stage, errno's name.
    pub fn start_fails(&mut self, spec: &Spec) -> (String, String) {
        self.hello();
        self.send_start(spec);
        let failed = self.wait_for(|_, event| match event {
            Event::StartFailed { stage, code, .. } => Some(((*stage).to_owned(), (*code).to_owned())),
            _ => None,
        });
        self.leave();
        failed
    }

    /// The next message, or `None` at the end of the connection. Takes note of output and gives it back if asked to.
    pub fn next(&mut self) -> Option<Message> {
        loop {
            if let Some(range) = self.reader.next_frame().unwrap() {
                let message = Message(self.reader.payload(range).to_vec());
                self.note(&message);
                return Some(message);
            }
            match self.stream.read(self.reader.spare()) {
                Ok(0) => {
                    assert!(!self.reader.is_mid_frame(), "resin ended inside a frame");
                    return None;
                }
                Ok(count) => self.reader.filled(count),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("no message in time ({error}); so far: {:?}", self.log),
            }
        }
    }

    fn note(&mut self, message: &Message) {
        match message.event().1 {
            Event::Output { stream, bytes } => {
                self.output[usize::from(stream)].extend_from_slice(bytes);
                self.uncredited[usize::from(stream)] += bytes.len() as u32;
                self.log.push(format!("output {stream}"));
                if self.credits {
                    self.give_back(stream, bytes.len() as u32);
                }
            }
            Event::Closed { stream } => self.log.push(format!("closed {stream}")),
            event => self.log.push(event.name().to_owned()),
        }
    }

    pub fn give_back(&mut self, stream: u8, bytes: u32) {
        self.uncredited[usize::from(stream)] -= bytes;
        self.send(&Command::Credit { stream, bytes });
    }

    /// Reads on until `look` finds something.
    pub fn wait_for<T>(&mut self, look: impl Fn(u32, &Event<'_>) -> Option<T>) -> T {
        loop {
            let message = self.next().unwrap_or_else(|| panic!("the connection ended; so far: {:?}", self.log));
            let (id, event) = message.event();
            if let Some(found) = look(id, &event) {
                return found;
            }
        }
    }

    /// Reads on until the output of a stream begins with this.
    pub fn wait_for_output(&mut self, stream: u8, text: &[u8]) {
        while !self.output[usize::from(stream)].starts_with(text) {
            assert!(self.next().is_some(), "the connection ended; so far: {:?}", self.log);
        }
    }

    /// The answer to a request: `"ok"`, `"wrote"`, or an error's code.
    pub fn answer(&mut self, request: u32) -> String {
        self.wait_for(|id, event| match event {
            Event::Error { code, .. } if id == request => Some((*code).to_owned()),
            _ if id == request => Some(event.name().to_owned()),
            _ => None,
        })
    }

    /// Sends and waits for the answer.
    pub fn ask(&mut self, command: &Command<'_>) -> String {
        let request = self.send(command);
        self.answer(request)
    }

    pub fn stop(&mut self, grace_ms: u32) {
        assert_eq!(self.ask(&Command::Stop(Box::new(stop(TERM, grace_ms)))), "ok");
    }

    pub fn signal(&mut self, signal: u32, target: resin::wire::messages::Target) -> String {
        self.ask(&Command::Signal { signal, target })
    }

    /// Reads on until `exited`.
    pub fn life_ended(&mut self) -> Exited {
        self.wait_for(|_, event| match event {
            Event::Exited(exited) => Some((**exited).clone()),
            _ => None,
        })
    }

    /// Reads on until `exited`, then ends the connection.
    pub fn exited(&mut self) -> Exited {
        let exited = self.life_ended();
        self.leave();
        exited
    }

    /// Says nothing more and reads to the end of the connection; nothing else may come.
    fn leave(&mut self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Write);
        while let Some(message) = self.next() {
            let name = message.event().1.name();
            assert!(name == "error" || name == "ok", "{name} after the end of a life");
        }
    }

    /// Reads on until the last error, then to the end of the connection: its id and code.
    pub fn fatal(&mut self) -> (u32, String) {
        let fatal = self.wait_for(|id, event| match event {
            Event::Error { code, .. } => Some((id, (*code).to_owned())),
            _ => None,
        });
        assert!(self.next().is_none(), "the connection ends after a fatal error");
        fatal
    }

    /// Waits until the sidecar that is our child has ended: its exit code.
    pub fn sidecar_code(&mut self) -> Option<i32> {
        self.sidecar.as_mut().expect("an owner of a sidecar").wait().unwrap().code()
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
        if let Some(sidecar) = &mut self.sidecar {
            let _ = sidecar.wait();
        }
    }
}
