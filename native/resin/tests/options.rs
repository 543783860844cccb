//! What is set in a process before its program runs, as the kernel tells it; and what becomes of a start that asks for too much.

mod support;

use std::path::PathBuf;

use resin::wire::start::{Descriptor, File, Mode, Rlimit, Spawn, Stdio};
use support::{Owner, Spec, proc, skip};

const NOFILE: u32 = 7;
const CPU: u32 = 0;

/// Text for a specification, which wants it to live as long as the program.
fn forever(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

fn is_root() -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        skip("needs root");
    }
    root
}

/// A directory that is gone behind the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(support::mark().replace('=', "-"));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> &'static str {
        forever(self.0.join(name).to_str().unwrap())
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

fn file(path: &'static str, mode: Mode) -> Stdio<'static> {
    Stdio::File(File { path: path.as_bytes(), mode })
}

fn sleeper(spawn: Spawn<'static>) -> (Owner, i32) {
    let (owner, started) = Owner::started(&Spec::new(&["sleep", "1000"]).spawn(spawn));
    (owner, started.pid)
}

fn refused(spawn: Spawn<'static>) -> (String, String) {
    Owner::of_sidecar().start_fails(&Spec::new(&["sleep", "1000"]).spawn(spawn))
}

fn limits(pid: i32, name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().take(2).map(str::to_owned).collect()
}

#[test]
fn a_program_sees_the_name_it_is_given() {
    let (_owner, pid) = sleeper(Spawn { arg0: Some(b"other name \xff"), ..Spawn::default() });
    assert!(std::fs::read(format!("/proc/{pid}/cmdline")).unwrap().starts_with(b"other name \xff\x001000\0"));
}

#[test]
fn numbers_are_set_as_they_were_asked_for() {
    let rlimit = |resource, soft, hard| Rlimit { resource, soft, hard };
    let (_owner, pid) = sleeper(Spawn {
        umask: Some(0o027),
        nice: Some(7),
        io_priority: Some(3 << 13),
        oom_score_adj: Some(321),
        rlimits: Some(vec![rlimit(NOFILE, Some(50), Some(60)), rlimit(CPU, Some(9), None)]),
        no_new_privs: Some(true),
        ..Spawn::default()
    });
    assert_eq!(proc::status(pid, "Umask"), "0027");
    assert_eq!(proc::status(pid, "NoNewPrivs"), "1");
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    assert_eq!(stat.rsplit(')').next().unwrap().split_whitespace().nth(16), Some("7"));
    // SAFETY: the call takes plain numbers.
    assert_eq!(unsafe { libc::syscall(libc::SYS_ioprio_get, 1, pid) }, 3 << 13);
    assert_eq!(std::fs::read_to_string(format!("/proc/{pid}/oom_score_adj")).unwrap(), "321\n");
    assert_eq!(limits(pid, "Max open files"), ["50", "60"]);
    assert_eq!(limits(pid, "Max cpu time"), ["9", "unlimited"]);
}

/// The scheduling policy, field 41 of proc_pid_stat(5).
fn policy(pid: i32) -> i32 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit(") ").next().unwrap().split(' ').nth(41 - 3).unwrap().parse().unwrap()
}

#[test]
fn a_sidecar_lets_others_finish_and_its_program_runs_as_any_other() {
    let (_owner, pid) = sleeper(Spawn::default());
    assert_eq!(policy(proc::status(pid, "PPid").parse().unwrap()), libc::SCHED_BATCH);
    assert_eq!(policy(pid), policy(std::process::id() as i32));
}

#[test]
fn what_the_kernel_refuses_fails_the_start_by_the_name_of_its_option() {
    let rlimits = Some(vec![Rlimit { resource: 99, soft: None, hard: None }]);
    assert_eq!(refused(Spawn { rlimits, ..Spawn::default() }), ("rlimits".to_owned(), "EINVAL".to_owned()));
    let above = Some(vec![Rlimit { resource: NOFILE, soft: Some(9), hard: Some(8) }]);
    assert_eq!(refused(Spawn { rlimits: above, ..Spawn::default() }).0, "rlimits");
    let io_priority = Some(7 << 13);
    assert_eq!(refused(Spawn { io_priority, ..Spawn::default() }), ("ioPriority".to_owned(), "EINVAL".to_owned()));
    let user = Some("no-such-user");
    assert_eq!(refused(Spawn { user, ..Spawn::default() }), ("user".to_owned(), "ENOENT".to_owned()));
}

