//! The values that messages are made of, read and checked one by one.
//! Knows what each of them may be; does not know messages as a whole or what they make anybody do.

use serde_bytes::Bytes;

use crate::error::WireError;
use crate::wire::messages::{
    Containment, FirstProcess, LimitMissing, MAX_GRACE_MS, MAX_WINDOW_BYTES, StepTaken, StoppedBy, Target,
};
use crate::wire::reader::{Reader, body, key_of};
use crate::wire::start::{
    Contain, Descriptor, File, IoLimit, Life, Mode, Pty, ResourceLimits, Rlimit, Spawn, Stdio, Step, StopSpec,
    WindowBytes,
};

/// The most steps of a stop, limits, descriptors that one start may have; of each a multiple of what is sensible.
const MAX_ITEMS: u32 = 64;

/// The most supplementary groups there are.
const MAX_GROUPS: u32 = 65_536;

impl<'a> Reader<'a> {
    pub(super) fn windows(&mut self) -> Result<WindowBytes, WireError> {
        Ok(body!(self => WindowBytes { stdin: window, stdout: window, stderr: window }))
    }

    pub(super) fn stop_spec(&mut self) -> Result<StopSpec<'a>, WireError> {
        Ok(body!(self => StopSpec { signal: unsigned32, grace_ms "graceMs": grace; steps: steps, planned: boolean }))
    }

    pub(super) fn versions(&mut self) -> Result<[u32; 2], WireError> {
        match self.list(2, Self::unsigned32)?.as_slice() {
            [lowest, highest] => Ok([*lowest, *highest]),
            _ => Err(WireError::new("not an array of two")),
        }
    }

    pub(super) fn arguments(&mut self) -> Result<Vec<&'a Bytes>, WireError> {
        let arguments = self.list(u32::MAX, |reader| reader.bin().map(Bytes::new))?;
        if arguments.is_empty() { Err(WireError::new("an array without the program")) } else { Ok(arguments) }
    }

    pub(super) fn stdio(&mut self) -> Result<Stdio<'a>, WireError> {
        if self.is_text() {
            let words = [
                ("pipe", Stdio::Pipe),
                ("socket", Stdio::Socket),
                ("null", Stdio::Null),
                ("inherit", Stdio::Inherit),
                ("pty", Stdio::Pty),
                ("stdout", Stdio::Stdout),
            ];
            return self.choice(&words);
        }
        Ok(Stdio::File(body!(self => File { path: bin, mode: mode })))
    }

    pub(super) fn mode(&mut self) -> Result<Mode, WireError> {
        self.choice(&[
            ("read", Mode::Read),
            ("truncate", Mode::Truncate),
            ("append", Mode::Append),
            ("readWrite", Mode::ReadWrite),
        ])
    }

    pub(super) fn target(&mut self) -> Result<Target, WireError> {
        self.choice(&[("leader", Target::Leader), ("group", Target::Group), ("tree", Target::Tree)])
    }

    pub(super) fn contain(&mut self) -> Result<Contain, WireError> {
        self.choice(&[
            ("auto", Contain::Auto),
            ("cgroup", Contain::Cgroup),
            ("pidns", Contain::Pidns),
            ("tree", Contain::Tree),
        ])
    }

    pub(super) fn containment(&mut self) -> Result<Containment, WireError> {
        self.choice(&[
            ("cgroup2", Containment::Cgroup2),
            ("cgroup1", Containment::Cgroup1),
            ("pidns", Containment::Pidns),
            ("tree", Containment::Tree),
        ])
    }

    pub(super) fn stopped_by(&mut self) -> Result<StoppedBy, WireError> {
        self.choice(&[
            ("itself", StoppedBy::Itself),
            ("owner", StoppedBy::Owner),
            ("ownerGone", StoppedBy::OwnerGone),
            ("sidecarSignal", StoppedBy::SidecarSignal),
            ("timeout", StoppedBy::Timeout),
            ("idle", StoppedBy::Idle),
            ("outputLimit", StoppedBy::OutputLimit),
        ])
    }

    pub(super) fn grace(&mut self) -> Result<u32, WireError> {
        self.unsigned_up_to(0, MAX_GRACE_MS)
    }

    pub(super) fn window(&mut self) -> Result<u32, WireError> {
        self.unsigned_up_to(1, MAX_WINDOW_BYTES)
    }

    pub(super) fn output_stream(&mut self) -> Result<u8, WireError> {
        self.unsigned_up_to(1, 2).map(|value| value as u8)
    }

    pub(super) fn any_stream(&mut self) -> Result<u8, WireError> {
        self.unsigned_up_to(0, 2).map(|value| value as u8)
    }

    pub(super) fn optional_unsigned8(&mut self) -> Result<Option<u8>, WireError> {
        self.nil_or(|reader| reader.unsigned_up_to(0, 255).map(|value| value as u8))
    }

    fn steps(&mut self) -> Result<Vec<Step<'a>>, WireError> {
        self.list(MAX_ITEMS, |reader| {
            Ok(body!(reader => Step {
                delay_ms "delayMs": grace;
                stdin: bin, close_stdin "closeStdin": boolean, command: arguments, signal: unsigned32, target: target,
            }))
        })
    }

    pub(super) fn steps_taken(&mut self) -> Result<Vec<StepTaken>, WireError> {
        self.list(MAX_ITEMS * MAX_ITEMS, |reader| {
            Ok(body!(reader => StepTaken { step: unsigned32, after_ms "afterMs": unsigned32, errno: optional_unsigned32 }))
        })
    }

    pub(super) fn pty(&mut self) -> Result<Pty, WireError> {
        Ok(body!(self => Pty { rows: unsigned16, cols: unsigned16, echo: boolean, raw: boolean }))
    }

    pub(super) fn life(&mut self) -> Result<Life, WireError> {
        Ok(body!(self => Life {
            ;
            timeout_ms "timeoutMs": unsigned32, idle_timeout_ms "idleTimeoutMs": unsigned32,
            output_limit_bytes "outputLimitBytes": unsigned64,
        }))
    }

    pub(super) fn limits(&mut self) -> Result<Box<ResourceLimits<'a>>, WireError> {
        Ok(Box::new(body!(self => ResourceLimits {
            ;
            memory_bytes "memoryBytes": unsigned64, memory_high_bytes "memoryHighBytes": unsigned64, swap_bytes "swapBytes": unsigned64,
            cpu_milli "cpuMilli": cpu_milli, pids: pids, io: io_limits, required: boolean,
        })))
    }

    fn cpu_milli(&mut self) -> Result<u32, WireError> {
        self.unsigned_up_to(10, 10_000_000)
    }

    fn pids(&mut self) -> Result<u32, WireError> {
        self.unsigned_up_to(1, u32::MAX)
    }

    fn io_limits(&mut self) -> Result<Vec<IoLimit<'a>>, WireError> {
        self.list(MAX_ITEMS, |reader| {
            Ok(body!(reader => IoLimit {
                path: bin;
                read_bps "readBps": unsigned64, write_bps "writeBps": unsigned64,
                read_iops "readIops": unsigned64, write_iops "writeIops": unsigned64,
            }))
        })
    }

    pub(super) fn directories(&mut self) -> Result<Vec<&'a Bytes>, WireError> {
        self.list(MAX_ITEMS, |reader| reader.bin().map(Bytes::new))
    }

    pub(super) fn limit_names(&mut self) -> Result<Vec<&'a str>, WireError> {
        self.list(MAX_ITEMS, Self::text)
    }

    pub(super) fn first_process(&mut self) -> Result<FirstProcess, WireError> {
        Ok(body!(self => FirstProcess { pid: unsigned32, start_time "startTime": unsigned64 }))
    }

    pub(super) fn limits_missing(&mut self) -> Result<Vec<LimitMissing<'a>>, WireError> {
        self.list(MAX_ITEMS, |reader| Ok(body!(reader => LimitMissing { limit: text, why: text })))
    }

    pub(super) fn spawn(&mut self) -> Result<Box<Spawn<'a>>, WireError> {
        Ok(Box::new(body!(self => Spawn {
            ;
            arg0: bin, user: text, group: text, groups: groups, umask: umask, nice: nice, io_priority "ioPriority": io_priority,
            oom_score_adj "oomScoreAdj": oom_score_adj, rlimits: rlimits, no_new_privs "noNewPrivs": boolean,
            drop_capabilities "dropCapabilities": unsigned64, descriptors: descriptors,
        })))
    }

    fn groups(&mut self) -> Result<Vec<&'a str>, WireError> {
        self.list(MAX_GROUPS, Self::text)
    }

    fn umask(&mut self) -> Result<u32, WireError> {
        self.unsigned_up_to(0, 0o777)
    }

    fn nice(&mut self) -> Result<i32, WireError> {
        self.signed_within(-20, 19)
    }

    fn io_priority(&mut self) -> Result<u32, WireError> {
        self.unsigned_up_to(0, 0xffff)
    }

    fn oom_score_adj(&mut self) -> Result<i32, WireError> {
        self.signed_within(-1000, 1000)
    }

    fn rlimits(&mut self) -> Result<Vec<Rlimit>, WireError> {
        self.list(MAX_ITEMS, |reader| {
            Ok(body!(reader => Rlimit { resource: unsigned32, soft: optional_unsigned64, hard: optional_unsigned64 }))
        })
    }

    fn descriptors(&mut self) -> Result<Vec<Descriptor<'a>>, WireError> {
        self.list(MAX_ITEMS, |reader| Ok(body!(reader => Descriptor { fd: descriptor, path: bin, mode: mode })))
    }

    fn descriptor(&mut self) -> Result<u32, WireError> {
        self.unsigned_up_to(3, 255)
    }

    fn optional_unsigned64(&mut self) -> Result<Option<u64>, WireError> {
        self.nil_or(Self::unsigned64)
    }
}
