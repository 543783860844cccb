//! Makes the groups of a tree that is to use no more than it was given, and sets their limits, each where its controller is: cgroup2 or version 1.
//! Says of each limit whether it holds, and if not why; does not decide whether the start goes on without it.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use crate::cgroup::Cgroup;
use crate::cgroup1::Cgroup1;
use crate::groups::{Groups, Limited, Missing};
use crate::place::{Controller, Place};
use crate::spawn_options::OpenFile;
use crate::wire::start::{Contain, File, IoLimit, Mode, ResourceLimits};

/// The time in which a share of a processor is given out.
const CPU_PERIOD_US: u64 = 100_000;

/// The names of limits as a user gives them, with what keeps each.
const LIMITS: [(&str, Controller); 6] = [
    ("memory", Controller::Memory),
    ("memoryHigh", Controller::Memory),
    ("swap", Controller::Memory),
    ("cpu", Controller::Cpu),
    ("pids", Controller::Pids),
    ("io", Controller::Io),
];

/// Makes the groups for these limits and sets them. What cannot be set, or be made, is told in [`Groups::limited`].
pub fn limited_groups(
    limits: &ResourceLimits<'_>,
    contain: Contain,
    place: Option<&Place>,
    cwd: Option<&[u8]>,
) -> Groups {
    let asked: Vec<_> = LIMITS.into_iter().filter(|(name, _)| is_asked(limits, name)).collect();
    let mut wanted: Vec<Controller> = asked.iter().map(|(_, controller)| *controller).collect();
    wanted.dedup();
    let mut groups = Groups::default();
    let mut refused = Vec::new();
    if let (Some(place), true) = (place, contain != Contain::Tree) {
        let (in_version1, in_unified): (Vec<_>, Vec<_>) =
            wanted.into_iter().partition(|each| place.has_version1(*each));
        if place.has_unified() {
            let made = if in_unified.is_empty() { place.make() } else { place.make_with(&in_unified) };
            match made {
                Ok(made) => groups.unified = Some(made),
                Err(errno) => refused.extend(in_unified.iter().map(|controller| (*controller, errno))),
            }
        }
        for controller in in_version1 {
            match place.make_version1(controller) {
                Ok(made) => groups.version1.push(made),
                Err(errno) => refused.push((controller, errno)),
            }
        }
    }
    let mut limited = Limited::default();
    for (name, controller) in asked {
        let keeper = Keeper::of(&groups, controller);
        let outcome = match (keeper, refused.iter().find(|(each, _)| *each == controller)) {
            (Some(keeper), _) => keeper.set(name, limits, cwd),
            (None, Some((_, errno))) => Err((*errno, format!("no group can be made for it: {}", errno.desc()))),
            (None, None) if contain == Contain::Tree => {
                Err((Errno::ENOTSUP, "a tree that is held without cgroups has no limits".to_owned()))
            }
            (None, None) => Err((Errno::ENOTSUP, missing_controller(controller, place))),
        };
        match outcome {
            Ok(()) => limited.applied.push(name),
            Err((errno, why)) => limited.missing.push(Missing { limit: name, why, errno }),
        }
    }
    if limited.applied.contains(&"memory") {
        // Version 1 kills one process and lets the others go on; whoever holds the tree is to hear of it, and end it as cgroup2 would.
        let memory1 = groups.version1.iter().find(|group| group.controller() == Controller::Memory);
        groups.alarm = memory1.and_then(|group| group.memory_alarm().ok());
    }
    groups.limited = Some(limited);
    groups
}

/// The groups of a start that goes on without any: none of its limits hold.
pub fn unlimited(limits: &ResourceLimits<'_>, errno: Errno) -> Groups {
    let missing = LIMITS.into_iter().filter(|(name, _)| is_asked(limits, name)).map(|(limit, _)| Missing {
        limit,
        why: format!("the process cannot be put into a group: {}", errno.desc()),
        errno,
    });
    Groups { limited: Some(Limited { applied: Vec::new(), missing: missing.collect() }), ..Groups::default() }
}

fn is_asked(limits: &ResourceLimits<'_>, name: &str) -> bool {
    match name {
        "memory" => limits.memory_bytes.is_some(),
        "memoryHigh" => limits.memory_high_bytes.is_some(),
        "swap" => limits.swap_bytes.is_some(),
        "cpu" => limits.cpu_milli.is_some(),
        "pids" => limits.pids.is_some(),
        _ => limits.io.is_some(),
    }
}

fn missing_controller(controller: Controller, place: Option<&Place>) -> String {
    let name = controller.name();
    match place {
        Some(place) if place.has_unified() => format!(
            "the cgroup controller `{name}` is missing: the cgroup that Copal runs in does not hand it down to its children, nor does the one around it"
        ),
        _ => {
            format!("the cgroup controller `{name}` is missing: there is no cgroup of it here that Copal may write to")
        }
    }
}

/// Why a limit does not hold.
type Refusal = (Errno, String);

