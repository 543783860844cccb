//! The wire against the golden frames both languages share, against hostile bytes, and in the real binary.

mod support;

use std::path::Path;

use resin::error::WireError;
use resin::wire::codec::{
    OUTPUT_HEADER_BYTES, read_command, read_event, write_command, write_event, write_output_header,
};
use resin::wire::frame::{FrameReader, MAX_PAYLOAD_BYTES};
use resin::wire::messages::{Command, Event};
use serde_json::Value;
use support::Owner;

fn vectors(name: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test/vectors").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

fn bytes(hex: &Value) -> Vec<u8> {
    let digits = hex.as_str().unwrap().as_bytes();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// Encodes what the vector's JSON says, without the codec that is under test.
fn encode(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => rmp::encode::write_nil(out).unwrap(),
        Value::Bool(yes) => rmp::encode::write_bool(out, *yes).unwrap(),
        Value::Number(number) if number.is_u64() => {
            let _ = rmp::encode::write_uint(out, number.as_u64().unwrap()).unwrap();
        }
        Value::Number(number) => _ = rmp::encode::write_sint(out, number.as_i64().unwrap()).unwrap(),
        Value::String(text) => rmp::encode::write_str(out, text).unwrap(),
        Value::Array(values) => {
            rmp::encode::write_array_len(out, values.len() as u32).unwrap();
            values.iter().for_each(|value| encode(value, out));
        }
        Value::Object(fields) if fields.contains_key("$bin") => {
            rmp::encode::write_bin(out, &bytes(&fields["$bin"])).unwrap()
        }
        Value::Object(_) => panic!("maps are compared field by field"),
    }
}

/// Whether a field of the decoded message shows up as the vector says: every leaf of the JSON must be found, encoded, in the frame.
fn leaves(value: &Value, each: &mut impl FnMut(&Value)) {
    match value {
        Value::Object(fields) if !fields.contains_key("$bin") => fields.values().for_each(|value| leaves(value, each)),
        Value::Array(values) => values.iter().for_each(|value| leaves(value, each)),
        leaf => each(leaf),
    }
}

fn single_frame(frame: &[u8]) -> Result<Option<Vec<u8>>, WireError> {
    let mut reader = FrameReader::default();
    reader.push(frame);
    Ok(reader.next_frame()?.map(|range| reader.payload(range).to_vec()))
}

/// Decodes a payload and writes it again; the debug text says what was understood.
fn again(kind: &str, payload: &[u8]) -> Result<(Vec<u8>, u32, &'static str), WireError> {
    let mut out = Vec::new();
    if kind == "command" {
        let (id, command) = read_command(payload)?;
        write_command(&mut out, id, &command);
        Ok((out, id, command.name()))
    } else {
        let (id, event) = read_event(payload)?;
        write_event(&mut out, id, &event);
        Ok((out, id, event.name()))
    }
}

#[test]
fn every_golden_frame_is_read_as_its_message_and_written_as_its_bytes() {
    let vectors = vectors("frames.json");
    assert!(vectors.len() >= 20);
    for vector in &vectors {
        let (name, frame) = (&vector["name"], bytes(&vector["hex"]));
        let payload = single_frame(&frame).unwrap().unwrap();
        let (written, id, message) =
            again(vector["kind"].as_str().unwrap(), &payload).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(
            (message, u64::from(id)),
            (vector["message"][0].as_str().unwrap(), vector["message"][1].as_u64().unwrap()),
            "{name}"
        );
        let future = name.as_str().unwrap().contains("to come");
        assert!(written == frame || future, "{name}: written otherwise");
        leaves(&vector["message"][2], &mut |leaf| {
            let mut encoded = Vec::new();
            encode(leaf, &mut encoded);
            assert!(written.windows(encoded.len()).any(|part| part == encoded) || future, "{name}: no {leaf}");
        });
    }
}

#[test]
fn hostile_frames_are_refused_or_waited_for() {
    for vector in vectors("hostile.json") {
        let outcome = single_frame(&bytes(&vector["hex"]));
        let refused = match &outcome {
            Err(_) => true,
            Ok(None) => false,
            Ok(Some(payload)) => read_command(payload).is_err() && read_event(payload).is_err(),
        };
        let expected = if refused { "ERR_WIRE" } else { "incomplete" };
        assert_eq!(vector["error"], expected, "{}", vector["name"]);
        assert!(refused || outcome == Ok(None), "{} was accepted", vector["name"]);
    }
}

#[test]
fn frames_come_out_the_same_however_the_stream_is_cut() {
    let frames: Vec<Vec<u8>> =
        vectors("frames.json").iter().map(|vector| bytes(&vector["hex"])).filter(|frame| frame.len() < 2000).collect();
    let stream = frames.concat();
    let read = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let mut reader = FrameReader::default();
        let mut found = Vec::new();
        for piece in pieces {
            reader.push(piece);
            while let Some(range) = reader.next_frame().unwrap() {
                found.push(reader.payload(range).to_vec());
            }
        }
        assert!(!reader.is_mid_frame());
        found
    };
    let whole = read(&mut std::iter::once(&stream[..]));
    assert_eq!(whole.len(), frames.len());
    for cut in 1..stream.len() {
        let (front, back) = stream.split_at(cut);
        assert!(read(&mut [front, back].into_iter()) == whole, "cut at {cut}");
    }
    for size in [1, 2, 3, 5, 64] {
        assert!(read(&mut stream.chunks(size)) == whole, "in pieces of {size}");
    }
}

