//! What a tree may use, kept by cgroups: asked of the cgroup file systems and of programs that use too much. Where the machine has no controller that
//! may be used, the test says so and ends.

mod support;

use std::path::{Path, PathBuf};

use resin::wire::messages::{Containment, Event};
use resin::wire::start::{Contain, ResourceLimits};
use support::{Owner, Server, Spec, eventually, proc, skip};

fn limited(argv: &[&str], limits: ResourceLimits<'static>) -> Spec {
    Spec { limits: Some(limits), ..Spec::new(argv) }
}

fn memory(bytes: u64) -> ResourceLimits<'static> {
    ResourceLimits { memory_bytes: Some(bytes), ..ResourceLimits::default() }
}

/// The directories of every cgroup a process is in that Copal made, found without asking resin.
fn groups_of(pid: i32) -> Vec<PathBuf> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    let mount_of = |controllers: &str| {
        let is_it = |line: &&str| match controllers {
            "" => line.contains(" - cgroup2 "),
            names => line.contains(" - cgroup ") && line.ends_with(&format!(",{names}")),
        };
        mounts.lines().find(is_it).and_then(|line| line.split(' ').nth(4))
    };
    let lines = groups.lines().filter(|line| line.contains("/copal-"));
    let found = lines.filter_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        Some(Path::new(mount_of(controllers)?).join(path.trim_start_matches('/')))
    });
    found.collect()
}

fn value(groups: &[PathBuf], files: &[&str]) -> Option<String> {
    let paths = groups.iter().flat_map(|group| files.iter().map(|file| group.join(file)));
    paths.filter_map(|path| std::fs::read_to_string(path).ok()).map(|text| text.trim().to_owned()).next()
}

/// Starts it; `None`, told aloud, where one of its limits does not hold here.
fn started_with_all(owner: &mut Owner, spec: &Spec) -> Option<i32> {
    owner.hello();
    owner.send_start(spec);
    let (pid, missing) = owner.wait_for(|_, event| match event {
        Event::Started { pid, limits_missing, .. } => {
            let missing = limits_missing.iter().flatten().map(|missing| missing.why.to_owned()).collect::<Vec<_>>();
            Some((*pid as i32, missing))
        }
        Event::StartFailed { message, .. } => panic!("not started: {message}"),
        _ => None,
    });
    if missing.is_empty() {
        return Some(pid);
    }
    skip(&missing.join("; "));
    None
}

#[test]
fn the_kernel_has_the_limits_before_the_program_runs_and_loses_them_with_it() {
    let limits = ResourceLimits { cpu_milli: Some(500), pids: Some(7), ..memory(64 << 20) };
    let mut owner = Owner::of_sidecar();
    let Some(pid) = started_with_all(&mut owner, &limited(&["cat"], limits)) else { return };
    let groups = groups_of(pid);
    assert_eq!(value(&groups, &["memory.max", "memory.limit_in_bytes"]).unwrap(), (64 << 20).to_string());
    assert_eq!(value(&groups, &["pids.max"]).unwrap(), "7");
    let quota = value(&groups, &["cpu.max", "cpu.cfs_quota_us"]).unwrap();
    assert!(quota == "50000" || quota == "50000 100000", "{quota}");
    owner.send(&resin::wire::messages::Command::CloseStdin {});
    assert_eq!(owner.exited().code, Some(0));
    assert!(groups.iter().all(|group| !group.exists()), "{groups:?}");
}

#[test]
fn a_tree_of_which_one_process_runs_out_of_memory_ends_as_a_whole_and_says_why() {
    // At most 200 MB, should the limit not hold.
    let hog = "perl -e '$x = \"x\" x 200_000_000; print \"not limited\\n\"'; echo survived; sleep 1000";
    let mut owner = Owner::of_sidecar();
    if started_with_all(&mut owner, &limited(&["sh", "-c", hog], memory(32 << 20))).is_none() {
        return;
    }
    let exited = owner.exited();
    assert_eq!((exited.oom, exited.signal), (Some(true), Some(9)));
}

#[test]
fn a_limit_of_processes_stops_a_program_that_forks_and_not_its_end() {
    let mut owner = Owner::of_sidecar();
    let limits = ResourceLimits { pids: Some(4), ..ResourceLimits::default() };
    let script = "for i in 1 2 3 4 5 6; do sleep 1000 & done; echo forked";
    if started_with_all(&mut owner, &limited(&["sh", "-c", script], limits)).is_none() {
        return;
    }
    let exited = owner.exited();
    assert_ne!(exited.code, Some(0), "a shell that cannot fork fails");
    assert_eq!((exited.oom, exited.left_behind), (None, 3));
}

#[test]
fn a_limit_that_nothing_can_keep_is_told_or_fails_the_start() {
    let tree = |limits| limited(&["true"], limits).contain(Contain::Tree);
    let mut owner = Owner::of_sidecar();
    owner.hello();
    owner.send_start(&tree(memory(64 << 20)));
    let (applied, missing, containment) = owner.wait_for(|_, event| match event {
        Event::Started { limits_applied, limits_missing, containment, .. } => {
            Some((limits_applied.as_ref()?.len(), limits_missing.as_ref()?.first()?.limit.to_owned(), *containment))
        }
        _ => None,
    });
    assert_eq!((applied, missing.as_str(), containment), (0, "memory", Containment::Tree));
    owner.exited();
    let required = ResourceLimits { required: Some(true), ..memory(64 << 20) };
    let failed = Owner::of_sidecar().start_fails(&tree(required));
    assert_eq!(failed, ("limits".to_owned(), "EOPNOTSUPP".to_owned()));
}

#[test]
fn a_start_without_limits_says_nothing_of_them() {
    let mut owner = Owner::of_sidecar();
    owner.hello();
    owner.send_start(&Spec::new(&["true"]));
    let said = owner.wait_for(|_, event| match event {
        Event::Started { cgroups1, limits_applied, limits_missing, .. } => {
            Some((cgroups1.is_some(), limits_applied.is_some(), limits_missing.is_some()))
        }
        _ => None,
    });
    assert_eq!(said, (false, false, false));
    owner.exited();
}

#[test]
fn the_groups_of_a_killed_sidecar_go_with_its_tree() {
    let mut server = Server::new();
    let mut owner = server.connect();
    let limits = ResourceLimits { pids: Some(20), ..memory(64 << 20) };
    let spec = limited(&["sh", "-c", "setsid sleep 1000 & exec sleep 1000"], limits);
    let Some(pid) = started_with_all(&mut owner, &spec) else { return };
    let groups = groups_of(pid);
    assert!(!groups.is_empty());
    let sidecar = resin::tree::Stat::read(pid).unwrap().ppid;
    resin::kernel::kill(sidecar, 9).unwrap();
    eventually("the groups are gone", || groups.iter().all(|group| !group.exists()));
    assert!(!proc::is_running(pid));
    server.end();
    assert!(groups.iter().all(|group| !group.parent().unwrap().exists()), "{groups:?}");
}
