//! Where groups can be made: resin's own cgroup2, and its own groups in the hierarchies of version 1 that keep limits. Makes the groups, and removes
//! the directories they are in. Knows the layout of cgroup file systems; sets no limits and does not know processes.
//!
//! Groups live under resin's own: `<own>/copal-<pid>-<hex8>/<sidecar pid>`, where pid is the fork server's (or that of a sidecar without one).
//! The path of a sidecar's groups follows from pids, so that the fork server can clean up behind a sidecar that was killed. Where nobody is left to,
//! the next fork server does: a directory that no sidecar has a claim on is nobody's.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::{AccessFlags, access, getpid};

use crate::cgroup::{Cgroup, errno_of, remove_group};
use crate::cgroup1::Cgroup1;
use crate::claims::{Claims, if_abandoned};
use crate::kernel;

const DIRECTORY_PREFIX: &str = "copal-";

/// What bounds the own group, and so must bound a directory that is made beside it.
const BOUNDS: [&str; 5] = ["memory.max", "memory.high", "memory.swap.max", "pids.max", "cpu.max"];

/// What keeps a kind of limits in the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Controller {
    /// Memory and swap.
    Memory,
    /// Time of processors.
    Cpu,
    /// The number of processes.
    Pids,
    /// Reading and writing of devices.
    Io,
}

impl Controller {
    const ALL: [Self; 4] = [Self::Memory, Self::Cpu, Self::Pids, Self::Io];

    /// Its name in cgroup2.
    pub fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Cpu => "cpu",
            Self::Pids => "pids",
            Self::Io => "io",
        }
    }

    /// Its name in version 1.
    fn name1(self) -> &'static str {
        if self == Self::Io { "blkio" } else { self.name() }
    }
}

/// The directories in which one fork server's groups are made.
#[derive(Debug)]
pub struct Place {
    unified: Option<PathBuf>,
    /// The group around the own one, where the mount shows it.
    around: Option<PathBuf>,
    version1: Vec<(Controller, PathBuf)>,
    name: String,
    owner_pid: i32,
    claims: Claims,
}

impl Place {
    /// Finds resin's own groups and names a directory below them, without making it; `None` where there are none, or none may be written to.
    pub fn find() -> Option<Self> {
        let mounts = fs::read("/proc/self/mountinfo").ok()?;
        let groups = fs::read("/proc/self/cgroup").ok()?;
        let unified = own_directory(&mounts, &groups, None);
        let around = unified.as_ref().and_then(|own| {
            let around = own.directory.parent()?;
            (around.starts_with(&own.mount_point) && may_write(around)).then(|| around.to_owned())
        });
        let unified = unified.map(|own| own.directory).filter(|own| may_write(own));
        let version1: Vec<_> = Controller::ALL
            .into_iter()
            .filter_map(|controller| {
                let own = own_directory(&mounts, &groups, Some(controller.name1()))?.directory;
                may_write(&own).then_some((controller, own))
            })
            .collect();
        if unified.is_none() && version1.is_empty() {
            return None;
        }
        let owner_pid = getpid().as_raw();
        let name = format!("{DIRECTORY_PREFIX}{owner_pid}-{}", kernel::random_hex(4).ok()?);
        Some(Self { unified, around, version1, name, owner_pid, claims: Claims::default() })
    }

    /// Whether a cgroup2 can be made.
    pub fn has_unified(&self) -> bool {
        self.unified.is_some()
    }

    /// Whether version 1 has a hierarchy of this controller that may be used; it cannot be in cgroup2 then.
    pub fn has_version1(&self, controller: Controller) -> bool {
        self.version1.iter().any(|(each, _)| *each == controller)
    }

    /// Where the groups of this sidecar are, or would be.
    pub fn groups_of(&self, sidecar_pid: i32) -> Vec<PathBuf> {
        self.directories().map(|directory| directory.join(sidecar_pid.to_string())).collect()
    }

    /// Makes the cgroup2 of the calling sidecar.
    ///
    /// # Errors
    /// What `mkdir(2)` or `open(2)` answers; ENOTSUP without cgroup2.
    pub fn make(&self) -> Result<Cgroup, Errno> {
        Cgroup::open(self.make_below(self.unified.as_ref().ok_or(Errno::ENOTSUP)?)?)
    }

    /// Makes the cgroup2 of the calling sidecar where these controllers can be had, or as many of them as can.
    ///
    /// That is below the own group, where it hands them down. A group that holds processes cannot begin to (they would have to be moved away, and
    /// they are not ours), so the other place is beside it: below the group around both, if that one hands them down and may be written to. A
    /// directory there gets the bounds of the own group, so that nothing gets out of what it was given.
    ///
    /// # Errors
    /// As [`Place::make`].
    pub fn make_with(&self, wanted: &[Controller]) -> Result<Cgroup, Errno> {
        let own = self.unified.as_ref().ok_or(Errno::ENOTSUP)?;
        let given = self.hand_down(own, own, wanted);
        if given.len() < wanted.len()
            && let Some(around) = &self.around
        {
            let beside = self.hand_down(own, around, wanted);
            if beside.len() > given.len() {
                return Cgroup::open(self.make_below(around)?);
            }
            let _ = fs::remove_dir(around.join(&self.name));
        }
        Cgroup::open(self.make_below(own)?)
    }

