//! What waits to be sent to the owner: control frames, which go first, and one frame of output, which is read straight into place.
//! Knows frames and partial writes; does not know pipes, windows or who asked for what.
//!
//! While output waits, no more of it is taken from the process: a slow owner costs one buffer here, and a control frame waits for at most the
//! rest of the one output frame that is already half sent.

use std::io::IoSlice;

use nix::errno::Errno;

use crate::wire::codec::{OUTPUT_HEADER_BYTES, write_event, write_output_header};
use crate::wire::messages::Event;

/// The most output bytes in one frame, as much as the protocol allows: every frame costs the owner a wake-up.
pub const OUTPUT_FRAME_BYTES: usize = 1024 * 1024;

const FIRST_BUFFER_BYTES: usize = OUTPUT_HEADER_BYTES + 16 * 1024;
const BULK_BUFFER_BYTES: usize = OUTPUT_HEADER_BYTES + OUTPUT_FRAME_BYTES;

/// How far a flush came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flushed {
    /// Nothing waits any more.
    All,
    /// The connection takes no more for now.
    Blocked,
}

/// The frames that wait.
#[derive(Debug, Default)]
pub struct Outbox {
    control: Vec<u8>,
    control_at: usize,
    data: Vec<u8>,
    data_at: usize,
    data_end: usize,
    data_begun: bool,
    bulk: bool,
}

impl Outbox {
    /// Queues an answer or a control event; it overtakes output.
    pub fn control(&mut self, id: u32, event: &Event<'_>) {
        write_event(&mut self.control, id, event);
    }

    /// Queues an event that must not overtake the output before it (`closed`, `exited`).
    pub fn after_output(&mut self, event: &Event<'_>) {
        let mut frame = Vec::new();
        write_event(&mut frame, 0, event);
        let end = self.data_end + frame.len();
        if self.data.len() < end {
            self.data.resize(end, 0);
        }
        self.data[self.data_end..end].copy_from_slice(&frame);
        self.data_end = end;
    }

    /// The place to read output into, if none waits. What was read is sent after [`Outbox::output_read`].
    pub fn output_place(&mut self) -> Option<&mut [u8]> {
        if self.has_data() {
            return None;
        }
        let wanted = if self.bulk { BULK_BUFFER_BYTES } else { FIRST_BUFFER_BYTES };
        if self.data.len() < wanted {
            self.data = vec![0; wanted];
        }
        Some(&mut self.data[OUTPUT_HEADER_BYTES..])
    }

    /// Makes a frame of the `length` bytes that were read into [`Outbox::output_place`].
    ///
    /// # Panics
    /// When that place was not asked for before.
    pub fn output_read(&mut self, stream: u8, length: usize) {
        let header = self.data.first_chunk_mut::<OUTPUT_HEADER_BYTES>().expect("output_place was asked for");
        self.data_at = write_output_header(header, stream, length);
        self.data_end = OUTPUT_HEADER_BYTES + length;
        self.bulk |= self.data_end == FIRST_BUFFER_BYTES;
    }

    /// Whether a read has filled the first buffer since the last [`Outbox::release`].
    pub fn is_flooded(&self) -> bool {
        self.bulk
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.control.is_empty() && !self.has_data()
    }

