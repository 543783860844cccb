//! The wire between an owner and resin: frames, messages and the codec between them.
//! Normative: docs/protocol.md. Twin: src/wire/ on the TypeScript side.
//! Knows bytes and shapes; does not know sockets, processes or time.

pub mod codec;
pub mod frame;
pub mod messages;
mod reader;
pub mod start;
mod values;
