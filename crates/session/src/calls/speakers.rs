//! Who speaks in a call, by the small numbers that a line tells them apart by.

use std::collections::VecDeque;

use wacore_binary::Jid;
use wago_calls::SPEAKERS_MAX;

/// Of a call of two there is one, whom nothing tells apart.
pub(super) const ALONE: u8 = 0;

/// Who spoke last is at the end.
#[derive(Default)]
pub(super) struct Speakers(VecDeque<(Jid, u8)>);

impl Speakers {
    /// Nobody has a number yet: the call is one of two.
    pub fn is_alone(&self) -> bool {
        self.0.is_empty()
    }

    /// From 1 on. With too many of them a new one has the number of who was silent the longest.
    pub fn number(&mut self, device: Option<&Jid>) -> u8 {
        let Some(device) = device else { return ALONE };
        if let Some(at) = self.0.iter().position(|(known, _)| known == device) {
            // Those who speak at once are few, and near the end.
            let number = self.0[at].1;
            if let Some(known) = self.0.remove(at) {
                self.0.push_back(known);
            }
            return number;
        }
        let number = match u8::try_from(self.0.len()) {
            Ok(there) if usize::from(there) < SPEAKERS_MAX => there + 1,
            _ => self.0.pop_front().map_or(1, |(_, number)| number),
        };
        self.0.push_back((device.clone(), number));
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_number_and_who_was_silent_the_longest_gives_his_away() {
        let device = |at: usize| Jid::lid(at.to_string());
        let mut speakers = Speakers::default();
        assert_eq!(speakers.number(None), 0);
        let numbers: Vec<u8> = (0..SPEAKERS_MAX).map(|at| speakers.number(Some(&device(at)))).collect();
        assert_eq!(numbers, (1..=32).collect::<Vec<u8>>());
        assert_eq!(speakers.number(Some(&device(0))), 1);
        assert_eq!(speakers.number(Some(&device(99))), 2);
        assert_eq!(speakers.number(Some(&device(0))), 1);
        assert_eq!(speakers.number(Some(&device(1))), 3, "the second has to come back as somebody new");
    }
}
