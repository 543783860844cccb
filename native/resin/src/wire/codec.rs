//! Turns messages into frames and payloads into messages, and checks every shape on the way in.
//! Normative: docs/protocol.md. Twin: src/wire/codec.ts.
//! Writing is rmp-serde's; reading is done by hand (see reader.rs). Does not know what a message makes anybody do.

use rmp::decode::read_array_len;
use serde::Serialize;

use crate::error::WireError;
use crate::wire::frame::{LENGTH_BYTES, write_frame};
use crate::wire::messages::{Command, Event, Exited};
use crate::wire::reader::{Reader, body, key_of};
use crate::wire::start::Start;

/// The most bytes the front of an `output` frame takes: everything before the output itself.
pub const OUTPUT_HEADER_BYTES: usize = LENGTH_BYTES + 1 + 7 + 1 + 1 + 7 + 1 + 6 + 5;

/// Appends one command as a frame.
pub fn write_command(out: &mut Vec<u8>, id: u32, command: &Command<'_>) {
    write_message(out, command.name(), id, command);
}

/// Appends one event as a frame.
pub fn write_event(out: &mut Vec<u8>, id: u32, event: &Event<'_>) {
    write_message(out, event.name(), id, event);
}

fn write_message(out: &mut Vec<u8>, name: &str, id: u32, body: &impl Serialize) {
    write_frame(out, |payload| {
        let mut serializer = rmp_serde::Serializer::new(payload).with_struct_map();
        (name, id, body).serialize(&mut serializer).expect("writing to memory cannot fail");
    });
}

/// Writes the front of an `output` frame of `length` bytes so that it ends where `header` ends, and gives back where it begins.
/// The output itself follows `header` in memory, so that a frame goes out without being copied.
pub fn write_output_header(header: &mut [u8; OUTPUT_HEADER_BYTES], stream: u8, length: usize) -> usize {
    let mut front = Vec::with_capacity(OUTPUT_HEADER_BYTES);
    front.extend_from_slice(&[0; LENGTH_BYTES]);
    front.extend_from_slice(b"\x93\xa6output\x00\x82\xa6stream");
    front.push(stream);
    front.extend_from_slice(b"\xa5bytes");
    rmp::encode::write_bin_len(&mut front, length as u32).expect("writing to memory cannot fail");
    let payload = (front.len() - LENGTH_BYTES + length) as u32;
    front[..LENGTH_BYTES].copy_from_slice(&payload.to_be_bytes());
    let begin = OUTPUT_HEADER_BYTES - front.len();
    header[begin..].copy_from_slice(&front);
    begin
}

/// Reads one payload as a command of an owner.
///
/// # Errors
/// Whatever section 2 of the page calls fatal.
pub fn read_command(payload: &[u8]) -> Result<(u32, Command<'_>), WireError> {
    read_message(payload, |name, reader| {
        Ok(match name {
            "hello" => body!(reader => Command::Hello { versions: versions, capabilities: unsigned32 }),
            "start" => Command::Start(Box::new(body!(reader => Start {
                argv: arguments, cwd: optional_bin, env: bin, stdin: stdio, stdout: stdio, stderr: stdio,
                window_bytes "windowBytes": windows, stop: stop_spec, orphan_grace_ms "orphanGraceMs": grace, contain: contain;
                pty: pty, spawn: spawn, life: life, limits: limits, required: boolean,
            }))),
            "write" => body!(reader => Command::Write { data: bin }),
            "lend" => body!(reader => Command::Lend { ; to: bin }),
            "closeStdin" => body!(reader => Command::CloseStdin {}),
            "signal" => body!(reader => Command::Signal { signal: unsigned32, target: target }),
            "stop" => Command::Stop(Box::new(reader.stop_spec()?)),
            "pause" => body!(reader => Command::Pause {}),
            "resume" => body!(reader => Command::Resume {}),
            "resize" => body!(reader => Command::Resize { rows: unsigned16, cols: unsigned16 }),
            "stats" => body!(reader => Command::Stats {}),
            "credit" => body!(reader => Command::Credit { stream: output_stream, bytes: unsigned32 }),
            "take" => body!(reader => Command::Take { stream: output_stream }),
            _ => return Err(WireError::new(format!("an unknown command {name:?}"))),
        })
    })
}

/// Reads one payload as an event of resin; for owners and tests.
///
/// # Errors
/// Whatever section 2 of the page calls fatal.
pub fn read_event(payload: &[u8]) -> Result<(u32, Event<'_>), WireError> {
    read_message(payload, |name, reader| {
        Ok(match name {
            "hello" => body!(reader => Event::Hello {
                version: unsigned32, versions: versions, capabilities: unsigned32, sidecar_pid "sidecarPid": unsigned32, resin: text,
            }),
            "started" => body!(reader => Event::Started {
                pid: unsigned32, start_time "startTime": unsigned64, containment: containment, cgroup: optional_bin;
                cgroups1: directories, limits_applied "limitsApplied": limit_names, limits_missing "limitsMissing": limits_missing,
                pidns: first_process, pidns_missing "pidnsMissing": text,
            }),
            "startFailed" => {
                body!(reader => Event::StartFailed { stage: text, errno: unsigned32, code: text, message: text })
            }
            "wrote" => body!(reader => Event::Wrote {}),
            "ok" => body!(reader => Event::Ok {}),
            "stats" => body!(reader => Event::Stats {
                processes: unsigned32, rss_bytes "rssBytes": unsigned64, user_us "userUs": unsigned64, system_us "systemUs": unsigned64,
            }),
            "output" => body!(reader => Event::Output { stream: output_stream, bytes: bin }),
            "offer" => body!(reader => Event::Offer { stream: output_stream, path: bin, inode: unsigned64 }),
            "lent" => body!(reader => Event::Lent { inode: unsigned64; path: bin }),
            "closed" => body!(reader => Event::Closed { stream: any_stream }),
            "stepped" => body!(reader => Event::Stepped { step: unsigned32 }),
            "error" => body!(reader => Event::Error { code: text, errno: optional_unsigned32, message: text }),
            "exited" => Event::Exited(Box::new(body!(reader => Exited {
                code: optional_unsigned8, signal: optional_unsigned32, core: boolean, stopped_by "stoppedBy": stopped_by,
                killed: boolean, left_behind "leftBehind": unsigned32, wall_us "wallUs": unsigned64, user_us "userUs": unsigned64,
                system_us "systemUs": unsigned64, max_rss_bytes "maxRssBytes": unsigned64;
                oom: boolean, steps: steps_taken,
            }))),
            _ => return Err(WireError::new(format!("an unknown event {name:?}"))),
        })
    })
}

fn read_message<'a, T>(
    payload: &'a [u8],
    body: impl FnOnce(&'a str, &mut Reader<'a>) -> Result<T, WireError>,
) -> Result<(u32, T), WireError> {
    let mut reader = Reader { rest: payload };
    match read_array_len(&mut reader.rest) {
        Ok(3) => {}
        _ => return Err(WireError::new("a payload that is not an array of three")),
    }
    let name = reader.text()?;
    let id = reader.unsigned32()?;
    let message = body(name, &mut reader)?;
    if !reader.rest.is_empty() {
        return Err(WireError::new(format!("{} bytes left over behind {name}", reader.rest.len())));
    }
    Ok((id, message))
}
