//! The `resin` program: picks what to be from its one argument, and turns the outcome into an exit code.
//! Knows the command line; does not know the protocol.

use std::process::ExitCode;

use resin::{fork_server, sidecar};

const USAGE: &str = "resin: say `resin sidecar`, `resin fork-server [--stdio]` or `resin --version`";

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let outcome = match arguments.iter().map(|argument| argument.to_str()).collect::<Vec<_>>().as_slice() {
        [Some("fork-server")] => fork_server::run(false),
        [Some("fork-server"), Some("--stdio")] => fork_server::run(true),
        [Some("sidecar")] => sidecar::run_on_stdio(),
        [Some("--version")] => {
            println!("resin {}", env!("CARGO_PKG_VERSION"));
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(code) => code,
        Err(fatal) => {
            eprintln!("resin: {fatal}");
            ExitCode::from(2)
        }
    }
}
