//! The flow window of one output stream: how many bytes are out, how many came back, how many may still be read.
//! Pure: it knows numbers; it does not know pipes, frames or who the owner is.

/// Counts the bytes of one stream that the owner was sent and has not yet given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    size_bytes: u64,
    out_bytes: u64,
}

/// The owner gave back more than it had been sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMuchCredit {
    /// What was out, in bytes.
    pub out_bytes: u64,
}

impl Window {
    /// A window of this size with nothing out.
    pub fn new(size_bytes: u32) -> Self {
        Self { size_bytes: u64::from(size_bytes), out_bytes: 0 }
    }

    /// How many bytes may be read and sent now; 0 means that the process has to wait.
    pub fn room_bytes(&self) -> usize {
        self.size_bytes.saturating_sub(self.out_bytes) as usize
    }

    /// How many bytes one frame carries at most: a quarter of the window, so that the next is read while the last is consumed.
    pub fn frame_bytes(&self) -> usize {
        (self.size_bytes / 4).max(1) as usize
    }

    /// Bytes are about to be sent. May go beyond the window: the last output of an empty tree does.
    pub fn sent(&mut self, bytes: usize) {
        self.out_bytes += bytes as u64;
    }

    /// The owner consumed bytes.
    ///
    /// # Errors
    /// More than is out.
    pub fn credited(&mut self, bytes: u32) -> Result<(), TooMuchCredit> {
        let bytes = u64::from(bytes);
        if bytes > self.out_bytes {
            return Err(TooMuchCredit { out_bytes: self.out_bytes });
        }
        self.out_bytes -= bytes;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    enum Step {
        Sent(usize),
        Credited(u32),
    }
    use Step::{Credited, Sent};

    #[test]
    fn room_follows_what_was_sent_and_given_back() {
        let table: &[(u32, &[Step], usize)] = &[
            (10, &[], 10),
            (10, &[Sent(4)], 6),
            (10, &[Sent(10)], 0),
            (10, &[Sent(10), Credited(3)], 3),
            (10, &[Sent(10), Credited(10)], 10),
            (10, &[Sent(10), Sent(7)], 0),
            (10, &[Sent(10), Sent(7), Credited(7)], 0),
            (10, &[Sent(10), Sent(7), Credited(8)], 1),
            (1, &[Sent(1), Credited(1), Sent(1)], 0),
            (16 << 20, &[Sent(1)], (16 << 20) - 1),
        ];
        for (row, (size, steps, room)) in table.iter().enumerate() {
            let mut window = Window::new(*size);
            for step in *steps {
                match step {
                    Sent(bytes) => window.sent(*bytes),
                    Credited(bytes) => window.credited(*bytes).unwrap(),
                }
            }
            assert_eq!(window.room_bytes(), *room, "row {row}");
        }
    }

    #[test]
    fn a_frame_is_at_most_a_quarter_of_the_window_and_at_least_a_byte() {
        for (size, frame) in [(1, 1), (3, 1), (4, 1), (10, 2), (262_144, 65_536), (16 << 20, 4 << 20)] {
            assert_eq!(Window::new(size).frame_bytes(), frame, "a window of {size}");
        }
    }

    #[test]
    fn credit_for_more_than_is_out_is_refused_and_changes_nothing() {
        let mut window = Window::new(100);
        window.sent(5);
        assert_eq!(window.credited(6), Err(TooMuchCredit { out_bytes: 5 }));
        assert_eq!(window.room_bytes(), 95);
        assert_eq!(Window::new(100).credited(1), Err(TooMuchCredit { out_bytes: 0 }));
    }
}
