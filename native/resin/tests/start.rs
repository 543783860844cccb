//! How a process begins: what it gets, what it does not get, and what is said when it cannot begin.

mod support;

use resin::tree::Stat;
use resin::wire::messages::{Command, Event, Target};
use resin::wire::start::{Contain, Stdio};
use support::{Owner, Spec, cgroups_of, eventually, proc, skip};

fn run(spec: &Spec) -> (Vec<u8>, resin::wire::messages::Exited) {
    let (mut owner, _) = Owner::started(spec);
    let exited = owner.exited();
    assert_eq!(owner.sidecar_code(), Some(0));
    (std::mem::take(&mut owner.output[1]), exited)
}

#[test]
fn a_program_that_is_not_there_fails_at_exec_with_enoent() {
    let mut owner = Owner::of_sidecar();
    assert_eq!(owner.start_fails(&Spec::new(&["no-such-program"])), ("exec".into(), "ENOENT".into()));
    assert_eq!(owner.sidecar_code(), Some(0));
    assert_eq!(Owner::of_sidecar().start_fails(&Spec::new(&["/no/such/program"])), ("exec".into(), "ENOENT".into()));
    assert_eq!(Owner::of_sidecar().start_fails(&Spec::new(&[""])), ("exec".into(), "ENOENT".into()));
}

#[test]
fn a_file_that_is_not_executable_fails_at_exec_with_eacces() {
    assert_eq!(Owner::of_sidecar().start_fails(&Spec::new(&["/etc/passwd"])), ("exec".into(), "EACCES".into()));
    let mut searched = Spec::new(&["passwd"]);
    searched.env = b"PATH=/etc:/nowhere\0".to_vec();
    assert_eq!(Owner::of_sidecar().start_fails(&searched), ("exec".into(), "EACCES".into()));
}

#[test]
fn a_working_directory_that_is_not_there_fails_at_cwd() {
    let mut spec = Spec::new(&["true"]);
    spec.cwd = Some(b"/no/such/directory".to_vec());
    assert_eq!(Owner::of_sidecar().start_fails(&spec), ("cwd".into(), "ENOENT".into()));
    spec.cwd = Some(b"/etc/passwd".to_vec());
    assert_eq!(Owner::of_sidecar().start_fails(&spec), ("cwd".into(), "ENOTDIR".into()));
}

#[test]
fn a_nul_byte_or_an_impossible_stop_signal_fails_at_argv() {
    assert_eq!(Owner::of_sidecar().start_fails(&Spec::new(&["echo", "a\0b"])), ("argv".into(), "EINVAL".into()));
    let mut spec = Spec::new(&["true"]);
    spec.stop.signal = 65;
    assert_eq!(Owner::of_sidecar().start_fails(&spec), ("argv".into(), "EINVAL".into()));
}

#[test]
fn a_failed_start_leaves_no_cgroup() {
    let mut owner = Owner::of_sidecar();
    let pid = owner.sidecar.as_ref().unwrap().id() as i32;
    owner.start_fails(&Spec::new(&["no-such-program"]));
    owner.sidecar_code();
    assert_eq!(cgroups_of(pid), Vec::<std::path::PathBuf>::new());
}

