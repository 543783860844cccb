//! What can go wrong, by the place where it goes wrong: on the wire, while a process is started, while resin itself is set up.
//! Knows names and texts of errors; does not know who is told or what is done about it.

use std::fmt;

use nix::errno::Errno;

/// A breach of the wire protocol; always fatal for the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireError {
    /// What was got and what was expected, one sentence for people.
    pub message: String,
}

impl WireError {
    /// Makes one from its sentence.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for WireError {}

/// The step at which a start failed, as `startFailed` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Stage {
    /// What was asked for cannot be given to the kernel: a NUL byte in an argument or the working directory, or no such stop signal.
    Argv = 1,
    /// The pipes could not be made.
    Pipe = 2,
    /// No cgroup could be made or joined, and the start asked for one.
    Cgroup = 3,
    /// The process could not be made.
    Fork = 4,
    /// Its session, signals or parent-death signal could not be set.
    Session = 5,
    /// Its descriptors 0, 1 and 2 could not be set.
    Stdio = 6,
    /// Its working directory could not be entered.
    Cwd = 7,
    /// The program could not be executed.
    Exec = 8,
}

impl Stage {
    /// The stage as the wire spells it.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Argv => "argv",
            Stage::Pipe => "pipe",
            Stage::Cgroup => "cgroup",
            Stage::Fork => "fork",
            Stage::Session => "session",
            Stage::Stdio => "stdio",
            Stage::Cwd => "cwd",
            Stage::Exec => "exec",
        }
    }

    /// The stage a child wrote into its error pipe as one byte; `None` for any other byte.
    pub fn from_byte(byte: u8) -> Option<Self> {
        use Stage::{Argv, Cgroup, Cwd, Exec, Fork, Pipe, Session, Stdio};
        [Argv, Pipe, Cgroup, Fork, Session, Stdio, Cwd, Exec].into_iter().find(|stage| *stage as u8 == byte)
    }
}

/// Why a process was not started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StartError {
    /// Where it failed.
    pub stage: Stage,
    /// The kernel's answer.
    pub errno: Errno,
}

impl StartError {
    /// Pairs a stage with the kernel's answer; made to be used with `map_err`.
    pub fn at(stage: Stage) -> impl Fn(Errno) -> Self {
        move |errno| Self { stage, errno }
    }
}

/// The name of an errno as C spells it, for instance `ENOENT`.
pub fn errno_name(errno: Errno) -> String {
    format!("{errno:?}")
}

/// Why resin itself cannot go on: what it was doing and the kernel's answer. It ends the process, with this text on stderr.
#[derive(Debug)]
pub struct Fatal {
    /// What failed, for instance `cannot listen`.
    pub doing: &'static str,
    /// The kernel's answer.
    pub cause: std::io::Error,
}

impl Fatal {
    /// Says what was being done; made to be used with `map_err`.
    pub fn doing<E: Into<std::io::Error>>(doing: &'static str) -> impl Fn(E) -> Self {
        move |cause| Self { doing, cause: cause.into() }
    }
}

impl fmt::Display for Fatal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.doing, self.cause)
    }
}

impl std::error::Error for Fatal {}
