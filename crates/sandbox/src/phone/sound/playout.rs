//! What was said, in its order and at its time, though it comes early, late, twice or not at all.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

/// Packets that are waited for before the first is heard. If one comes later than that, all that follow wait longer.
const DEPTH: usize = 4;
/// Packets that are kept: with more of them all would be heard too late, and the oldest are let go.
const KEPT_MAX: usize = 12;
/// Packets by which one may be late, to be worth waiting for its like.
const LATE_MAX: u64 = 8;
/// After as many that did not come nothing more is made up: nobody speaks.
const LOST_MAX: u32 = 25;

/// What is heard next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Packet(Bytes),
    Lost,
    Nothing,
}

#[derive(Default)]
pub(super) struct Playout {
    waiting: BTreeMap<u64, Bytes>,
    /// The number of what is heard next, once it began.
    next: Option<u64>,
    /// The latest number, without the wrapping around.
    latest: Option<u64>,
    lost: u32,
    /// What was taken for lost of late: it may come yet.
    missed: BTreeSet<u64>,
    /// Packets to wait for what is as late as what came late.
    owed: u64,
}

impl Playout {
    pub fn push(&mut self, sequence: u16, packet: Bytes) {
        let number = match self.latest {
            // Far from zero, so that what came before the first has a number too.
            None => (1 << 32) + u64::from(sequence),
            Some(latest) => {
                let ahead = i64::from(sequence.wrapping_sub(latest as u16) as i16);
                latest.saturating_add_signed(ahead)
            }
        };
        if let Some(late) = self.next.and_then(|next| next.checked_sub(number)).filter(|late| *late > 0) {
            if self.missed.remove(&number) && late <= LATE_MAX {
                self.owed = self.owed.max(late);
            }
            return;
        }
        self.latest = Some(self.latest.map_or(number, |latest| latest.max(number)));
        self.waiting.insert(number, packet);
        if self.waiting.len() > KEPT_MAX
            && let Some((oldest, _)) = self.waiting.pop_first()
        {
            self.next = self.next.map(|_| oldest + 1);
        }
    }

    /// One packet later.
    pub fn pop(&mut self) -> Next {
        let Some(next) = self.next else {
            if self.waiting.len() < DEPTH {
                return Next::Nothing;
            }
            self.next = self.waiting.first_key_value().map(|(number, _)| *number);
            return self.pop();
        };
        if self.owed > 0 {
            self.owed -= 1;
            self.missed.clear();
            return Next::Lost;
        }
        if let Some(packet) = self.waiting.remove(&next) {
            (self.next, self.lost) = (Some(next + 1), 0);
            return Next::Packet(packet);
        }
        self.missed.insert(next);
        if self.missed.len() > KEPT_MAX {
            self.missed.pop_first();
        }
        if self.waiting.is_empty() {
            self.lost += 1;
            if self.lost > LOST_MAX {
                // Whoever speaks again begins anew.
                *self = Self { latest: self.latest, ..Self::default() };
                return Next::Nothing;
            }
        }
        self.next = Some(next + 1);
        Next::Lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(number: u8) -> Bytes {
        vec![number].into()
    }

    fn heard(playout: &mut Playout, times: usize) -> Vec<Option<u8>> {
        let mut heard = Vec::new();
        for _ in 0..times {
            match playout.pop() {
                Next::Packet(packet) => heard.push(Some(packet[0])),
                Next::Lost => heard.push(None),
                Next::Nothing => {}
            }
        }
        heard
    }

    #[test]
    fn all_is_heard_in_order_over_the_end_of_the_numbers() {
        let mut playout = Playout::default();
        for (sequence, number) in [(65_534, 0), (0, 2), (65_535, 1), (1, 3), (1, 3), (3, 5)] {
            playout.push(sequence, packet(number));
        }
        assert_eq!(heard(&mut playout, 6), [Some(0), Some(1), Some(2), Some(3), None, Some(5)]);
        playout.push(2, packet(4));
        assert!(playout.waiting.is_empty(), "what comes too late is not heard");
    }

    #[test]
    fn who_is_late_once_is_waited_for_longer() {
        let mut playout = Playout::default();
        for number in 0..4 {
            playout.push(number.into(), packet(number));
        }
        assert_eq!(heard(&mut playout, 4), [Some(0), Some(1), Some(2), Some(3)]);
        // From here on each comes after its time by one and a half packets.
        assert_eq!(heard(&mut playout, 2), [None, None]);
        let mut later = Vec::new();
        for number in 4..20 {
            playout.push(number.into(), packet(number));
            later.extend(heard(&mut playout, 1));
        }
        assert_eq!(later[..3], [None, None, Some(6)], "so much was owed");
        assert!(later[2..].iter().all(Option::is_some), "{later:?}");
        playout.push(3, packet(3));
        assert_eq!(playout.owed, 0, "what was heard already is not late");
    }

    #[test]
    fn it_waits_before_it_begins_and_after_it_was_silent() {
        let mut playout = Playout::default();
        playout.push(1, packet(1));
        assert_eq!(playout.pop(), Next::Nothing);
        for number in 2..=4 {
            playout.push(number.into(), packet(number));
        }
        assert_eq!(heard(&mut playout, 4), [Some(1), Some(2), Some(3), Some(4)]);
        assert_eq!(heard(&mut playout, 40).len(), LOST_MAX as usize);
        for number in 100..104 {
            playout.push(number.into(), packet(number));
        }
        assert_eq!(heard(&mut playout, 1), [Some(100)]);
    }
}