    /// Makes the calling sidecar's group of version 1 for this controller.
    ///
    /// # Errors
    /// What `mkdir(2)` or `open(2)` answers; ENOTSUP without such a hierarchy.
    pub fn make_version1(&self, controller: Controller) -> Result<Cgroup1, Errno> {
        let own = self.version1.iter().find(|(each, _)| *each == controller).ok_or(Errno::ENOTSUP)?;
        Cgroup1::open(controller, self.make_below(&own.1)?)
    }

    /// Makes a group of version 1, of whatever controller there is, for a tree that is only to be held together.
    ///
    /// # Errors
    /// As [`Place::make_version1`].
    pub fn make_any_version1(&self) -> Result<Cgroup1, Errno> {
        let (controller, _) = self.version1.last().ok_or(Errno::ENOTSUP)?;
        self.make_version1(*controller)
    }

    /// Removes the directories when they are empty and nobody else will: their owner is gone or is the caller.
    pub fn leave(&self) {
        let parent_is_owner = nix::unistd::getppid().as_raw() == self.owner_pid;
        if !parent_is_owner {
            self.directories().for_each(|directory| _ = fs::remove_dir(directory));
        }
    }

    /// Removes what others left behind who were killed before they could: directories that nobody has a claim on, with the groups in them, as far as
    /// these are empty.
    pub fn sweep_abandoned(&self) {
        for entry in self.bases().filter_map(|base| fs::read_dir(base).ok()).flatten().flatten() {
            if entry.file_name().to_str().is_some_and(is_ours) {
                let directory = entry.path();
                if_abandoned(&directory, || _ = remove_group(&directory));
            }
        }
    }

    fn bases(&self) -> impl Iterator<Item = &PathBuf> {
        self.unified.iter().chain(&self.around).chain(self.version1.iter().map(|(_, own)| own))
    }

    fn directories(&self) -> impl Iterator<Item = PathBuf> {
        self.bases().map(|base| base.join(&self.name))
    }

    fn make_below(&self, base: &Path) -> Result<PathBuf, Errno> {
        let around = base.join(&self.name);
        let directory = around.join(getpid().as_raw().to_string());
        loop {
            self.claims.claim(&around)?;
            match fs::create_dir(&directory) {
                Ok(()) => return Ok(directory),
                // Another sidecar of the same owner left just now, and took the directory with it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(errno_of(&error)),
            }
        }
    }

    /// Sees to it that groups in the directory below `base` have these controllers, as far as that can be done; answers which they have.
    fn hand_down(&self, own: &Path, base: &Path, wanted: &[Controller]) -> Vec<Controller> {
        let listed = |file: &str, controller: Controller| {
            let text = fs::read_to_string(base.join(file)).unwrap_or_default();
            text.split_ascii_whitespace().any(|name| name == controller.name())
        };
        let enable = |directory: &Path, controller: Controller| {
            fs::write(directory.join("cgroup.subtree_control"), format!("+{}", controller.name())).is_ok()
        };
        let mut given = wanted.to_vec();
        given.retain(|controller| listed("cgroup.controllers", *controller));
        // What the group around hands down is the business of whoever made it. The own one holds processes, this one at least: asked to hand down
        // `cpu` or `pids` it would become the root of threaded groups, below which no process can be put. Only the root of all has no such file.
        let may_begin = base == own && !own.join("cgroup.type").exists();
        given.retain(|each| listed("cgroup.subtree_control", *each) || may_begin && enable(base, *each));
        let directory = base.join(&self.name);
        if given.is_empty() || self.claims.claim(&directory).is_err() {
            return Vec::new();
        }
        if base != own && !keep_bounds(own, &directory) {
            return Vec::new();
        }
        given.retain(|controller| enable(&directory, *controller));
        given
    }
}

/// Gives a directory the bounds of a group. Answers whether it has them all.
fn keep_bounds(own: &Path, directory: &Path) -> bool {
    BOUNDS.iter().all(|file| match fs::read_to_string(own.join(file)) {
        Ok(bound) if !bound.starts_with("max") => fs::write(directory.join(file), bound.trim()).is_ok(),
        _ => true,
    })
}

