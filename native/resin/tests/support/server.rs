//! A fork server for the tests, and the cgroups it or a sidecar made.

use std::io::{BufRead, BufReader};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Program, Stdio as Handle};

use super::{Owner, RESIN};

/// A fork server that is our child.
pub struct Server {
    pub process: Child,
    /// What it says after its first line.
    pub announcements: BufReader<std::process::ChildStdout>,
    pub name: String,
}

impl Server {
    pub fn new() -> Self {
        let mut program = Program::new(RESIN);
        program.arg("fork-server").stdin(Handle::piped()).stdout(Handle::piped()).process_group(0);
        let mut process = program.spawn().unwrap();
        let mut line = String::new();
        let mut announcements = BufReader::new(process.stdout.take().unwrap());
        announcements.read_line(&mut line).unwrap();
        let announced: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(announced["pid"], process.id());
        assert_eq!(announced["versions"], serde_json::json!([1, 1]));
        Self { name: announced["socket"].as_str().unwrap().to_owned(), process, announcements }
    }

    pub fn pid(&self) -> i32 {
        self.process.id() as i32
    }

    pub fn connect(&self) -> Owner {
        Owner::on(connect(&self.name).unwrap())
    }

    /// Ends the life line and waits: the exit code.
    pub fn end(&mut self) -> Option<i32> {
        drop(self.process.stdin.take());
        self.process.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

pub fn connect(name: &str) -> std::io::Result<UnixStream> {
    UnixStream::connect_addr(&SocketAddr::from_abstract_name(name)?)
}

/// Directories of cgroups a process of this pid made, if there still are any.
pub fn cgroups_of(pid: i32) -> Vec<PathBuf> {
    let bases = [Path::new("/sys/fs/cgroup/unified"), Path::new("/sys/fs/cgroup")];
    let base = bases.into_iter().find(|base| base.join("cgroup.procs").exists());
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap();
    let own = own.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or("");
    let Some(entries) = base.and_then(|base| std::fs::read_dir(base.join(own)).ok()) else { return Vec::new() };
    let prefix = format!("copal-{pid}-");
    let paths = entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix));
    paths.map(|entry| entry.path()).collect()
}
