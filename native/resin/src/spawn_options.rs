//! What a start says about rights, limits and files, in the form the new process needs: names looked up, texts ended, everything allocated.
//! Knows the system's users and groups; sets nothing itself (birth.rs does, after the fork) and does not know what is executed.

use std::ffi::CString;

use nix::errno::Errno;
use nix::unistd::{Gid, Group, Uid, User, getegid, geteuid, getgrouplist, getgroups};

use crate::error::{Stage, StartError};
use crate::wire::start::{File, Mode, Spawn};

/// A file to open in the new process.
#[derive(Debug)]
pub struct OpenFile {
    /// Its path; absolute, or relative to resin's own directory.
    pub path: CString,
    /// Flags of `open(2)`.
    pub flags: i32,
}

impl OpenFile {
    /// Puts a relative path behind the working directory of the process.
    ///
    /// # Errors
    /// Stage `argv` with EINVAL for a NUL byte in the path.
    pub fn new(file: &File<'_>, cwd: Option<&[u8]>) -> Result<Self, StartError> {
        let path = match cwd {
            Some(cwd) if !file.path.starts_with(b"/") => [cwd, b"/", file.path].concat(),
            _ => file.path.to_vec(),
        };
        let path = CString::new(path).map_err(|_| StartError { stage: Stage::Argv, errno: Errno::EINVAL })?;
        let mode = match file.mode {
            Mode::Read => libc::O_RDONLY,
            Mode::Truncate => libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC,
            Mode::Append => libc::O_WRONLY | libc::O_CREAT | libc::O_APPEND,
            Mode::ReadWrite => libc::O_RDWR | libc::O_CREAT,
        };
        Ok(Self { path, flags: mode | libc::O_CLOEXEC | libc::O_NOCTTY })
    }
}

/// Which rights the new process changes to. Absent is unchanged.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Its supplementary groups.
    pub groups: Option<Vec<libc::gid_t>>,
    /// Its group.
    pub gid: Option<libc::gid_t>,
    /// Its user.
    pub uid: Option<libc::uid_t>,
    /// The option that `groups` follow from.
    pub groups_from: Option<Stage>,
}

/// Everything that is set in the new process besides its program and streams.
#[derive(Debug, Default)]
pub struct SpawnOptions {
    /// User and groups.
    pub identity: Identity,
    /// File mode creation mask.
    pub umask: Option<u32>,
    /// Nice value.
    pub nice: Option<i32>,
    /// I/O priority, as `ioprio_set(2)` takes it.
    pub io_priority: Option<u32>,
    /// OOM score adjustment, as its file takes it.
    pub oom_score_adj: Option<Vec<u8>>,
    /// Resource, soft and hard limit, as `prlimit64(2)` takes them.
    pub rlimits: Vec<(u32, [u64; 2])>,
    /// Whether `execve` can give it no more rights.
    pub no_new_privs: bool,
    /// Capabilities it loses, a bit for each.
    pub drop_capabilities: u64,
    /// Further files by descriptor.
    pub files: Vec<(i32, OpenFile)>,
}

impl SpawnOptions {
    /// Looks up and prepares what a start asks for.
    ///
    /// # Errors
    /// Stage `user`, `group` or `groups` with ENOENT for a name the system does not know; `argv` for a NUL byte in a path.
    pub fn prepare(spawn: &Spawn<'_>, cwd: Option<&[u8]>) -> Result<Self, StartError> {
        let limit = |value: Option<u64>| value.unwrap_or(u64::MAX);
        let rlimits = spawn.rlimits.iter().flatten();
        let files = spawn.descriptors.iter().flatten().map(|descriptor| {
            let file = File { path: descriptor.path, mode: descriptor.mode };
            Ok((descriptor.fd as i32, OpenFile::new(&file, cwd)?))
        });
        Ok(Self {
            identity: Identity::find(spawn)?,
            umask: spawn.umask,
            nice: spawn.nice,
            io_priority: spawn.io_priority,
            oom_score_adj: spawn.oom_score_adj.map(|value| value.to_string().into_bytes()),
            rlimits: rlimits.map(|one| (one.resource, [limit(one.soft), limit(one.hard)])).collect(),
            no_new_privs: spawn.no_new_privs == Some(true),
            drop_capabilities: spawn.drop_capabilities.unwrap_or(0),
            files: files.collect::<Result<_, _>>()?,
        })
    }
}