#[test]
fn arguments_and_environment_need_not_be_utf_8() {
    let mut spec = Spec::shell(r#"printf %s "$1$X""#);
    spec.argv.push(b"sh".to_vec());
    spec.argv.push(b"\xff\xfe\x01".to_vec());
    spec.env.extend_from_slice(b"X=\xc3\x28\0");
    assert_eq!(run(&spec).0, b"\xff\xfe\x01\xc3\x28");
}

#[test]
fn the_environment_is_the_one_that_was_given_and_nothing_else() {
    let mut spec = Spec::new(&["/usr/bin/env"]);
    spec.env = b"A=1\0B=two words\0".to_vec();
    assert_eq!(run(&spec).0, b"A=1\nB=two words\n");
    spec.env = Vec::new();
    assert_eq!(run(&spec).0, b"");
}

#[test]
fn a_script_without_a_first_line_is_run_by_the_shell() {
    let directory = std::env::temp_dir().join(format!("resin-test-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let script = directory.join("plain");
    std::fs::write(&script, "echo \"$0 $1\"\n").unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut spec = Spec::new(&["plain", "one"]);
    spec.env = format!("PATH=/nowhere:{}\0", directory.display()).into_bytes();
    assert_eq!(run(&spec).0, format!("{} one\n", script.display()).into_bytes());
    spec.argv[0] = b"./plain".to_vec();
    spec.cwd = Some(directory.as_os_str().as_encoded_bytes().to_vec());
    assert_eq!(run(&spec).0, b"./plain one\n");
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn an_exit_code_is_told_as_it_is() {
    for code in [0, 1, 127, 255] {
        let exited = run(&Spec::shell(&format!("exit {code}"))).1;
        assert_eq!((exited.code, exited.signal, exited.core, exited.killed), (Some(code as u8), None, false, false));
    }
}

#[test]
fn a_signal_is_told_as_a_signal() {
    for signal in [9, 15, 34] {
        let exited = run(&Spec::shell(&format!("kill -{signal} $$"))).1;
        assert_eq!((exited.code, exited.signal, exited.core), (None, Some(signal), false));
    }
}

#[test]
fn start_time_and_pid_name_the_process() {
    let (_owner, started) = Owner::ready(&Spec::fixture("never-reads-stdin"));
    assert_eq!(Stat::read(started.pid).unwrap().start_time, started.start_time);
}

#[test]
fn the_process_leads_its_own_session_and_group() {
    let (_owner, started) = Owner::ready(&Spec::fixture("never-reads-stdin"));
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", started.pid)).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    assert_eq!((fields[2], fields[3]), (&*started.pid.to_string(), &*started.pid.to_string()));
}

#[test]
fn the_process_has_three_descriptors_default_signals_and_an_empty_mask() {
    let (_owner, started) = Owner::ready(&Spec::fixture("never-reads-stdin"));
    eventually("it is sleep, not the shell before it", || proc::name(started.pid) == "sleep");
    let descriptors = std::fs::read_dir(format!("/proc/{}/fd", started.pid)).unwrap();
    let mut numbers: Vec<String> =
        descriptors.flatten().map(|entry| entry.file_name().into_string().unwrap()).collect();
    numbers.sort();
    assert_eq!(numbers, ["0", "1", "2"]);
    for name in ["SigIgn", "SigBlk", "SigCgt"] {
        assert_eq!(proc::status(started.pid, name), "0000000000000000", "{name}");
    }
}

#[test]
fn null_streams_are_dev_null_and_are_not_told_about() {
    let mut spec = Spec::shell("readlink /proc/self/fd/0 /proc/self/fd/2");
    spec.stdio = [Stdio::Null, Stdio::Pipe, Stdio::Null];
    let (mut owner, _) = Owner::started(&spec);
    owner.exited();
    assert_eq!(owner.output[1], b"/dev/null\n/dev/null\n");
    assert!(!owner.log.contains(&"closed 2".to_owned()), "{:?}", owner.log);
}

#[test]
fn the_process_is_in_its_cgroup_before_its_first_instruction() {
    let (mut owner, started) = Owner::started(&Spec::new(&["cat", "/proc/self/cgroup"]));
    owner.exited();
    let Some(cgroup) = started.cgroup else { return skip("no cgroup2 can be made here") };
    let text = String::from_utf8(std::mem::take(&mut owner.output[1])).unwrap();
    let own = text.lines().find_map(|line| line.strip_prefix("0::")).unwrap();
    assert!(cgroup.ends_with(own.trim_start_matches('/')), "{} {own}", cgroup.display());
    eventually("the cgroup is gone", || !cgroup.exists());
}

#[test]
fn a_tree_without_a_cgroup_gets_none() {
    let (_owner, started) = Owner::started(&Spec::shell("sleep 1000").contain(Contain::Tree));
    assert_eq!(started.cgroup, None);
}

#[test]
fn a_second_start_and_a_write_before_the_first_do_not_fit() {
    let mut owner = Owner::of_sidecar();
    owner.hello();
    assert_eq!(owner.ask(&Command::Write { data: b"x" }), "ERR_STATE");
    assert_eq!(owner.ask(&Command::Stats {}), "ERR_STATE");
    let spec = Spec::shell("sleep 1000");
    let first = owner.send_start(&spec);
    assert_eq!(owner.answer(first), "started");
    let second = owner.send_start(&spec);
    assert_eq!(owner.answer(second), "ERR_STATE");
    assert_eq!(owner.signal(0, Target::Leader), "ok");
}

#[test]
fn after_one_life_the_next_may_begin_on_the_same_connection() {
    let mut owner = Owner::of_sidecar();
    owner.hello();
    for (script, code) in [("exit 3", 3), ("cat; exit 4", 4), ("printf more; sleep 0.01; exit 5", 5)] {
        let start = owner.send_start(&Spec::shell(script));
        assert_eq!(owner.answer(start), "started");
        owner.send(&Command::CloseStdin {});
        let exited = owner.life_ended();
        assert_eq!((exited.code, exited.left_behind, exited.killed), (Some(code), 0, false));
    }
    let missing = owner.send_start(&Spec::new(&["no-such-program"]));
    assert_eq!(owner.answer(missing), "startFailed");
    owner.start_anew(&Spec::shell("exit 6"));
    assert_eq!(owner.exited().code, Some(6));
    assert_eq!(owner.sidecar_code(), Some(0));
}

impl Owner {
    fn start_anew(&mut self, spec: &Spec) {
        let start = self.send_start(spec);
        assert_eq!(self.answer(start), "started");
    }
}

#[test]
fn what_comes_late_of_one_life_does_not_touch_the_next() {
    let (mut owner, _) = Owner::started(&Spec::shell("printf 12345; exit 0"));
    owner.credits = false;
    owner.life_ended();
    assert_eq!(owner.output[1], b"12345");
    owner.give_back(1, 5);
    assert_eq!(owner.ask(&Command::Write { data: b"late" }), "ERR_STATE");
    assert_eq!(owner.ask(&Command::Stop(Box::new(support::stop(15, 0)))), "ERR_STATE");
    owner.start_anew(&Spec::shell("exit 9"));
    assert_eq!(owner.exited().code, Some(9));
}

#[test]
fn each_life_has_its_own_use_of_resources_and_its_own_cgroup() {
    let mut owner = Owner::of_sidecar();
    let first = owner.start(&Spec::shell("i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"));
    let busy = owner.life_ended();
    owner.start_anew(&Spec::shell("exit 0"));
    let idle = owner.exited();
    assert!(busy.user_us > idle.user_us + idle.system_us, "{busy:?} {idle:?}");
    assert!(first.cgroup.is_none_or(|cgroup| !cgroup.exists()));
}

#[test]
fn no_common_version_is_said_and_nothing_is_started() {
    let mut owner = Owner::of_sidecar();
    let hello = owner.send(&Command::Hello { versions: [2, 9], capabilities: 0 });
    let spec = Spec::shell("sleep 1000");
    owner.send_start(&spec);
    let message = owner.wait_for(|id, event| match event {
        Event::Error { code: "ERR_PROTOCOL_VERSION", message, .. } if id == hello => Some((*message).to_owned()),
        _ => None,
    });
    assert!(message.contains("2 to 9") && message.contains("1 to 1"), "{message}");
    assert!(owner.next().is_none());
    assert_eq!(owner.sidecar_code(), Some(0));
    assert_eq!(proc::marked(&spec.mark), proc::NONE);
}

#[test]
fn hello_answers_with_the_version_and_the_sidecars_pid() {
    let mut owner = Owner::of_sidecar();
    let hello = owner.send(&Command::Hello { versions: [1, 7], capabilities: 0xffff_ffff });
    let pid = owner.sidecar.as_ref().unwrap().id();
    let version = owner.wait_for(|id, event| match event {
        Event::Hello { version, sidecar_pid, .. } if id == hello && *sidecar_pid == pid => Some(*version),
        _ => None,
    });
    assert_eq!(version, 1);
}
