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
    /// What was asked for cannot be given to the kernel: a NUL byte in an argument, a path or the working directory, or no such stop signal.
    Argv = 1,
    /// The pipes could not be made.
    Pipe = 2,
    /// No cgroup could be made or joined, and the start asked for one.
    Cgroup = 3,
    /// The process could not be made.
    Fork = 4,
    /// Its session, signals or parent-death signal could not be set.
    Session = 5,
    /// Its descriptors 0, 1 and 2 could not be set, or a file for one of them not be opened.
    Stdio = 6,
    /// Its working directory could not be entered.
    Cwd = 7,
    /// The program could not be executed.
    Exec = 8,
    /// The terminal could not be made or become its own.
    Pty = 9,
    /// There is no such user, or it may not become that user.
    User = 10,
    /// There is no such group, or it may not become that group's.
    Group = 11,
    /// There is no such supplementary group, or it may not become a member.
    Groups = 12,
    /// Its nice value could not be set.
    Nice = 13,
    /// Its I/O priority could not be set.
    IoPriority = 14,
    /// Its OOM score adjustment could not be set.
    OomScoreAdj = 15,
    /// A limit of a resource could not be set.
    Rlimits = 16,
    /// It could not be kept from gaining rights.
    NoNewPrivs = 17,
    /// A capability could not be taken from it.
    Capabilities = 18,
    /// A further file could not be opened for it.
    Descriptors = 19,
    /// A limit of what the tree may use cannot be kept, and the start required it.
    Limits = 20,
    /// No PID namespace could be made or entered, and the start required one.
    Pidns = 21,
}

const STAGES: [(Stage, &str); 21] = [
    (Stage::Argv, "argv"),
    (Stage::Pipe, "pipe"),
    (Stage::Cgroup, "cgroup"),
    (Stage::Fork, "fork"),
    (Stage::Session, "session"),
    (Stage::Stdio, "stdio"),
    (Stage::Cwd, "cwd"),
    (Stage::Exec, "exec"),
    (Stage::Pty, "pty"),
    (Stage::User, "user"),
    (Stage::Group, "group"),
    (Stage::Groups, "groups"),
    (Stage::Nice, "nice"),
    (Stage::IoPriority, "ioPriority"),
    (Stage::OomScoreAdj, "oomScoreAdj"),
    (Stage::Rlimits, "rlimits"),
    (Stage::NoNewPrivs, "noNewPrivs"),
    (Stage::Capabilities, "dropCapabilities"),
    (Stage::Descriptors, "descriptors"),
    (Stage::Limits, "limits"),
    (Stage::Pidns, "pidns"),
];

impl Stage {
    /// The stage as the wire spells it.
    pub fn name(self) -> &'static str {
        STAGES[self as usize - 1].1
    }

    /// The stage a child wrote into its error pipe as one byte; `None` for any other byte.
    pub fn from_byte(byte: u8) -> Option<Self> {
        STAGES.iter().map(|(stage, _)| *stage).find(|stage| *stage as u8 == byte)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_is_found_by_its_byte_and_at_its_own_place() {
        for (stage, name) in STAGES {
            assert_eq!((stage.name(), Stage::from_byte(stage as u8)), (name, Some(stage)));
        }
        assert_eq!((Stage::from_byte(0), Stage::from_byte(STAGES.len() as u8 + 1)), (None, None));
    }
}
