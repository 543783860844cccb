//! What waits to be sent to the owner: control frames, which go first, and one frame of output, which is read straight into place, or in a flood
//! moved from pipe to pipe to connection without a copy. Knows frames and partial writes; does not know windows or who asked for what.
//!
//! While output waits, no more of it is taken from the process: a slow owner costs one buffer here, and a control frame waits for at most the
//! rest of the one output frame that is already half sent.

use std::io::IoSlice;
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;

use crate::moved::Moved;
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

/// Where frames go. Either way takes what it can and answers how many bytes that were; EAGAIN when it takes nothing for now.
pub trait Way {
    /// Writes one or two slices.
    ///
    /// # Errors
    /// What `write(2)` answers.
    fn write(&mut self, slices: &[IoSlice<'_>]) -> Result<usize, Errno>;

    /// Moves at most `bytes` out of a pipe.
    ///
    /// # Errors
    /// What `splice(2)` answers.
    fn splice(&mut self, pipe: &OwnedFd, bytes: usize) -> Result<usize, Errno>;
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
    /// Waits instead of `data`, or before it.
    moved: Option<Moved>,
}

impl Outbox {
    /// Queues an answer or a control event; it overtakes output.
    pub fn control(&mut self, id: u32, event: &Event<'_>) {
        write_event(&mut self.control, id, event);
    }

    /// Queues an event that must not overtake the output before it (`closed`, `exited`, the answer to `take`).
    pub fn after_output(&mut self, id: u32, event: &Event<'_>) {
        let mut frame = Vec::new();
        write_event(&mut frame, id, event);
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

    /// Makes a frame of at most `limit` bytes of a pipe without reading them, if no output waits. Answers how many bytes; 0 at the pipe's end.
    ///
    /// # Errors
    /// EAGAIN when there is nothing in it; ENFILE and the like when there is no pipe for them.
    pub fn splice_from(&mut self, stream: u8, pipe: impl AsFd, limit: usize) -> Result<usize, Errno> {
        let moved = match &mut self.moved {
            Some(moved) => moved,
            none => none.insert(Moved::new()?),
        };
        moved.take(stream, pipe, limit.min(OUTPUT_FRAME_BYTES))
    }

    /// Whether output waits, so that no more can be taken.
    pub fn has_data(&self) -> bool {
        self.data_at < self.data_end || self.has_moved()
    }

    /// Whether a read has filled the first buffer since the last [`Outbox::release`].
    pub fn is_flooded(&self) -> bool {
        self.bulk
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.control.is_empty() && !self.has_data()
    }

    /// Sends as much as `way` takes.
    ///
    /// # Errors
    /// What `way` answers, other than EAGAIN and EINTR.
    pub fn flush(&mut self, way: &mut impl Way) -> Result<Flushed, Errno> {
        while !self.is_empty() {
            let outcome = match self.moved_now() {
                Some(moved) => way.splice(moved.framed(), moved.left).inspect(|count| {
                    moved.left -= count;
                    moved.begun = true;
                }),
                None => self.write(way),
            };
            match outcome {
                Ok(0) => return Err(Errno::EPIPE),
                Ok(_) => {}
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

    fn has_moved(&self) -> bool {
        self.moved.as_ref().is_some_and(|moved| moved.left > 0)
    }

    /// The moved frame, if it is its turn: control goes before it, but not between its bytes.
    fn moved_now(&mut self) -> Option<&mut Moved> {
        let is_first = self.control.is_empty();
        self.moved.as_mut().filter(|moved| moved.left > 0 && (moved.begun || is_first))
    }

    fn write(&mut self, way: &mut impl Way) -> Result<usize, Errno> {
        let control = &self.control[self.control_at..];
        let data = &self.data[self.data_at..self.data_end];
        let count = match (control.is_empty(), data.is_empty() || self.has_moved(), self.data_begun) {
            (true, _, _) => way.write(&[IoSlice::new(data)]),
            (_, true, _) => way.write(&[IoSlice::new(control)]),
            (_, _, true) => way.write(&[IoSlice::new(data), IoSlice::new(control)]),
            (_, _, false) => way.write(&[IoSlice::new(control), IoSlice::new(data)]),
        }?;
        self.advance(count);
        Ok(count)
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
    use nix::fcntl::OFlag;
    use nix::unistd::pipe2;

    use crate::wire::codec::read_event;
    use crate::wire::frame::FrameReader;

    /// Flushes `step` bytes at a time until nothing waits or `budget` bytes went out.
    fn flush_some(outbox: &mut Outbox, sent: &mut Vec<u8>, step: usize, budget: usize) {
        assert!(outbox.flush(&mut Steps { sent, step, budget }).is_ok());
    }

    /// Takes a few bytes at a time, until its budget is used up.
    struct Steps<'a> {
        sent: &'a mut Vec<u8>,
        step: usize,
        budget: usize,
    }

    impl Way for Steps<'_> {
        fn write(&mut self, slices: &[IoSlice<'_>]) -> Result<usize, Errno> {
            let mut left = self.step.min(self.budget);
            if left == 0 {
                return Err(Errno::EAGAIN);
            }
            let mut taken = 0;
            for slice in slices {
                let part = left.min(slice.len());
                self.sent.extend_from_slice(&slice[..part]);
                (left, taken) = (left - part, taken + part);
            }
            self.budget -= taken;
            Ok(taken)
        }

        fn splice(&mut self, pipe: &OwnedFd, bytes: usize) -> Result<usize, Errno> {
            let mut place = vec![0; bytes.min(self.step).min(self.budget)];
            let count = nix::unistd::read(pipe, &mut place)?;
            self.write(&[IoSlice::new(&place[..count])])
        }
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
        outbox.after_output(0, &Event::Closed { stream: 1 });
        assert!(outbox.output_place().is_none());
        outbox.control(3, &Event::Ok {});
        flush_some(&mut outbox, &mut sent, 4, usize::MAX);
        assert_eq!(names(&sent), ["ok 3", "output 0", "closed 0"]);
        assert!(outbox.output_place().is_some());
    }

    #[test]
    fn nothing_comes_between_a_header_and_bytes_that_were_moved_however_it_is_cut() {
        for budget in 1..60 {
            for step in [1, 7, 1000] {
                let (out, into) = pipe2(OFlag::O_NONBLOCK).unwrap();
                nix::unistd::write(&into, b"0123456789").unwrap();
                let mut outbox = Outbox::default();
                let mut sent = Vec::new();
                assert_eq!(outbox.splice_from(1, &out, 8), Ok(8));
                flush_some(&mut outbox, &mut sent, step, budget);
                outbox.control(1, &Event::Ok {});
                outbox.after_output(0, &Event::Closed { stream: 1 });
                flush_some(&mut outbox, &mut sent, step, usize::MAX);
                let all = names(&sent);
                assert_eq!(all.len(), 3, "cut after {budget}, {step} at a time");
                assert!(
                    all.iter().position(|name| name == "output 0") < all.iter().position(|name| name == "closed 0")
                );
                assert!(outbox.is_empty());
            }
        }
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
