//! resin holds one OS process tree for its owner. The owner speaks the protocol of docs/protocol.md; the end of its connection ends the tree.
//!
//! Reading order: the wire, the pure parts, the kernel's side, and what joins them.
#![deny(unsafe_code, missing_docs, missing_debug_implementations)]

pub mod error;
pub mod wire;

pub mod flow;
pub mod life;
pub mod stop_plan;

pub mod kernel;

pub mod birth;
pub mod cgroup;
pub mod cgroup1;
pub mod child;
pub mod claims;
pub mod groups;
pub mod namespace;
pub mod place;
pub mod pty;
pub mod reaper;
pub mod resource_limits;
pub mod spawn_options;
pub mod tree;

pub mod handover;
pub mod moved;
pub mod outbox;
pub mod output;
pub mod pipe_path;

pub mod held;
pub mod out_of_memory;
pub mod owner;
pub mod stdin;
pub mod steps;

pub mod event_loop;
pub mod fork_server;
pub mod sidecar;
pub mod surroundings;
