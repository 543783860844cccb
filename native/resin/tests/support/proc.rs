//! What the kernel says about processes; tests believe it rather than resin's own events.

use std::fs;

/// Whether a process lives (one that only waits to be reaped does not).
pub fn is_running(pid: i32) -> bool {
    resin::tree::Stat::read(pid).is_some_and(|stat| !stat.ended)
}

/// Pids of all living processes with this text in their environment.
pub fn marked(mark: &str) -> Vec<i32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|entry| entry == mark.as_bytes()) && is_running(*pid)
    })
    .collect()
}

/// How many of them have become what they are to be: a shell that has yet to ignore a signal is not among them.
pub fn sleepers(mark: &str) -> usize {
    marked(mark).into_iter().filter(|pid| name(*pid) == "sleep").count()
}

/// A line of `/proc/PID/status`, without its name.
pub fn status(pid: i32, name: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).trim().to_owned()
}

/// The command name of a process.
pub fn name(pid: i32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned()
}

/// Pids of the children of a process.
pub fn children(pid: i32) -> Vec<i32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

/// Sends SIGKILL.
pub fn kill(pid: i32) {
    resin::kernel::kill(pid, 9).unwrap();
}

/// No process at all.
pub const NONE: [i32; 0] = [];
