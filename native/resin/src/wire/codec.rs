//! Turns messages into frames and payloads into messages, and checks every shape on the way in.
//! Normative: docs/protocol.md. Twin: src/wire/codec.ts.
//! Writing is rmp-serde's; reading is done by hand over rmp, because the page is stricter than serde's reading of MessagePack (a map may not
//! come as an array, a nil field may not be missing, `bin` may not come as `str`). Does not know what a message makes anybody do.

use rmp::Marker;
use rmp::decode::{read_array_len, read_bin_len, read_int, read_map_len, read_marker, read_str_len};
use serde::Serialize;
use serde_bytes::Bytes;

use crate::error::WireError;
use crate::wire::frame::{LENGTH_BYTES, write_frame};
use crate::wire::messages::{
    Command, Contain, Containment, Event, Exited, MAX_GRACE_MS, MAX_WINDOW_BYTES, Start, Stdio, StopSpec, StoppedBy,
    Target, WindowBytes,
};

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
                window_bytes "windowBytes": windows, stop: stop_spec, orphan_grace_ms "orphanGraceMs": grace, contain: contain,
            }))),
            "write" => body!(reader => Command::Write { data: bin }),
            "closeStdin" => body!(reader => Command::CloseStdin {}),
            "signal" => body!(reader => Command::Signal { signal: unsigned32, target: target }),
            "stop" => body!(reader => Command::Stop { signal: unsigned32, grace_ms "graceMs": grace }),
            "stats" => body!(reader => Command::Stats {}),
            "credit" => body!(reader => Command::Credit { stream: output_stream, bytes: unsigned32 }),
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
                pid: unsigned32, start_time "startTime": unsigned64, containment: containment, cgroup: optional_bin,
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
            "closed" => body!(reader => Event::Closed { stream: any_stream }),
            "error" => body!(reader => Event::Error { code: text, errno: optional_unsigned32, message: text }),
            "exited" => Event::Exited(Box::new(body!(reader => Exited {
                code: optional_unsigned8, signal: optional_unsigned32, core: boolean, stopped_by "stoppedBy": stopped_by,
                killed: boolean, left_behind "leftBehind": unsigned32, wall_us "wallUs": unsigned64, user_us "userUs": unsigned64,
                system_us "systemUs": unsigned64, max_rss_bytes "maxRssBytes": unsigned64,
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

/// Reads a map's fields in any order into a struct, `key: kind`, where the kind is a method of [`Reader`]; the key is the field's own name or
/// the text behind it. Unknown keys are skipped, a missing one is an error, and so is a value of another kind.
macro_rules! body {
    ($reader:ident => $($build:ident)::+ { $($field:ident $($key:literal)? : $kind:ident),* $(,)? }) => {{
        $(let mut $field = None;)*
        $reader.fields(|key, _value| {
            $(if key == key_of!($field $($key)?) {
                $field = Some(_value.$kind().map_err(|error| WireError::new(format!("{key}: {error}")))?);
                return Ok(true);
            })*
            let _ = key;
            Ok(false)
        })?;
        $($build)::+ {
            $($field: $field.ok_or_else(|| WireError::new(concat!("no field ", key_of!($field $($key)?))))?),*
        }
    }};
}

macro_rules! key_of {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $key:literal) => {
        $key
    };
}

use {body, key_of};

/// Reads MessagePack values off the front of a payload; every method says what kind it takes and refuses all others.
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn fields(&mut self, mut take: impl FnMut(&'a str, &mut Self) -> Result<bool, WireError>) -> Result<(), WireError> {
        let count = read_map_len(&mut self.rest).map_err(|_| WireError::new("not a map"))?;
        for _ in 0..count {
            let key = self.text()?;
            if !take(key, self)? {
                self.skip()?;
            }
        }
        Ok(())
    }

    fn bytes(&mut self, length: u32) -> Result<&'a [u8], WireError> {
        let (taken, rest) =
            self.rest.split_at_checked(length as usize).ok_or_else(|| WireError::new("ends inside a value"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn text(&mut self) -> Result<&'a str, WireError> {
        let length = read_str_len(&mut self.rest).map_err(|_| WireError::new("not a string"))?;
        std::str::from_utf8(self.bytes(length)?).map_err(|_| WireError::new("a string that is not UTF-8"))
    }

    fn bin(&mut self) -> Result<&'a [u8], WireError> {
        let length = read_bin_len(&mut self.rest).map_err(|_| WireError::new("not a bin"))?;
        self.bytes(length)
    }

    fn boolean(&mut self) -> Result<bool, WireError> {
        rmp::decode::read_bool(&mut self.rest).map_err(|_| WireError::new("not a boolean"))
    }

    fn unsigned64(&mut self) -> Result<u64, WireError> {
        read_int(&mut self.rest).map_err(|_| WireError::new("not an unsigned integer"))
    }

    fn unsigned32(&mut self) -> Result<u32, WireError> {
        let value = self.unsigned64()?;
        u32::try_from(value).map_err(|_| WireError::new(format!("{value} is not below 2^32")))
    }

    fn unsigned_up_to(&mut self, least: u32, most: u32) -> Result<u32, WireError> {
        let value = self.unsigned64()?;
        match u32::try_from(value) {
            Ok(value) if (least..=most).contains(&value) => Ok(value),
            _ => Err(WireError::new(format!("{value} is not {least} to {most}"))),
        }
    }

    fn nil_or<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, WireError>) -> Result<Option<T>, WireError> {
        if self.rest.first() == Some(&Marker::Null.to_u8()) {
            self.rest = &self.rest[1..];
            return Ok(None);
        }
        read(self).map(Some)
    }

    fn optional_bin(&mut self) -> Result<Option<&'a [u8]>, WireError> {
        self.nil_or(Self::bin)
    }

    fn optional_unsigned32(&mut self) -> Result<Option<u32>, WireError> {
        self.nil_or(Self::unsigned32)
    }

    fn optional_unsigned8(&mut self) -> Result<Option<u8>, WireError> {
        self.nil_or(|reader| reader.unsigned_up_to(0, 255).map(|value| value as u8))
    }

    fn output_stream(&mut self) -> Result<u8, WireError> {
        self.unsigned_up_to(1, 2).map(|value| value as u8)
    }

    fn any_stream(&mut self) -> Result<u8, WireError> {
        self.unsigned_up_to(0, 2).map(|value| value as u8)
    }

    fn grace(&mut self) -> Result<u32, WireError> {
        self.unsigned_up_to(0, MAX_GRACE_MS)
    }

    fn window(&mut self) -> Result<u32, WireError> {
        self.unsigned_up_to(1, MAX_WINDOW_BYTES)
    }

    fn windows(&mut self) -> Result<WindowBytes, WireError> {
        Ok(body!(self => WindowBytes { stdin: window, stdout: window, stderr: window }))
    }

    fn stop_spec(&mut self) -> Result<StopSpec, WireError> {
        Ok(body!(self => StopSpec { signal: unsigned32, grace_ms "graceMs": grace }))
    }

    fn versions(&mut self) -> Result<[u32; 2], WireError> {
        match read_array_len(&mut self.rest) {
            Ok(2) => Ok([self.unsigned32()?, self.unsigned32()?]),
            _ => Err(WireError::new("not an array of two")),
        }
    }

    fn arguments(&mut self) -> Result<Vec<&'a Bytes>, WireError> {
        let count = read_array_len(&mut self.rest).map_err(|_| WireError::new("not an array"))?;
        if count == 0 {
            return Err(WireError::new("an array without the program"));
        }
        // Every argument takes at least two bytes, so a hostile count cannot make this larger than the frame allows.
        let mut arguments = Vec::with_capacity((count as usize).min(self.rest.len() / 2).min(64));
        for _ in 0..count {
            arguments.push(Bytes::new(self.bin()?));
        }
        Ok(arguments)
    }

    fn choice<T: Copy>(&mut self, choices: &[(&str, T)]) -> Result<T, WireError> {
        let text = self.text()?;
        let found = choices.iter().find(|(name, _)| *name == text);
        found.map(|(_, choice)| *choice).ok_or_else(|| WireError::new(format!("{text:?} is not one of its values")))
    }

    fn stdio(&mut self) -> Result<Stdio, WireError> {
        self.choice(&[("pipe", Stdio::Pipe), ("null", Stdio::Null), ("inherit", Stdio::Inherit)])
    }

    fn target(&mut self) -> Result<Target, WireError> {
        self.choice(&[("leader", Target::Leader), ("group", Target::Group), ("tree", Target::Tree)])
    }

    fn contain(&mut self) -> Result<Contain, WireError> {
        self.choice(&[("auto", Contain::Auto), ("cgroup", Contain::Cgroup), ("tree", Contain::Tree)])
    }

    fn containment(&mut self) -> Result<Containment, WireError> {
        self.choice(&[("cgroup2", Containment::Cgroup2), ("tree", Containment::Tree)])
    }

    fn stopped_by(&mut self) -> Result<StoppedBy, WireError> {
        self.choice(&[
            ("itself", StoppedBy::Itself),
            ("owner", StoppedBy::Owner),
            ("ownerGone", StoppedBy::OwnerGone),
            ("sidecarSignal", StoppedBy::SidecarSignal),
        ])
    }

    /// Passes over one value of any kind. It counts instead of recursing, so that no depth of nesting can exhaust the stack.
    fn skip(&mut self) -> Result<(), WireError> {
        let cut = || WireError::new("ends inside a value");
        let mut values: u64 = 1;
        while values > 0 {
            values -= 1;
            let marker = read_marker(&mut self.rest).map_err(|_| cut())?;
            let (length_bytes, fixed, per_length) = match marker {
                Marker::FixPos(_) | Marker::FixNeg(_) | Marker::Null | Marker::True | Marker::False => {
                    (0, 0, Len::Bytes)
                }
                Marker::U8 | Marker::I8 => (0, 1, Len::Bytes),
                Marker::U16 | Marker::I16 => (0, 2, Len::Bytes),
                Marker::U32 | Marker::I32 | Marker::F32 => (0, 4, Len::Bytes),
                Marker::U64 | Marker::I64 | Marker::F64 => (0, 8, Len::Bytes),
                Marker::FixStr(length) => (0, u32::from(length), Len::Bytes),
                Marker::Str8 | Marker::Bin8 => (1, 0, Len::Bytes),
                Marker::Str16 | Marker::Bin16 => (2, 0, Len::Bytes),
                Marker::Str32 | Marker::Bin32 => (4, 0, Len::Bytes),
                Marker::FixExt1 => (0, 2, Len::Bytes),
                Marker::FixExt2 => (0, 3, Len::Bytes),
                Marker::FixExt4 => (0, 5, Len::Bytes),
                Marker::FixExt8 => (0, 9, Len::Bytes),
                Marker::FixExt16 => (0, 17, Len::Bytes),
                Marker::Ext8 => (1, 1, Len::Bytes),
                Marker::Ext16 => (2, 1, Len::Bytes),
                Marker::Ext32 => (4, 1, Len::Bytes),
                Marker::FixArray(count) => (0, u32::from(count), Len::Values(1)),
                Marker::Array16 => (2, 0, Len::Values(1)),
                Marker::Array32 => (4, 0, Len::Values(1)),
                Marker::FixMap(count) => (0, u32::from(count), Len::Values(2)),
                Marker::Map16 => (2, 0, Len::Values(2)),
                Marker::Map32 => (4, 0, Len::Values(2)),
                Marker::Reserved => return Err(WireError::new("the reserved marker 0xc1")),
            };
            let length = self.bytes(length_bytes)?.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
            let total = length + u64::from(fixed);
            match per_length {
                Len::Bytes => {
                    self.bytes(u32::try_from(total).map_err(|_| cut())?)?;
                }
                Len::Values(each) => values += total * each,
            }
        }
        Ok(())
    }
}

/// What the length behind a marker counts.
enum Len {
    Bytes,
    Values(u64),
}