/// The group that keeps the limits of one controller.
enum Keeper<'a> {
    Unified(&'a Cgroup),
    Version1(&'a Cgroup1),
}

impl<'a> Keeper<'a> {
    fn of(groups: &'a Groups, controller: Controller) -> Option<Self> {
        let version1 = groups.version1.iter().find(|group| group.controller() == controller).map(Self::Version1);
        version1.or_else(|| groups.unified.as_ref().filter(|cgroup| cgroup.has(controller)).map(Self::Unified))
    }

    fn set(&self, name: &str, limits: &ResourceLimits<'_>, cwd: Option<&[u8]>) -> Result<(), Refusal> {
        let refused = |errno: Errno| (errno, format!("the kernel refuses it: {} ({errno:?})", errno.desc()));
        match (name, self) {
            ("memory", Self::Unified(cgroup)) => {
                let bytes = limits.memory_bytes.unwrap_or_default();
                cgroup.set("memory.max", &bytes.to_string()).map_err(refused)?;
                // The tree ends as one: what is left of a program of which one process was killed is no program.
                let _ = cgroup.set("memory.oom.group", "1");
                // Swap would be memory without a limit. Where the kernel does not count it there is none.
                if limits.swap_bytes.is_none() {
                    let _ = cgroup.set("memory.swap.max", "0");
                }
                Ok(())
            }
            ("memory", Self::Version1(group)) => {
                let [memory, _] =
                    group.limit_memory(limits.memory_bytes.unwrap_or_default(), limits.swap_bytes.unwrap_or(0));
                memory.map_err(refused)
            }
            ("memoryHigh", Self::Unified(cgroup)) => {
                cgroup.set("memory.high", &limits.memory_high_bytes.unwrap_or_default().to_string()).map_err(refused)
            }
            ("memoryHigh", Self::Version1(_)) => Err((
                Errno::ENOTSUP,
                "it needs the controller `memory` of cgroup2; this one is of version 1".to_owned(),
            )),
            ("swap", Self::Unified(cgroup)) => cgroup
                .set("memory.swap.max", &limits.swap_bytes.unwrap_or_default().to_string())
                .map_err(|errno| match errno {
                    Errno::ENOENT | Errno::EACCES | Errno::EPERM => {
                        (errno, "the kernel does not count swap".to_owned())
                    }
                    _ => refused(errno),
                }),
            ("swap", Self::Version1(group)) => {
                let Some(memory_bytes) = limits.memory_bytes else {
                    let why = "with the controller `memory` of version 1 it needs a limit of `memory` as well";
                    return Err((Errno::EINVAL, why.to_owned()));
                };
                let [_, swap] = group.limit_memory(memory_bytes, limits.swap_bytes.unwrap_or_default());
                swap.map_err(|errno| match errno {
                    Errno::ENOENT => (errno, "the kernel does not count swap".to_owned()),
                    _ => refused(errno),
                })
            }
            ("cpu", keeper) => {
                let quota_us = u64::from(limits.cpu_milli.unwrap_or_default()) * CPU_PERIOD_US / 1000;
                match keeper {
                    Self::Unified(cgroup) => cgroup.set("cpu.max", &format!("{quota_us} {CPU_PERIOD_US}")),
                    Self::Version1(group) => group.limit_cpu(quota_us, CPU_PERIOD_US),
                }
                .map_err(refused)
            }
            ("pids", keeper) => {
                let most = limits.pids.unwrap_or_default();
                match keeper {
                    Self::Unified(cgroup) => cgroup.set("pids.max", &most.to_string()),
                    Self::Version1(group) => group.limit_pids(most),
                }
                .map_err(refused)
            }
            (_, keeper) => limits.io.iter().flatten().try_for_each(|limit| keeper.set_io(limit, cwd)),
        }
    }

    fn set_io(&self, limit: &IoLimit<'_>, cwd: Option<&[u8]>) -> Result<(), Refusal> {
        let path = String::from_utf8_lossy(limit.path).into_owned();
        let refused = |errno: Errno| (errno, format!("the kernel refuses it for {path}: {} ({errno:?})", errno.desc()));
        let file =
            OpenFile::new(&File { path: limit.path, mode: Mode::Read }, cwd).map_err(|error| refused(error.errno))?;
        let device = device_of(Path::new(&*String::from_utf8_lossy(file.path.as_bytes()))).map_err(refused)?;
        match self {
            Self::Version1(group) => group.limit_io(device, limit),
            Self::Unified(cgroup) => {
                let rates = [
                    ("rbps", limit.read_bps),
                    ("wbps", limit.write_bps),
                    ("riops", limit.read_iops),
                    ("wiops", limit.write_iops),
                ];
                let set =
                    rates.iter().filter_map(|(key, rate)| Some(format!(" {key}={}", (*rate)?))).collect::<String>();
                cgroup.set("io.max", &format!("{}:{}{set}", device.0, device.1))
            }
        }
        .map_err(refused)
    }
}

/// The numbers of a device, or of the one a file is on. A partition stands for its disk, which is what the kernel counts by.
fn device_of(path: &Path) -> Result<(u64, u64), Errno> {
    let about = fs::metadata(path).map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))?;
    let number = if about.file_type().is_block_device() { about.rdev() } else { about.dev() };
    let own = (nix::sys::stat::major(number), nix::sys::stat::minor(number));
    let known: PathBuf = format!("/sys/dev/block/{}:{}", own.0, own.1).into();
    if !known.join("partition").exists() {
        return Ok(own);
    }
    let disk = fs::canonicalize(known).ok().and_then(|known| fs::read_to_string(known.parent()?.join("dev")).ok());
    let numbers = disk.as_deref().and_then(|text| text.trim().split_once(':'));
    Ok(numbers.and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?))).unwrap_or(own))
}