#[test]
fn a_large_frame_is_read_and_nothing_is_allocated_beyond_it() {
    let mut frame = Vec::new();
    write_command(&mut frame, 1, &Command::Write { data: &vec![7; 3_000_000] });
    let mut reader = FrameReader::default();
    for piece in frame.chunks(50_000) {
        reader.push(piece);
        assert!(reader.held_bytes() <= frame.len() + (256 << 10));
    }
    let range = reader.next_frame().unwrap().unwrap();
    assert!(matches!(read_command(reader.payload(range)), Ok((1, Command::Write { data })) if data.len() == 3_000_000));
    reader.release();
    assert_eq!(reader.held_bytes(), 0);
    let mut hostile = FrameReader::default();
    hostile.push(&u32::MAX.to_be_bytes());
    assert!(hostile.next_frame().is_err() && hostile.held_bytes() <= MAX_PAYLOAD_BYTES + 64);
}

#[test]
fn the_front_of_an_output_frame_is_what_the_codec_would_write() {
    for length in [0, 1, 255, 256, 65_535, 65_536, 1 << 20] {
        for stream in [1, 2] {
            let bytes = vec![b'x'; length];
            let mut expected = Vec::new();
            write_event(&mut expected, 0, &Event::Output { stream, bytes: &bytes });
            let mut header = [0; OUTPUT_HEADER_BYTES];
            let begin = write_output_header(&mut header, stream, length);
            assert!([&header[begin..], &bytes].concat() == expected, "{length} bytes of stream {stream}");
        }
    }
}

/// A small deterministic generator (xorshift), so that a failure can be repeated.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides.max(1) as u64) as usize
    }
}

#[test]
fn mutated_payloads_never_panic_and_what_is_read_can_be_written_and_read_again() {
    let corpus: Vec<Vec<u8>> = vectors("frames.json")
        .iter()
        .map(|vector| bytes(&vector["hex"])[4..].to_vec())
        .filter(|payload| payload.len() < 2000)
        .collect();
    let mut dice = Dice(0x5eed_0001);
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..300_000 {
        let mut payload = corpus[dice.roll(corpus.len())].clone();
        for _ in 0..=dice.roll(4) {
            let at = dice.roll(payload.len());
            match dice.roll(6) {
                0 if !payload.is_empty() => payload[at] = dice.roll(256) as u8,
                1 if !payload.is_empty() => payload[at] ^= 1 << dice.roll(8),
                2 => payload.truncate(at),
                3 => payload.insert(at, [0xc0, 0xc1, 0xc4, 0xc6, 0xd9, 0xdc, 0xdd, 0xdf, 0xff][dice.roll(9)]),
                4 if !payload.is_empty() => drop(payload.remove(at)),
                _ => {
                    let other = &corpus[dice.roll(corpus.len())];
                    let from = dice.roll(other.len());
                    payload.truncate(at);
                    payload.extend_from_slice(&other[from..]);
                }
            }
        }
        for kind in ["command", "event"] {
            match again(kind, &payload) {
                Ok((written, id, name)) => {
                    accepted += 1;
                    let (rewritten, same_id, same_name) =
                        again(kind, &written[4..]).expect("what is written can be read");
                    assert!((rewritten, same_id, same_name) == (written, id, name));
                }
                Err(_) => refused += 1,
            }
        }
    }
    assert!(accepted > 1000 && refused > 1000, "{accepted} accepted, {refused} refused");
}

#[test]
fn a_first_frame_that_is_not_hello_is_fatal() {
    let mut owner = Owner::of_sidecar();
    owner.send(&Command::Stats {});
    assert_eq!(owner.fatal(), (0, "ERR_WIRE".to_owned()));
    assert_eq!(owner.sidecar_code(), Some(0));
}

#[test]
fn hostile_bytes_end_the_connection_with_an_error_and_the_sidecar_in_good_order() {
    for vector in vectors("hostile.json").iter().filter(|vector| vector["error"] == "ERR_WIRE") {
        let mut owner = Owner::of_sidecar();
        owner.hello();
        std::io::Write::write_all(&mut owner.stream, &bytes(&vector["hex"])).unwrap();
        assert_eq!(owner.fatal(), (0, "ERR_WIRE".to_owned()), "{}", vector["name"]);
        assert_eq!(owner.sidecar_code(), Some(0), "{}", vector["name"]);
    }
}

#[test]
fn a_command_line_it_does_not_know_is_one_sentence_and_exit_2() {
    for arguments in [&[][..], &["nonsense"], &["sidecar", "extra"]] {
        let output = std::process::Command::new(support::RESIN).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(String::from_utf8(output.stderr).unwrap().lines().count(), 1);
    }
    let file = std::fs::File::open("/etc/passwd").unwrap();
    let output = std::process::Command::new(support::RESIN).arg("sidecar").stdin(file).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("regular file"));
}

#[test]
fn the_version_is_printed() {
    let output = std::process::Command::new(support::RESIN).arg("--version").output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), concat!("resin ", env!("CARGO_PKG_VERSION"), "\n"));
}
