//! A process in a terminal: what it finds, what keys do, how its size changes, how it ends.

mod support;

use resin::wire::messages::{Command, StoppedBy, Target};
use resin::wire::start::Stdio;
use support::{Owner, Spec, proc};

fn shown(owner: &Owner) -> String {
    String::from_utf8_lossy(&owner.output[1]).into_owned()
}

/// Reads on until the terminal shows this somewhere.
fn wait_until_shown(owner: &mut Owner, text: &str) {
    while !shown(owner).contains(text) {
        assert!(owner.next().is_some(), "the end came before {text:?}: {:?}", shown(owner));
    }
}

fn press(owner: &mut Owner, keys: &[u8]) {
    assert_eq!(owner.ask(&Command::Write { data: keys }), "wrote");
}

fn shell(script: &str) -> Spec {
    Spec::shell(script).pty(false, false)
}

#[test]
fn the_terminal_is_the_controlling_one_of_the_process_and_all_its_streams() {
    let (mut owner, started) = Owner::started(&shell("tty; tty <&2; tty <&1; echo $$ >/dev/tty; exec sleep 1000"));
    wait_until_shown(&mut owner, &format!("{}\r\n", started.pid));
    let lines: Vec<String> = shown(&owner).lines().map(str::to_owned).collect();
    assert!(lines[0].starts_with("/dev/pts/"), "{lines:?}");
    assert_eq!((&lines[0], &lines[0]), (&lines[1], &lines[2]));
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", started.pid)).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let pid = started.pid.to_string();
    assert_eq!((fields[3], fields[5]), (pid.as_str(), pid.as_str()), "leader of its session, in the foreground");
    assert_ne!(fields[4], "0", "it has a terminal");
}

#[test]
fn the_size_is_what_was_asked_for_and_changes_while_it_runs() {
    let (mut owner, _) = Owner::started(&shell("trap 'stty size' WINCH; stty size; while :; do sleep 0.05; done"));
    wait_until_shown(&mut owner, "24 80\r\n");
    assert_eq!(owner.ask(&Command::Resize { rows: 50, cols: 132 }), "ok");
    wait_until_shown(&mut owner, "50 132\r\n");
    owner.stop(0);
    owner.exited();
}

#[test]
fn without_a_terminal_there_is_no_size() {
    let (mut owner, _) = Owner::started(&Spec::new(&["sleep", "1000"]));
    assert_eq!(owner.ask(&Command::Resize { rows: 1, cols: 1 }), "ERR_STATE");
}

#[test]
fn keys_do_what_a_terminal_makes_of_them() {
    // ^C ends the foreground, ^\ too and by another signal, ^Z stops it.
    for (key, signal) in [(3u8, 2), (0x1c, 3)] {
        let (mut owner, _) = Owner::started(&shell("echo ready; exec sleep 1000"));
        wait_until_shown(&mut owner, "ready");
        press(&mut owner, &[key]);
        let exited = owner.exited();
        assert_eq!((exited.signal, exited.stopped_by), (Some(signal), StoppedBy::Itself));
    }
    let spec = Spec::new(&["bash", "-mc", "echo ready; sleep 1000; echo stopped with $?; exec sleep 1000"]);
    let (mut owner, started) = Owner::started(&spec.pty(false, false));
    wait_until_shown(&mut owner, "ready");
    support::eventually("the shell has put its job into the foreground", || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", started.pid)).unwrap();
        let foreground = stat.rsplit(')').next().unwrap().split_whitespace().nth(5).unwrap().parse().unwrap();
        foreground != started.pid && proc::name(foreground) == "sleep"
    });
    press(&mut owner, &[0x1a]);
    wait_until_shown(&mut owner, "stopped with 148");
    owner.stop(0);
}

#[test]
fn the_end_of_input_is_told_by_its_key_inside_a_line_too() {
    for (text, lines) in [(&b"a\nb\n"[..], "2"), (b"a\nb", "1"), (b"", "0")] {
        // It lives on behind its input: what is late is refused for being late, not because nobody is there.
        let (mut owner, _) = Owner::started(&shell("wc -lc; exec sleep 1000"));
        press(&mut owner, text);
        assert_eq!(owner.ask(&Command::CloseStdin {}), "ok");
        assert_eq!(owner.ask(&Command::Write { data: b"late" }), "ERR_STATE");
        wait_until_shown(&mut owner, "\r\n");
        let counted = format!("{lines:>7} {:>7}", text.len());
        assert_eq!(shown(&owner).trim(), counted.trim(), "{text:?}");
        owner.stop(0);
        owner.exited();
    }
}

