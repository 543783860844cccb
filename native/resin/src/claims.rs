//! Whose a directory is that groups are made in: a lock (`flock(2)`) on it is held for as long as one of its makers lives.
//! Knows directories and locks; does not know what groups are.
//!
//! The kernel lets go of a lock when its holder dies, whatever killed it, and shows it to everybody who sees the directory. A pid in the name would
//! prove less: it is used again, and means somebody else, or nobody, in another PID namespace.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use crate::cgroup::errno_of;

/// How often a directory is made that others remove at once.
const TRIES: usize = 16;

/// The directories that this process has claimed. Let go of when it ends, or a copy of it after a fork does.
#[derive(Debug, Default)]
pub struct Claims(RefCell<HashMap<PathBuf, Flock<File>>>);

impl Claims {
    /// Makes a directory, if it is not there, and claims it beside all others who do.
    ///
    /// 1. Somebody who sweeps may see it between its making and its claim, and remove it: then the claim is on a directory that is not there.
    /// 2. Others with a claim may remove it when they leave, since it is empty. So a claim is looked at again each time.
    ///
    /// # Errors
    /// What `mkdir(2)` or `open(2)` answers.
    pub fn claim(&self, directory: &Path) -> Result<(), Errno> {
        let mut claims = self.0.borrow_mut();
        for _ in 0..TRIES {
            if claims.get(directory).is_some_and(|claim| is_at(claim, directory)) {
                return Ok(());
            }
            claims.remove(directory);
            if let Err(error) = fs::create_dir(directory)
                && error.kind() != io::ErrorKind::AlreadyExists
            {
                return Err(errno_of(&error));
            }
            match File::open(directory) {
                // Where there are no locks nobody can prove that the makers are gone, so nobody sweeps.
                Ok(file) => match Flock::lock(file, FlockArg::LockShared) {
                    Ok(claim) => _ = claims.insert(directory.to_owned(), claim),
                    Err((_, Errno::EINTR)) => {}
                    Err(_) => return Ok(()),
                },
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(errno_of(&error)),
            }
        }
        Err(Errno::ENOENT)
    }
}

/// Does something to a directory that nobody has a claim on any more, and that nobody can claim meanwhile.
pub fn if_abandoned(directory: &Path, act: impl FnOnce()) {
    if let Ok(file) = File::open(directory)
        && let Ok(_lock) = Flock::lock(file, FlockArg::LockExclusiveNonblock)
    {
        act();
    }
}

fn is_at(claim: &File, directory: &Path) -> bool {
    let number = |about: fs::Metadata| (about.dev(), about.ino());
    claim.metadata().map(number).is_ok_and(|own| fs::metadata(directory).map(number).is_ok_and(|there| there == own))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("resin-claims-{}-{name}", std::process::id()))
    }

    fn is_abandoned(directory: &Path) -> bool {
        let mut abandoned = false;
        if_abandoned(directory, || abandoned = true);
        abandoned
    }

    #[test]
    fn a_directory_is_abandoned_when_the_last_claim_on_it_is_gone() {
        let directory = directory("last");
        let (one, other) = (Claims::default(), Claims::default());
        one.claim(&directory).unwrap();
        other.claim(&directory).unwrap();
        drop(one);
        assert!(!is_abandoned(&directory));
        drop(other);
        assert!(is_abandoned(&directory));
        fs::remove_dir(&directory).unwrap();
    }

    #[test]
    fn a_claim_on_a_directory_that_was_removed_is_made_anew() {
        let directory = directory("anew");
        let claims = Claims::default();
        claims.claim(&directory).unwrap();
        fs::remove_dir(&directory).unwrap();
        claims.claim(&directory).unwrap();
        assert!(!is_abandoned(&directory));
        fs::remove_dir(&directory).unwrap();
    }

    #[test]
    fn what_cannot_be_made_is_not_claimed() {
        assert_eq!(Claims::default().claim(&directory("missing").join("inner")), Err(Errno::ENOENT));
    }
}
