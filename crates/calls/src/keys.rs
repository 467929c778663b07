//! The keys of a telephone as the tones that they make, in the sound itself.

use std::{collections::VecDeque, f32::consts::TAU};

use crate::{Frame, RATE, SAMPLES};

/// Keys that wait to be pressed.
pub(crate) const WAITING_MAX: usize = 32;
/// Samples that a key is pressed for, and then not: a tenth of a second each.
const PRESSED: usize = RATE as usize / 10;
const LOW: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
const HIGH: [f32; 4] = [1_209.0, 1_336.0, 1_477.0, 1_633.0];
const KEYS: [&[u8; 4]; 4] = [b"123A", b"456B", b"789C", b"*0#D"];
/// Each of the two tones, of 1.
const LOUD: f32 = 0.3;

/// The two tones of a key, in Hz.
pub(crate) fn tones(key: char) -> Option<(f32, f32)> {
    let key = u8::try_from(key.to_ascii_uppercase()).ok()?;
    let row = KEYS.iter().position(|row| row.contains(&key))?;
    let column = KEYS[row].iter().position(|known| *known == key)?;
    Some((LOW[row], HIGH[column]))
}

#[derive(Default)]
pub(crate) struct Keys {
    waiting: VecDeque<(f32, f32)>,
    /// Samples since the first was pressed.
    at: usize,
}

impl Keys {
    /// False: there are other characters among them, or too many wait.
    pub fn press(&mut self, keys: &str) -> bool {
        let Some(more) = keys.chars().map(tones).collect::<Option<Vec<_>>>() else { return false };
        if self.waiting.len() + more.len() > WAITING_MAX {
            return false;
        }
        self.waiting.extend(more);
        true
    }

    pub fn next(&mut self) -> Option<Frame> {
        self.waiting.front()?;
        let mut frame = [0; SAMPLES];
        for sample in &mut frame {
            let Some((low, high)) = self.waiting.front() else { break };
            if self.at < PRESSED {
                let time = self.at as f32 / RATE as f32;
                let sound = (TAU * low * time).sin() + (TAU * high * time).sin();
                *sample = (sound * LOUD * f32::from(i16::MAX)) as i16;
            }
            self.at += 1;
            if self.at == 2 * PRESSED {
                self.waiting.pop_front();
                self.at = 0;
            }
        }
        Some(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wago_media::tone::level_at;

    #[test]
    fn each_key_makes_its_two_tones() {
        let mut keys = Keys::default();
        assert!(keys.press("5#d"));
        assert!(!keys.press("5x"), "there is no such key");
        assert!(!keys.press(&"1".repeat(WAITING_MAX)), "too many");
        let mut heard = Vec::new();
        while let Some(frame) = keys.next() {
            heard.extend(frame);
        }
        for (at, (low, high)) in [(770.0, 1_336.0), (941.0, 1_477.0), (941.0, 1_633.0)].into_iter().enumerate() {
            let pressed = &heard[2 * at * PRESSED..(2 * at + 1) * PRESSED];
            assert!(level_at(pressed, low) > -14.0 && level_at(pressed, high) > -14.0);
            assert!(level_at(pressed, 1_100.0) < -30.0);
            assert!(heard[(2 * at + 1) * PRESSED..(2 * at + 2) * PRESSED].iter().all(|sample| *sample == 0));
        }
    }
}