#[test]
fn echo_and_raw_are_as_they_were_asked_for() {
    let (mut owner, _) = Owner::started(&Spec::shell("echo ready; exec cat >/dev/null").pty(true, false));
    wait_until_shown(&mut owner, "ready\r\n");
    press(&mut owner, b"seen\n");
    wait_until_shown(&mut owner, "seen\r\n");
    owner.stop(0);
    let (mut owner, _) = Owner::started(&Spec::shell("echo ready; exec head -c 4").pty(false, true));
    wait_until_shown(&mut owner, "ready\n");
    press(&mut owner, &[3, 0x1a, 4, b'\r']);
    let exited = owner.exited();
    assert_eq!((exited.code, exited.signal), (Some(0), None));
    assert_eq!(owner.output[1], b"ready\n\x03\x1a\x04\r");
}

#[test]
fn stderr_can_stay_out_of_it() {
    let mut spec = shell("echo shown; echo apart >&2; test -t 2 || test -t 0");
    spec.stdio[2] = Stdio::Pipe;
    let (mut owner, _) = Owner::started(&spec);
    assert_eq!(owner.exited().code, Some(0));
    assert_eq!((owner.output[1].as_slice(), owner.output[2].as_slice()), (&b"shown\r\n"[..], &b"apart\n"[..]));
}

#[test]
fn streams_that_do_not_go_together_with_a_terminal_are_refused() {
    let mut without = Spec::new(&["true"]);
    without.stdio[1] = Stdio::Pty;
    let mut half = shell("true");
    half.stdio[0] = Stdio::Null;
    for spec in [without, half] {
        assert_eq!(Owner::of_sidecar().start_fails(&spec), ("argv".to_owned(), "EINVAL".to_owned()));
    }
}

#[test]
fn a_megabyte_there_and_back_is_whole_whatever_the_window() {
    for window in [1000, 65536] {
        let mut spec = Spec::new(&["head", "-c", "1000000"]).pty(false, true);
        spec.window_bytes = [window; 3];
        let (mut owner, _) = Owner::started(&spec);
        let sent: Vec<u8> = (0..1_000_000u32).map(|n| (n ^ n >> 7) as u8).collect();
        for piece in sent.chunks(1000) {
            owner.ask(&Command::Write { data: piece });
        }
        assert_eq!(owner.exited().code, Some(0));
        assert!(owner.output[1] == sent, "{} bytes came back", owner.output[1].len());
    }
}

#[test]
fn the_last_words_of_a_program_that_ends_at_once_are_whole() {
    for count in [1usize, 4095, 4096, 4097, 13_000, 200_000] {
        let mut spec = Spec::new(&["head", "-c", &count.to_string(), "/dev/zero"]).pty(false, true);
        spec.window_bytes[1] = 512;
        let (mut owner, _) = Owner::started(&spec);
        owner.exited();
        assert_eq!(owner.output[1].len(), count);
    }
}

#[test]
fn the_terminal_hangs_up_when_the_owner_is_gone() {
    let mut spec = shell("trap 'echo hung up >$0; exit 0' HUP; trap '' TERM; echo ready; while :; do sleep 0.05; done");
    let note = std::env::temp_dir().join(support::mark().replace('=', "-"));
    spec.argv.push(note.to_str().unwrap().into());
    spec.orphan_grace_ms = 20_000;
    let (mut owner, _) = Owner::started(&spec);
    wait_until_shown(&mut owner, "ready");
    owner.stream.shutdown(std::net::Shutdown::Both).unwrap();
    assert_eq!(owner.sidecar_code(), Some(0));
    assert_eq!(std::fs::read_to_string(&note).unwrap(), "hung up\n");
    std::fs::remove_file(note).unwrap();
    assert_eq!(proc::marked(&spec.mark), proc::NONE);
}

#[test]
fn a_signal_reaches_the_foreground_of_a_shell_by_its_group() {
    let (mut owner, _) = Owner::started(&shell("echo ready; exec sleep 1000"));
    wait_until_shown(&mut owner, "ready");
    assert_eq!(owner.signal(1, Target::Group), "ok");
    assert_eq!(owner.exited().signal, Some(1));
}
