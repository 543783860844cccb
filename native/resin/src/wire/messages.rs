//! The vocabulary: every command an owner sends and every event resin sends back, with the fields in the order they are written.
//! Normative: docs/protocol.md. Twin: src/wire/messages.ts.
//! Knows names and fields; does not know bytes, sockets or what a message makes anybody do.

use serde::Serialize;
use serde_bytes::Bytes;

use crate::wire::start::{Start, StopSpec};

/// The lowest and the highest protocol version this program speaks.
pub const VERSIONS: [u32; 2] = [1, 1];

/// Capability bit: this resin can make a cgroup2 for a tree.
pub const CAPABILITY_CGROUP2: u32 = 1;

/// Capability bit: this resin can make a terminal for a process.
pub const CAPABILITY_PTY: u32 = 2;

/// Capability bit: this resin knows the `limits` of a start.
pub const CAPABILITY_LIMITS: u32 = 4;

/// Capability bit: this resin knows the containment `pidns`.
pub const CAPABILITY_PIDNS: u32 = 128;

/// The owner's capability bit that says: it can read the pipe of much output itself.
pub const CAPABILITY_TAKES_OUTPUT: u32 = 32;

/// Capability bit: this resin can lend its end of the process's stdin.
pub const CAPABILITY_LENDS_STDIN: u32 = 64;

/// Capability bit: this resin can make a socket of the process's stdin.
pub const CAPABILITY_SOCKET: u32 = 256;

/// The largest window of one stream, in bytes (16 MiB).
pub const MAX_WINDOW_BYTES: u32 = 16 * 1024 * 1024;

/// The longest grace, in milliseconds (24 hours).
pub const MAX_GRACE_MS: u32 = 86_400_000;

/// The highest signal number there is.
pub const MAX_SIGNAL: u32 = 64;

/// Whom a `signal` command is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// The process that was started.
    Leader,
    /// The leader's process group.
    Group,
    /// Every process of the tree.
    Tree,
}

/// How the tree is held in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Containment {
    /// In a cgroup2 of its own.
    Cgroup2,
    /// In cgroups of version 1.
    Cgroup1,
    /// In a PID namespace of its own.
    Pidns,
    /// By the process tree alone.
    Tree,
}

/// Who began the end of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum StoppedBy {
    /// Nobody but the process.
    Itself,
    /// A `stop` command.
    Owner,
    /// The end of the connection.
    OwnerGone,
    /// A SIGTERM, SIGINT, SIGHUP or SIGQUIT to resin.
    SidecarSignal,
    /// Its time was over (`timeoutMs`).
    Timeout,
    /// It wrote nothing for too long (`idleTimeoutMs`).
    Idle,
    /// It wrote too much (`outputLimitBytes`).
    OutputLimit,
}

/// A message from the owner to resin. Borrows its bytes from the frame it came in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub enum Command<'a> {
    /// The owner's first message.
    Hello {
        /// The lowest and highest version the owner speaks.
        versions: [u32; 2],
        /// What the owner can do; a set of bits.
        capabilities: u32,
    },
    /// Start the process.
    Start(Box<Start<'a>>),
    /// Write to its stdin.
    Write {
        /// The bytes.
        #[serde(with = "serde_bytes")]
        data: &'a [u8],
    },
    /// Ask for the pipe or the socket of its stdin, so as to write to it without resin.
    Lend {
        /// The name of the socket at which the owner takes a socket.
        #[serde(with = "serde_bytes", skip_serializing_if = "Option::is_none")]
        to: Option<&'a [u8]>,
    },
    /// Close its stdin once everything written before is in the pipe.
    CloseStdin {},
    /// Send a signal.
    Signal {
        /// The signal's number.
        signal: u32,
        /// Who gets it.
        target: Target,
    },
    /// Stop the tree.
    Stop(Box<StopSpec<'a>>),
    /// Freeze the tree.
    Pause {},
    /// Let a frozen tree go on.
    Resume {},
    /// Change the size of the terminal.
    Resize {
        /// Its height in characters.
        rows: u16,
        /// Its width in characters.
        cols: u16,
    },
    /// Ask for the living tree's use of resources.
    Stats {},
    /// Give back output that was consumed.
    Credit {
        /// 1 (stdout) or 2 (stderr).
        stream: u8,
        /// How many bytes.
        bytes: u32,
    },
    /// Leave the pipe of a stream to the owner, who has opened it.
    Take {
        /// 1 (stdout) or 2 (stderr).
        stream: u8,
    },
}

impl Command<'_> {
    /// The name on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Command::Hello { .. } => "hello",
            Command::Start(_) => "start",
            Command::Write { .. } => "write",
            Command::Lend { .. } => "lend",
            Command::CloseStdin {} => "closeStdin",
            Command::Signal { .. } => "signal",
            Command::Stop(_) => "stop",
            Command::Pause {} => "pause",
            Command::Resume {} => "resume",
            Command::Resize { .. } => "resize",
            Command::Stats {} => "stats",
            Command::Credit { .. } => "credit",
            Command::Take { .. } => "take",
        }
    }
}