#[test]
fn another_user_has_its_own_groups_and_no_other_right() {
    if !is_root() {
        return;
    }
    let (_owner, pid) = sleeper(Spawn { user: Some("nobody"), ..Spawn::default() });
    assert_eq!(proc::status(pid, "Uid").split_whitespace().collect::<Vec<_>>(), ["65534"; 4]);
    assert_eq!(proc::status(pid, "Gid").split_whitespace().collect::<Vec<_>>(), ["65534"; 4]);
    assert_eq!(proc::status(pid, "Groups"), "65534");
    assert_eq!(proc::status(pid, "CapEff"), "0000000000000000");
}

#[test]
fn groups_are_those_that_were_named_and_with_a_group_alone_none() {
    if !is_root() {
        return;
    }
    let groups = Some(vec!["4", "adm", "7"]);
    let (_owner, pid) = sleeper(Spawn { user: Some("1234"), group: Some("daemon"), groups, ..Spawn::default() });
    assert_eq!(proc::status(pid, "Uid").split_whitespace().next(), Some("1234"));
    assert_eq!(proc::status(pid, "Gid").split_whitespace().next(), Some("1"));
    assert_eq!(proc::status(pid, "Groups"), "4 7");
    let (_owner, pid) = sleeper(Spawn { group: Some("1"), ..Spawn::default() });
    assert_eq!((proc::status(pid, "Groups").as_str(), proc::status(pid, "Uid").starts_with('0')), ("", true));
}

#[test]
fn a_process_of_another_user_still_dies_with_its_sidecar() {
    if !is_root() {
        return;
    }
    let spec = Spec::new(&["sleep", "1000"]).spawn(Spawn { user: Some("nobody"), ..Spawn::default() });
    let (mut owner, started) = Owner::started(&spec);
    owner.sidecar.as_mut().unwrap().kill().unwrap();
    support::eventually("the process is gone", || !proc::is_running(started.pid));
}

#[test]
fn a_sidecar_without_the_right_starts_nothing_as_somebody_else() {
    if !is_root() {
        return;
    }
    // Its own user needs no right; root's would be one.
    for (spawn, expected) in [
        (Spawn { user: Some("root"), ..Spawn::default() }, "user"),
        (Spawn { group: Some("root"), ..Spawn::default() }, "group"),
        (Spawn { groups: Some(vec!["root"]), ..Spawn::default() }, "groups"),
        (Spawn { nice: Some(-5), ..Spawn::default() }, "nice"),
        (Spawn { oom_score_adj: Some(-500), ..Spawn::default() }, "oomScoreAdj"),
        (Spawn { drop_capabilities: Some(1), ..Spawn::default() }, "dropCapabilities"),
    ] {
        let folder = Folder::new();
        let marker = forever(folder.0.to_str().unwrap());
        let spec = Spec::shell(&format!("touch {marker}/done")).spawn(spawn);
        let (stage, code) = Owner::of_sidecar_as(65534).start_fails(&spec);
        assert_eq!(stage, expected);
        assert!(code == "EPERM" || code == "EACCES", "{stage}: {code}");
        assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 0);
    }
    let own = Spec::new(&["sleep", "1000"]).spawn(Spawn { user: Some("nobody"), ..Spawn::default() });
    let mut owner = Owner::of_sidecar_as(65534);
    let started = owner.start(&own);
    assert!(proc::status(started.pid, "Uid").starts_with("65534"));
}

#[test]
fn dropped_capabilities_are_gone_from_every_set() {
    if !is_root() {
        return;
    }
    let chown_and_net_raw = 1 << 0 | 1 << 13;
    let (_owner, pid) = sleeper(Spawn { drop_capabilities: Some(chown_and_net_raw), ..Spawn::default() });
    let own = proc::status(std::process::id() as i32, "CapEff");
    let without = u64::from_str_radix(&own, 16).unwrap() & !chown_and_net_raw;
    for set in ["CapPrm", "CapEff", "CapBnd"] {
        assert_eq!(u64::from_str_radix(&proc::status(pid, set), 16), Ok(without), "{set}");
    }
    let (_owner, pid) = sleeper(Spawn { drop_capabilities: Some(u64::MAX), ..Spawn::default() });
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(proc::status(pid, set), "0000000000000000", "{set}");
    }
}