impl Identity {
    /// Looks names up. What the process has already is left out, so that it needs no right to be set.
    fn find(spawn: &Spawn<'_>) -> Result<Self, StartError> {
        if spawn.user.is_none() && spawn.group.is_none() && spawn.groups.is_none() {
            return Ok(Self::default());
        }
        let unknown = |stage| StartError { stage, errno: Errno::ENOENT };
        let (uid, user) = match spawn.user.map(find_user).transpose()? {
            Some((uid, user)) => (Some(uid), user),
            None => (None, None),
        };
        let gid = match spawn.group {
            Some(name) => Some(find_group(name).map_err(StartError::at(Stage::Group))?.ok_or(unknown(Stage::Group))?),
            // A user without a home in the system's files has no group to fall back on; root's would be a gift.
            None if uid.is_some() => Some(user.as_ref().ok_or(unknown(Stage::User))?.gid),
            None => None,
        };
        let (mut groups, from) = match (&spawn.groups, &user, gid) {
            (Some(names), ..) => {
                let find = |name: &&str| {
                    find_group(name).map_err(StartError::at(Stage::Groups))?.ok_or(unknown(Stage::Groups))
                };
                (names.iter().map(find).collect::<Result<Vec<_>, _>>()?, Stage::Groups)
            }
            (None, Some(user), Some(gid)) => {
                let name = CString::new(user.name.as_str()).map_err(|_| unknown(Stage::User))?;
                (getgrouplist(&name, gid).map_err(StartError::at(Stage::User))?, Stage::User)
            }
            (None, ..) => (Vec::new(), if uid.is_some() { Stage::User } else { Stage::Group }),
        };
        let mut own = getgroups().unwrap_or_default();
        for list in [&mut groups, &mut own] {
            list.sort_by_key(|gid| gid.as_raw());
            list.dedup();
        }
        // Some systems list a process's own group among its supplementary ones, and some do not.
        let has_them = groups == own || own.is_empty() && groups == [getegid()];
        Ok(Self {
            groups: (!has_them).then(|| groups.iter().map(|gid| gid.as_raw()).collect()),
            gid: gid.filter(|gid| *gid != getegid()).map(Gid::as_raw),
            uid: uid.filter(|uid| *uid != geteuid()).map(Uid::as_raw),
            groups_from: Some(from),
        })
    }
}

fn find_user(text: &str) -> Result<(Uid, Option<User>), StartError> {
    let at_user = StartError::at(Stage::User);
    if let Some(user) = User::from_name(text).map_err(&at_user)? {
        return Ok((user.uid, Some(user)));
    }
    let number = text.parse().map_err(|_| at_user(Errno::ENOENT))?;
    let uid = Uid::from_raw(number);
    Ok((uid, User::from_uid(uid).map_err(at_user)?))
}

fn find_group(text: &str) -> Result<Option<Gid>, Errno> {
    let named = Group::from_name(text)?.map(|group| group.gid);
    Ok(named.or_else(|| text.parse().ok().map(Gid::from_raw)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(spawn: Spawn<'_>) -> (Stage, Errno) {
        let error = SpawnOptions::prepare(&spawn, None).unwrap_err();
        (error.stage, error.errno)
    }

    #[test]
    fn names_the_system_does_not_know_fail_by_their_option() {
        let nobody = "no-such-name";
        assert_eq!(failed(Spawn { user: Some(nobody), ..Spawn::default() }), (Stage::User, Errno::ENOENT));
        assert_eq!(failed(Spawn { group: Some(nobody), ..Spawn::default() }), (Stage::Group, Errno::ENOENT));
        assert_eq!(failed(Spawn { groups: Some(vec![nobody]), ..Spawn::default() }), (Stage::Groups, Errno::ENOENT));
        assert_eq!(failed(Spawn { user: Some("4000000000"), ..Spawn::default() }), (Stage::User, Errno::ENOENT));
    }

    #[test]
    fn a_number_without_a_name_is_taken_if_its_group_is_said() {
        let spawn = Spawn { user: Some("4000000000"), group: Some("4000000001"), ..Spawn::default() };
        let identity = SpawnOptions::prepare(&spawn, None).unwrap().identity;
        assert_eq!((identity.uid, identity.gid), (Some(4_000_000_000), Some(4_000_000_001)));
    }

    #[test]
    fn a_user_that_one_is_already_needs_nothing() {
        let own = geteuid().as_raw().to_string();
        let spawn = Spawn { user: Some(&own), ..Spawn::default() };
        let identity = SpawnOptions::prepare(&spawn, None).unwrap().identity;
        assert_eq!(identity.uid, None);
    }

    #[test]
    fn a_relative_path_begins_at_the_working_directory() {
        let path = |path: &str, cwd: Option<&str>| {
            let file = File { path: path.as_bytes(), mode: Mode::Append };
            OpenFile::new(&file, cwd.map(str::as_bytes)).unwrap().path.into_string().unwrap()
        };
        assert_eq!(path("a/b", Some("/c")), "/c/a/b");
        assert_eq!(path("/a/b", Some("/c")), "/a/b");
        assert_eq!(path("a", None), "a");
    }
}
