//! What a test starts: a `start` of which only what matters to the test is said.

use std::sync::atomic::{AtomicU32, Ordering};

use resin::wire::start::{Contain, Life, Pty, ResourceLimits, Spawn, Stdio, StopSpec};

use super::TERM;

/// Every way to hold a tree.
pub const EVERY: [Contain; 3] = [Contain::Auto, Contain::Pidns, Contain::Tree];

/// What to start, with defaults that suit most tests.
#[derive(Clone)]
pub struct Spec {
    pub argv: Vec<Vec<u8>>,
    pub cwd: Option<Vec<u8>>,
    pub env: Vec<u8>,
    pub stdio: [Stdio<'static>; 3],
    pub window_bytes: [u32; 3],
    pub stop: StopSpec<'static>,
    pub orphan_grace_ms: u32,
    pub contain: Contain,
    pub pty: Option<Pty>,
    pub spawn: Option<Spawn<'static>>,
    pub life: Option<Life>,
    pub limits: Option<ResourceLimits<'static>>,
    pub required: bool,
    pub mark: String,
}

impl Spec {
    pub fn new(argv: &[&str]) -> Self {
        let mark = mark();
        Self {
            argv: argv.iter().map(|argument| argument.as_bytes().to_vec()).collect(),
            cwd: None,
            env: format!("PATH=/usr/local/bin:/usr/bin:/bin\0{mark}\0").into_bytes(),
            stdio: [Stdio::Pipe; 3],
            window_bytes: [65536; 3],
            stop: stop(TERM, 5_000),
            orphan_grace_ms: 200,
            contain: Contain::Auto,
            pty: None,
            spawn: None,
            life: None,
            limits: None,
            required: false,
            mark,
        }
    }

    pub fn shell(script: &str) -> Self {
        Self::new(&["sh", "-c", script])
    }

    pub fn fixture(name: &str) -> Self {
        Self::new(&[&fixture(name)])
    }

    pub fn contain(self, contain: Contain) -> Self {
        Self { contain, ..self }
    }

    pub fn spawn(self, spawn: Spawn<'static>) -> Self {
        Self { spawn: Some(spawn), ..self }
    }

    /// In a terminal.
    pub fn pty(self, echo: bool, raw: bool) -> Self {
        Self { pty: Some(Pty { rows: 24, cols: 80, echo, raw }), stdio: [Stdio::Pty; 3], ..self }
    }
}

/// The path of a fixture.
pub fn fixture(name: &str) -> String {
    format!("{}/tests/fixtures/{name}.sh", env!("CARGO_MANIFEST_DIR"))
}

/// A text that no other test has; in the environment of a tree it makes all its processes known.
pub fn mark() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("RESIN_TEST_MARK={}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A stop by signal and grace.
pub fn stop(signal: u32, grace_ms: u32) -> StopSpec<'static> {
    StopSpec { signal, grace_ms, steps: None, planned: None }
}