/// A message from resin to the owner. Borrows its texts and bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub enum Event<'a> {
    /// The answer to `hello`.
    Hello {
        /// The version that holds from now on.
        version: u32,
        /// The lowest and highest version this resin speaks.
        versions: [u32; 2],
        /// What this resin can do; a set of bits.
        capabilities: u32,
        /// The sidecar's own pid.
        sidecar_pid: u32,
        /// The program's version text, for people.
        resin: &'a str,
    },
    /// The process was started: its `execve` succeeded.
    Started {
        /// The leader's pid.
        pid: u32,
        /// When it started, in clock ticks since boot.
        start_time: u64,
        /// How the tree is held.
        containment: Containment,
        /// The cgroup's directory.
        #[serde(with = "serde_bytes")]
        cgroup: Option<&'a [u8]>,
        /// The directories of its cgroups of version 1, if it has such.
        #[serde(skip_serializing_if = "Option::is_none")]
        cgroups1: Option<Vec<&'a Bytes>>,
        /// The limits that hold, by the names a user gives them; present if any was asked for.
        #[serde(skip_serializing_if = "Option::is_none")]
        limits_applied: Option<Vec<&'a str>>,
        /// The limits that were asked for and do not hold.
        #[serde(skip_serializing_if = "Option::is_none")]
        limits_missing: Option<Vec<LimitMissing<'a>>>,
        /// The first process of its PID namespace, if it has one.
        #[serde(skip_serializing_if = "Option::is_none")]
        pidns: Option<FirstProcess>,
        /// Why it has none, if it was to have one.
        #[serde(skip_serializing_if = "Option::is_none")]
        pidns_missing: Option<&'a str>,
    },
    /// The process was not started; the connection ends.
    StartFailed {
        /// Where it failed.
        stage: &'a str,
        /// The kernel's answer.
        errno: u32,
        /// The errno's name.
        code: &'a str,
        /// One sentence for people.
        message: &'a str,
    },
    /// Every write up to this id is in the pipe.
    Wrote {},
    /// The request was done or accepted.
    Ok {},
    /// The answer to `stats`.
    Stats {
        /// Living processes.
        processes: u32,
        /// Their resident memory, in bytes.
        rss_bytes: u64,
        /// Their time in user mode, in microseconds.
        user_us: u64,
        /// Their time in kernel mode, in microseconds.
        system_us: u64,
    },
    /// Bytes the process wrote.
    Output {
        /// 1 (stdout) or 2 (stderr).
        stream: u8,
        /// At most 1 MiB.
        #[serde(with = "serde_bytes")]
        bytes: &'a [u8],
    },
    /// This stream floods; the owner may read its pipe itself.
    Offer {
        /// 1 (stdout) or 2 (stderr).
        stream: u8,
        /// Where the owner can open the pipe.
        #[serde(with = "serde_bytes")]
        path: &'a [u8],
        /// Its inode, by which the owner knows that it has opened the right one.
        inode: u64,
    },
    /// The answer to `lend`: the owner may write to the process's stdin itself.
    Lent {
        /// Where the owner can open the pipe; a socket it was sent.
        #[serde(with = "serde_bytes", skip_serializing_if = "Option::is_none")]
        path: Option<&'a [u8]>,
        /// Its inode, by which the owner knows that it has opened, or was sent, the right one.
        inode: u64,
    },
    /// No more output of this stream will come; for stream 0, its reader is gone, or a step of the stop has closed it.
    Closed {
        /// 0, 1 or 2.
        stream: u8,
    },
    /// A step of the stop was taken.
    Stepped {
        /// Which one, from 0.
        step: u32,
    },
    /// Under an id: that request failed. Under id 0: fatal.
    Error {
        /// A stable code, for instance `ERR_STATE` or `EPIPE`.
        code: &'a str,
        /// The kernel's answer, where there is one.
        errno: Option<u32>,
        /// One sentence for people.
        message: &'a str,
    },
    /// The leader has ended and the tree is empty.
    Exited(Box<Exited>),
}

/// The first process of a PID namespace; when it is gone nothing of the namespace is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FirstProcess {
    /// Its pid.
    pub pid: u32,
    /// When it started, in clock ticks since boot.
    pub start_time: u64,
}

/// A limit that does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LimitMissing<'a> {
    /// Its name.
    pub limit: &'a str,
    /// Why, for people.
    pub why: &'a str,
}

/// The body of `exited`: how the process ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Exited {
    /// The exit code, or `None` when a signal ended the leader.
    pub code: Option<u8>,
    /// The signal that ended the leader.
    pub signal: Option<u32>,
    /// Whether it dumped core.
    pub core: bool,
    /// Who began the end.
    pub stopped_by: StoppedBy,
    /// Whether SIGKILL had to be used.
    pub killed: bool,
    /// Processes of the tree that were still there when the leader ended.
    pub left_behind: u32,
    /// Microseconds from the start to the leader's end.
    pub wall_us: u64,
    /// The whole tree's time in user mode, in microseconds.
    pub user_us: u64,
    /// The whole tree's time in kernel mode, in microseconds.
    pub system_us: u64,
    /// The resident memory of the tree's largest process, in bytes.
    pub max_rss_bytes: u64,
    /// Present if the kernel killed a process of the tree because its cgroup had no memory left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oom: Option<bool>,
    /// The steps that were taken, if the stop had any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<Vec<StepTaken>>,
}

/// One step that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepTaken {
    /// Which one, from 0.
    pub step: u32,
    /// Milliseconds since the stop began.
    pub after_ms: u32,
    /// Why it could not be done, if it could not.
    pub errno: Option<u32>,
}

impl Event<'_> {
    /// The name on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Event::Hello { .. } => "hello",
            Event::Started { .. } => "started",
            Event::StartFailed { .. } => "startFailed",
            Event::Wrote {} => "wrote",
            Event::Ok {} => "ok",
            Event::Stats { .. } => "stats",
            Event::Output { .. } => "output",
            Event::Offer { .. } => "offer",
            Event::Lent { .. } => "lent",
            Event::Closed { .. } => "closed",
            Event::Stepped { .. } => "stepped",
            Event::Error { .. } => "error",
            Event::Exited(_) => "exited",
        }
    }
}