/// Whether a directory has a name as [`Place::find`] gives them.
fn is_ours(name: &str) -> bool {
    name.strip_prefix(DIRECTORY_PREFIX).and_then(|rest| rest.split_once('-')).is_some_and(|(pid, random)| {
        pid.parse::<u32>().is_ok() && random.len() == 8 && random.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

fn may_write(directory: &Path) -> bool {
    access(directory, AccessFlags::W_OK | AccessFlags::X_OK).is_ok()
}

/// A group this process is in, as a mount shows it.
struct Own {
    mount_point: PathBuf,
    directory: PathBuf,
}

/// This process's own cgroup2, or its own group in the hierarchy of a controller of version 1, from `/proc/self/mountinfo` and `/proc/self/cgroup`.
fn own_directory(mounts: &[u8], groups: &[u8], controller: Option<&str>) -> Option<Own> {
    let has = |list: &[u8], name: &str| list.split(|byte| *byte == b',').any(|one| one == name.as_bytes());
    let own = groups.split(|byte| *byte == b'\n').find_map(|line| {
        let mut parts = line.splitn(3, |byte| *byte == b':');
        let (number, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        let is_it = match controller {
            None => number == b"0" && controllers.is_empty(),
            Some(name) => has(controllers, name),
        };
        is_it.then_some(path)
    })?;
    for line in mounts.split(|byte| *byte == b'\n') {
        let fields: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
        let Some(separator) = fields.iter().position(|field| *field == b"-") else { continue };
        let kind = fields.get(separator + 1).copied().unwrap_or_default();
        let is_it = match controller {
            None => kind == b"cgroup2",
            Some(name) => kind == b"cgroup" && fields.get(separator + 3).is_some_and(|options| has(options, name)),
        };
        if !is_it {
            continue;
        }
        // A mount may show a part of the hierarchy only; the own group has to be inside of it.
        let (root, mount_point) = (unescape(fields[3]), unescape(fields[4]));
        let inside = Path::new(OsStr::from_bytes(own)).strip_prefix(Path::new(OsStr::from_bytes(&root)));
        if let Ok(inside) = inside
            && !inside.components().any(|part| part.as_os_str() == "..")
        {
            let mount_point = PathBuf::from(std::ffi::OsString::from_vec(mount_point));
            return Some(Own { directory: mount_point.join(inside), mount_point });
        }
    }
    None
}

/// Undoes the octal escapes of mountinfo (`\040` for a space).
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, behind)) = rest.split_first() {
        let octal = behind.first_chunk::<3>().filter(|_| *first == b'\\');
        let value = octal.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        match value {
            Some(value) => {
                plain.push(value);
                rest = &behind[3..];
            }
            None => {
                plain.push(*first);
                rest = behind;
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(mounts: &str, groups: &str, controller: Option<&str>) -> Option<String> {
        let own = own_directory(mounts.as_bytes(), groups.as_bytes(), controller)?;
        Some(own.directory.to_str().unwrap().to_owned())
    }

    #[test]
    fn the_own_group_is_found_on_pure_hybrid_and_partial_mounts_and_nowhere_else() {
        let pure = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n";
        let hybrid = "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        let partial = "30 23 0:26 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
        let spaced = "30 23 0:26 / /mnt/my\\040groups rw - cgroup2 cgroup2 rw\n";
        let only_v1 = "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n";
        let table: &[(&str, &str, Option<&str>)] = &[
            (pure, "0::/user.slice/a\n", Some("/sys/fs/cgroup/user.slice/a")),
            (pure, "0::/\n", Some("/sys/fs/cgroup/")),
            (hybrid, "4:memory:/x\n0::/job\n", Some("/sys/fs/cgroup/unified/job")),
            (partial, "0::/docker/abc/inner\n", Some("/sys/fs/cgroup/inner")),
            (partial, "0::/elsewhere\n", None),
            (pure, "0::/../outside\n", None),
            (spaced, "0::/a\n", Some("/mnt/my groups/a")),
            (only_v1, "0::/a\n", None),
            (pure, "4:memory:/x\n", None),
        ];
        for (mounts, groups, expected) in table {
            assert_eq!(own(mounts, groups, None).as_deref(), *expected, "{mounts}{groups}");
        }
    }

    #[test]
    fn only_directories_with_names_as_ours_are_swept() {
        let table = [("copal-12-00ff00ff", true), ("copal-12-00ff00f", false), ("copal-prod-00ff00ff", false)];
        for (name, ours) in table.into_iter().chain([("copal-", false), ("system.slice", false)]) {
            assert_eq!(is_ours(name), ours, "{name}");
        }
    }

    #[test]
    fn the_own_group_of_version_1_is_that_of_the_controller() {
        let mounts = "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
                      35 31 0:32 /box /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
                      41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        let groups = "9:name=systemd:/\n4:memory:/box/inner\n2:cpu,cpuacct:/a\n0::/\n";
        assert_eq!(own(mounts, groups, Some("cpu")).as_deref(), Some("/sys/fs/cgroup/cpu,cpuacct/a"));
        assert_eq!(own(mounts, groups, Some("memory")).as_deref(), Some("/sys/fs/cgroup/memory/inner"));
        assert_eq!(own(mounts, groups, Some("pids")), None);
        assert_eq!(own(mounts, "3:memory:/elsewhere\n", Some("memory")), None);
    }
}