#[test]
fn streams_go_to_files_and_come_from_them() {
    let folder = Folder::new();
    std::fs::write(folder.path("in"), "from the file").unwrap();
    std::fs::write(folder.path("log"), "before\n").unwrap();
    std::fs::write(folder.path("out"), "to be gone, since it is longer than what comes").unwrap();
    let mut spec = Spec::shell("cat; echo trouble >&2");
    spec.cwd = Some(folder.0.to_str().unwrap().as_bytes().to_vec());
    spec.stdio = [file("in", Mode::Read), file("out", Mode::Truncate), file("log", Mode::Append)];
    let (mut owner, _) = Owner::started(&spec);
    assert_eq!(owner.exited().code, Some(0));
    assert_eq!((folder.text("out"), folder.text("log")), ("from the file".to_owned(), "before\ntrouble\n".to_owned()));
}

#[test]
fn stderr_can_be_what_stdout_is() {
    let mut spec = Spec::shell("echo one; echo two >&2; echo three");
    spec.stdio[2] = Stdio::Stdout;
    let (mut owner, _) = Owner::started(&spec);
    owner.exited();
    assert_eq!((owner.output[1].as_slice(), owner.output[2].len()), (&b"one\ntwo\nthree\n"[..], 0));
    let folder = Folder::new();
    spec.stdio = [Stdio::Null, file(folder.path("both"), Mode::Append), Stdio::Stdout];
    Owner::started(&spec).0.exited();
    assert_eq!(folder.text("both"), "one\ntwo\nthree\n");
}

#[test]
fn a_file_that_cannot_be_opened_fails_the_start() {
    let mut spec = Spec::new(&["true"]);
    spec.stdio[0] = file("/no/such/file", Mode::Read);
    assert_eq!(Owner::of_sidecar().start_fails(&spec), ("stdio".to_owned(), "ENOENT".to_owned()));
    let descriptors = Some(vec![Descriptor { fd: 3, path: b"/no/such/file", mode: Mode::ReadWrite }]);
    let failed = refused(Spawn { descriptors, ..Spawn::default() });
    assert_eq!(failed, ("descriptors".to_owned(), "ENOENT".to_owned()));
    spec.stdio[0] = Stdio::Stdout;
    assert_eq!(Owner::of_sidecar().start_fails(&spec), ("argv".to_owned(), "EINVAL".to_owned()));
}

#[test]
fn further_descriptors_have_the_numbers_they_were_given_and_there_are_no_others() {
    let folder = Folder::new();
    std::fs::write(folder.path("in"), "read\n").unwrap();
    let descriptor = |fd, path: &'static str, mode| Descriptor { fd, path: path.as_bytes(), mode };
    let mut descriptors: Vec<_> = (3..12).map(|fd| descriptor(fd, "/dev/null", Mode::ReadWrite)).collect();
    descriptors
        .extend([descriptor(12, folder.path("in"), Mode::Read), descriptor(200, folder.path("out"), Mode::Truncate)]);
    let script = "read line <&12; bash -c \"echo $line >&200\" 200>&200; ls /proc/self/fd; exec sleep 1000";
    let spec = Spec::new(&["bash", "-c", script]).spawn(Spawn { descriptors: Some(descriptors), ..Spawn::default() });
    let (mut owner, started) = Owner::started(&spec);
    support::eventually("it sleeps", || proc::name(started.pid) == "sleep");
    owner.stop(0);
    owner.exited();
    assert_eq!(folder.text("out"), "read\n");
    let listed = String::from_utf8(owner.output[1].clone()).unwrap();
    let expected: Vec<String> = (0..13).chain([200]).map(|fd| fd.to_string()).collect();
    let mut found: Vec<&str> = listed.split_whitespace().collect();
    found.retain(|fd| expected.iter().any(|one| one == fd));
    assert_eq!(found.len(), 14, "{listed}");
    assert_eq!(listed.split_whitespace().count(), 15, "one more, of ls itself: {listed}");
}
