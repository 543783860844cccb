//! Cuts a stream of bytes into frames and puts frames together: a length of four bytes, big-endian, then that many bytes.
//! Normative: docs/protocol.md. Twin: src/wire/frame.ts.
//! Knows lengths and limits; does not know what a payload means or where bytes come from.

use std::ops::Range;

use crate::error::WireError;

/// Bytes of the length in front of every payload.
pub const LENGTH_BYTES: usize = 4;

/// The longest payload a frame may have, in bytes (4 MiB).
pub const MAX_PAYLOAD_BYTES: usize = 4 * 1024 * 1024;

const FIRST_BUFFER_BYTES: usize = 4 * 1024;
const BULK_BUFFER_BYTES: usize = 256 * 1024;

/// Collects bytes as they arrive, however they are cut, and gives back whole frames in order.
///
/// The buffer starts small, grows to the frame that is announced (never beyond it) or to 256 KiB when reads fill it, and can be
/// given back with [`FrameReader::release`].
#[derive(Debug, Default)]
pub struct FrameReader {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl FrameReader {
    /// The free part of the buffer, never empty: read into it, then call [`FrameReader::filled`].
    pub fn spare(&mut self) -> &mut [u8] {
        let have = self.end - self.start;
        let wanted = self.announced_bytes().unwrap_or(0).max(FIRST_BUFFER_BYTES);
        if self.buffer.len() < wanted {
            let mut larger = vec![0; wanted];
            larger[..have].copy_from_slice(&self.buffer[self.start..self.end]);
            (self.buffer, self.start, self.end) = (larger, 0, have);
        } else if self.start > 0 && (have == 0 || self.start + wanted > self.buffer.len()) {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, have);
        }
        &mut self.buffer[self.end..]
    }

    /// Says that `count` bytes were read into the spare part.
    ///
    /// # Panics
    /// When `count` is more than the spare part had.
    pub fn filled(&mut self, count: usize) {
        assert!(self.end + count <= self.buffer.len(), "more bytes filled than there was room for");
        self.end += count;
        if self.end == self.buffer.len() && self.start == 0 && self.buffer.len() < BULK_BUFFER_BYTES {
            self.buffer.resize(BULK_BUFFER_BYTES, 0);
        }
    }

    /// Adds bytes that are already in memory; for owners and tests.
    pub fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let spare = self.spare();
            if spare.is_empty() {
                let len = self.buffer.len();
                self.buffer.resize(len + bytes.len(), 0);
                continue;
            }
            let count = spare.len().min(bytes.len());
            spare[..count].copy_from_slice(&bytes[..count]);
            self.filled(count);
            bytes = &bytes[count..];
        }
    }

    /// The next whole frame's payload as a range for [`FrameReader::payload`], or `None` until more bytes arrive. The range stays valid until
    /// the next call of [`FrameReader::spare`].
    ///
    /// # Errors
    /// A length of 0 or above 4 MiB, as soon as the four bytes of it are there.
    pub fn next_frame(&mut self) -> Result<Option<Range<usize>>, WireError> {
        let Some(total) = self.announced_bytes() else { return Ok(None) };
        let length = total - LENGTH_BYTES;
        if length == 0 || length > MAX_PAYLOAD_BYTES {
            return Err(WireError::new(format!("a frame of {length} bytes; 1 to {MAX_PAYLOAD_BYTES} are allowed")));
        }
        if self.end - self.start < total {
            return Ok(None);
        }
        let payload = self.start + LENGTH_BYTES..self.start + total;
        self.start += total;
        Ok(Some(payload))
    }

    /// The bytes of a payload that [`FrameReader::next_frame`] named.
    pub fn payload(&self, range: Range<usize>) -> &[u8] {
        &self.buffer[range]
    }

    /// Whether bytes of an unfinished frame are waiting.
    pub fn is_mid_frame(&self) -> bool {
        self.start < self.end
    }

    /// Bytes of memory held right now.
    pub fn held_bytes(&self) -> usize {
        self.buffer.len()
    }

    /// Gives the memory back if no unfinished frame is in it.
    pub fn release(&mut self) {
        if !self.is_mid_frame() {
            *self = Self::default();
        }
    }

    /// Length field plus payload of the frame at the front, once its length is known. Not yet checked against the limits, but clamped
    /// to just above them so that nobody allocates what a hostile length asks for.
    fn announced_bytes(&self) -> Option<usize> {
        let length = self.buffer.get(self.start..self.end)?.first_chunk::<LENGTH_BYTES>()?;
        Some((u32::from_be_bytes(*length) as usize).min(MAX_PAYLOAD_BYTES + 1) + LENGTH_BYTES)
    }
}

/// Appends one frame to `out`; `payload` appends the payload itself.
///
/// # Panics
/// When the payload is longer than a frame may be: the caller bounds what it sends.
pub fn write_frame(out: &mut Vec<u8>, payload: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; LENGTH_BYTES]);
    payload(out);
    let length = out.len() - start - LENGTH_BYTES;
    assert!((1..=MAX_PAYLOAD_BYTES).contains(&length), "a payload of {length} bytes does not fit a frame");
    out[start..start + LENGTH_BYTES].copy_from_slice(&(length as u32).to_be_bytes());
}
