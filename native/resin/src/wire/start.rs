//! The vocabulary of `start`: the program and everything that is said about how it runs, is held and ends.
//! Normative: docs/protocol.md section 3.2. Twin: src/wire/start.ts.
//! Knows names and fields; does not know bytes, system calls or what becomes of the process.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_bytes::Bytes;

use crate::wire::messages::Target;

/// What one standard stream of the process is connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stdio<'a> {
    /// A pipe to resin.
    Pipe,
    /// Of stdin only: one end of a pair of sockets, that can only be read; resin has the other.
    Socket,
    /// `/dev/null`.
    Null,
    /// The owner's own, where the fork server was given it.
    Inherit,
    /// The terminal that `pty` asks for.
    Pty,
    /// Of stderr only: whatever stdout is connected to.
    Stdout,
    /// A file.
    File(File<'a>),
}

/// A file to open for the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct File<'a> {
    /// Its path; a relative one begins at `cwd`.
    #[serde(with = "serde_bytes")]
    pub path: &'a [u8],
    /// How it is opened.
    pub mode: Mode,
}

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// For reading; it has to be there.
    Read,
    /// For writing, made if it is not there, emptied if it is.
    Truncate,
    /// For writing behind its end, made if it is not there.
    Append,
    /// For both, made if it is not there, left as it is otherwise.
    ReadWrite,
}

impl Serialize for Stdio<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Stdio::Pipe => serializer.serialize_str("pipe"),
            Stdio::Socket => serializer.serialize_str("socket"),
            Stdio::Null => serializer.serialize_str("null"),
            Stdio::Inherit => serializer.serialize_str("inherit"),
            Stdio::Pty => serializer.serialize_str("pty"),
            Stdio::Stdout => serializer.serialize_str("stdout"),
            Stdio::File(File { path, mode }) => {
                let mut map = serializer.serialize_map(Some(2))?;
                map.serialize_entry("path", Bytes::new(path))?;
                map.serialize_entry("mode", mode)?;
                map.end()
            }
        }
    }
}

/// What a start demands of the tree's containment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Contain {
    /// A cgroup2 where one can be made, else the tree alone.
    Auto,
    /// A cgroup2, or the start fails.
    Cgroup,
    /// A PID namespace where one can be made, and a cgroup as for `Auto`.
    Pidns,
    /// No cgroup.
    Tree,
}

/// The flow windows of the three streams, each in bytes, 1 to 16 MiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct WindowBytes {
    /// `write` data the owner may have unanswered.
    pub stdin: u32,
    /// Output of stream 1 that may be out without credit.
    pub stdout: u32,
    /// Output of stream 2 that may be out without credit.
    pub stderr: u32,
}

/// A way to end the tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StopSpec<'a> {
    /// The stop signal's number.
    pub signal: u32,
    /// Milliseconds between the beginning and SIGKILL, at most.
    pub grace_ms: u32,
    /// What is done instead of sending the signal, one after the other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<Vec<Step<'a>>>,
    /// Of a `stop` only: whether the steps are those that `start` gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub planned: Option<bool>,
}

/// One step of a stop: what is done, in the order of the fields, and how long the tree has until the next one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step<'a> {
    /// Milliseconds until the next step, or behind the last one until SIGKILL.
    pub delay_ms: u32,
    /// Bytes for stdin.
    #[serde(with = "serde_bytes", skip_serializing_if = "Option::is_none")]
    pub stdin: Option<&'a [u8]>,
    /// Whether stdin is closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub close_stdin: Option<bool>,
    /// A program to run beside the process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<&'a Bytes>>,
    /// A signal's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<u32>,
    /// Who gets the signal; the tree if it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
}