    /// Writes as much as `write` takes. `write` gets one or two slices and answers how many bytes it took.
    ///
    /// # Errors
    /// What `write` answers, other than EAGAIN and EINTR.
    pub fn flush(&mut self, mut write: impl FnMut(&[IoSlice<'_>]) -> Result<usize, Errno>) -> Result<Flushed, Errno> {
        while !self.is_empty() {
            let control = &self.control[self.control_at..];
            let data = &self.data[self.data_at..self.data_end];
            let written = match (control.is_empty(), data.is_empty(), self.data_begun) {
                (true, _, _) => write(&[IoSlice::new(data)]),
                (_, true, _) => write(&[IoSlice::new(control)]),
                (_, _, true) => write(&[IoSlice::new(data), IoSlice::new(control)]),
                (_, _, false) => write(&[IoSlice::new(control), IoSlice::new(data)]),
            };
            match written {
                Ok(0) => return Err(Errno::EPIPE),
                Ok(count) => self.advance(count),
                Err(Errno::EAGAIN) => return Ok(Flushed::Blocked),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(Flushed::All)
    }

    /// Forgets everything that waits: nobody will read it.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Bytes of memory held right now.
    pub fn held_bytes(&self) -> usize {
        self.control.capacity() + self.data.capacity()
    }

    /// Gives memory back if nothing waits; the next flood has to earn the large buffer again.
    pub fn release(&mut self) {
        if self.is_empty() {
            self.clear();
        }
    }

    fn has_data(&self) -> bool {
        self.data_at < self.data_end
    }

    fn advance(&mut self, count: usize) {
        let data_left = self.data_end - self.data_at;
        let control_left = self.control.len() - self.control_at;
        let (data, control) = if self.data_begun {
            let data = count.min(data_left);
            (data, count - data)
        } else {
            let control = count.min(control_left);
            (count - control, control)
        };
        self.control_at += control;
        if self.control_at == self.control.len() {
            self.control.clear();
            self.control_at = 0;
        }
        self.data_at += data;
        self.data_begun |= data > 0;
        if self.data_at == self.data_end {
            (self.data_at, self.data_end, self.data_begun) = (0, 0, false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::codec::read_event;
    use crate::wire::frame::FrameReader;

    /// Flushes `step` bytes at a time until nothing waits or `budget` bytes went out.
    fn flush_some(outbox: &mut Outbox, sent: &mut Vec<u8>, step: usize, mut budget: usize) {
        let flushed = outbox.flush(|slices| {
            let mut left = step.min(budget);
            if left == 0 {
                return Err(Errno::EAGAIN);
            }
            let mut taken = 0;
            for slice in slices {
                let part = left.min(slice.len());
                sent.extend_from_slice(&slice[..part]);
                (left, taken) = (left - part, taken + part);
            }
            budget -= taken;
            Ok(taken)
        });
        assert!(flushed.is_ok());
    }

    fn names(sent: &[u8]) -> Vec<String> {
        let mut reader = FrameReader::default();
        reader.push(sent);
        let mut names = Vec::new();
        while let Some(range) = reader.next_frame().unwrap() {
            let (id, event) = read_event(reader.payload(range)).unwrap();
            names.push(format!("{} {id}", event.name()));
        }
        assert!(!reader.is_mid_frame());
        names
    }

    fn put_output(outbox: &mut Outbox, text: &[u8]) {
        outbox.output_place().expect("free")[..text.len()].copy_from_slice(text);
        outbox.output_read(1, text.len());
    }

    #[test]
    fn control_overtakes_output_that_is_not_begun() {
        let mut outbox = Outbox::default();
        let mut sent = Vec::new();
        put_output(&mut outbox, b"hello");
        outbox.control(7, &Event::Ok {});
        flush_some(&mut outbox, &mut sent, 3, usize::MAX);
        assert_eq!(names(&sent), ["ok 7", "output 0"]);
    }

    #[test]
    fn control_waits_for_the_rest_of_a_frame_that_is_begun_however_it_is_cut() {
        for budget in 1..60 {
            for step in [1, 7, 1000] {
                let mut outbox = Outbox::default();
                let mut sent = Vec::new();
                put_output(&mut outbox, b"0123456789");
                flush_some(&mut outbox, &mut sent, step, budget);
                outbox.control(1, &Event::Ok {});
                flush_some(&mut outbox, &mut sent, step, 2);
                outbox.control(2, &Event::Wrote {});
                flush_some(&mut outbox, &mut sent, step, usize::MAX);
                assert_eq!(names(&sent), ["output 0", "ok 1", "wrote 2"], "cut after {budget}, {step} at a time");
            }
        }
    }

    #[test]
    fn closed_never_overtakes_its_output_and_output_waits_for_its_turn() {
        let mut outbox = Outbox::default();
        let mut sent = Vec::new();
        put_output(&mut outbox, b"last");
        outbox.after_output(&Event::Closed { stream: 1 });
        assert!(outbox.output_place().is_none());
        outbox.control(3, &Event::Ok {});
        flush_some(&mut outbox, &mut sent, 4, usize::MAX);
        assert_eq!(names(&sent), ["ok 3", "output 0", "closed 0"]);
        assert!(outbox.output_place().is_some());
    }

    #[test]
    fn the_buffer_grows_with_a_flood_and_is_given_back() {
        let mut outbox = Outbox::default();
        let first = outbox.output_place().unwrap().len();
        outbox.output_read(1, first);
        flush_some(&mut outbox, &mut Vec::new(), usize::MAX, usize::MAX);
        assert_eq!(outbox.output_place().unwrap().len(), OUTPUT_FRAME_BYTES);
        outbox.release();
        assert_eq!(outbox.held_bytes(), 0);
    }
}