/// The body of `start`: the program and how to hold it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Start<'a> {
    /// The arguments, at least one; the first is the program.
    pub argv: Vec<&'a Bytes>,
    /// The working directory; `None` is resin's own.
    #[serde(with = "serde_bytes")]
    pub cwd: Option<&'a [u8]>,
    /// The whole environment, each text ended by a NUL byte.
    #[serde(with = "serde_bytes")]
    pub env: &'a [u8],
    /// Stream 0.
    pub stdin: Stdio<'a>,
    /// Stream 1.
    pub stdout: Stdio<'a>,
    /// Stream 2.
    pub stderr: Stdio<'a>,
    /// The flow windows.
    pub window_bytes: WindowBytes,
    /// How the tree is stopped where nobody says otherwise.
    pub stop: StopSpec<'a>,
    /// Milliseconds the tree has after the stop signal when its owner or its leader is gone.
    pub orphan_grace_ms: u32,
    /// What is demanded of the containment.
    pub contain: Contain,
    /// The terminal it runs in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pty: Option<Pty>,
    /// What is set before the program is executed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spawn: Option<Box<Spawn<'a>>>,
    /// What ends it if it does not end itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub life: Option<Life>,
    /// What it may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<Box<ResourceLimits<'a>>>,
    /// Whether the start fails where the PID namespace it asks for cannot be made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required: Option<bool>,
}

/// What the whole tree may use, kept by cgroups.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceLimits<'a> {
    /// Bytes of memory; a process of a tree that needs more is killed, and the tree with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Bytes of memory above which the tree is slowed down and its memory reclaimed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_high_bytes: Option<u64>,
    /// Bytes of swap; none where only the memory is limited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swap_bytes: Option<u64>,
    /// Thousandths of a processor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_milli: Option<u32>,
    /// Processes and threads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pids: Option<u32>,
    /// Reading and writing, by device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub io: Option<Vec<IoLimit<'a>>>,
    /// Whether the start fails where one of them cannot be kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required: Option<bool>,
}

/// How fast a device may be read and written, each second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IoLimit<'a> {
    /// The device, or any file on it.
    #[serde(with = "serde_bytes")]
    pub path: &'a [u8],
    /// Bytes read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_bps: Option<u64>,
    /// Bytes written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_bps: Option<u64>,
    /// Reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_iops: Option<u64>,
    /// Writes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_iops: Option<u64>,
}

/// A terminal to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Pty {
    /// Its height in characters.
    pub rows: u16,
    /// Its width in characters.
    pub cols: u16,
    /// Whether what is written to it comes back as output.
    pub echo: bool,
    /// Whether it passes bytes through as they are, keys that send signals included.
    pub raw: bool,
}

/// When a process is stopped although nobody asked for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Life {
    /// Milliseconds from its start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u32>,
    /// Milliseconds without output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_timeout_ms: Option<u32>,
    /// Bytes of output, both streams together; the byte after them stops it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_limit_bytes: Option<u64>,
}

/// What is set in the new process before the program is executed; whatever is absent is inherited from resin.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Spawn<'a> {
    /// What the program sees as its own name instead of the first argument.
    #[serde(with = "serde_bytes", skip_serializing_if = "Option::is_none")]
    pub arg0: Option<&'a [u8]>,
    /// A user's name or number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<&'a str>,
    /// A group's name or number; the user's own if only a user is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<&'a str>,
    /// Supplementary groups; those the system lists for the user if it is not said, else none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<&'a str>>,
    /// The file mode creation mask.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub umask: Option<u32>,
    /// -20 to 19.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nice: Option<i32>,
    /// The class (1 real time, 2 best effort, 3 idle) times 8192, plus the level, 0 to 7.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub io_priority: Option<u32>,
    /// -1000 to 1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oom_score_adj: Option<i32>,
    /// Limits of resources.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rlimits: Option<Vec<Rlimit>>,
    /// Whether `execve` can give it no more rights than it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_new_privs: Option<bool>,
    /// Capabilities it loses for ever, a bit for each number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drop_capabilities: Option<u64>,
    /// More open files, by the number the program finds them under.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub descriptors: Option<Vec<Descriptor<'a>>>,
}

/// One limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Rlimit {
    /// The number of the resource, as `setrlimit(2)` takes it.
    pub resource: u32,
    /// The limit that holds; `None` is unlimited.
    pub soft: Option<u64>,
    /// How far the process may raise it.
    pub hard: Option<u64>,
}

/// One more open file of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Descriptor<'a> {
    /// Its number, 3 to 255.
    pub fd: u32,
    /// The file's path; a relative one begins at `cwd`.
    #[serde(with = "serde_bytes")]
    pub path: &'a [u8],
    /// How it is opened.
    pub mode: Mode,
}
