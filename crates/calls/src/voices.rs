//! Those at WhatsApp's end: each is heard in their own order and time, and all of them at once.

use std::collections::BTreeMap;

use crate::{
    Frame, Heard, PACKET, SAMPLES,
    codec::Decoder,
    jitter::{Jitter, Tally},
    line::{mix, samples},
};

/// Who can be listened to at a time: as many as WhatsApp lets into a call. For one more, who was silent the longest is let go.
pub const SPEAKERS_MAX: usize = 32;
/// For so long after a packet somebody counts as one who speaks: long enough that a pause for breath changes nothing.
const LATELY_MS: u64 = 2_000;
/// Who says nothing for so long has left, or begins anew.
const GONE_MS: u64 = 10_000;
/// The only one there is, who is kept whatever comes.
const ALONE: u8 = 0;

pub(crate) struct Voices {
    clock: u32,
    voices: BTreeMap<u8, Voice>,
    /// Of those who were let go.
    past: Tally,
}

struct Voice {
    jitter: Jitter,
    decoder: Decoder,
    /// When the latest packet came, in milliseconds of the line's clock.
    latest: u64,
}

impl Voices {
    pub fn new(clock: u32) -> Self {
        Self { clock, voices: BTreeMap::new(), past: Tally::default() }
    }

    /// Somebody says something, whether it is to be decoded or not.
    pub fn note(&mut self, speaker: u8, now_ms: u64) {
        if !self.voices.contains_key(&speaker) && self.voices.len() >= SPEAKERS_MAX {
            let silent = self.voices.iter().min_by_key(|(_, voice)| voice.latest).map(|(number, _)| *number);
            silent.into_iter().for_each(|number| self.let_go(number));
        }
        let clock = self.clock;
        let voice = self.voices.entry(speaker).or_insert_with(|| Voice {
            jitter: Jitter::new(clock),
            decoder: Decoder::new(),
            latest: now_ms,
        });
        voice.latest = now_ms;
    }

    /// What is to be decoded, of somebody who was [noted](Self::note).
    pub fn push(&mut self, packet: &Heard, now_ms: u64) {
        if let Some(voice) = self.voices.get_mut(&packet.speaker) {
            voice.jitter.push(packet, now_ms);
        }
    }

    /// Several speak, or did of late.
    pub fn are_many(&self, now_ms: u64) -> bool {
        self.voices.values().filter(|voice| now_ms.saturating_sub(voice.latest) <= LATELY_MS).count() > 1
    }

    /// A packet's time later: what all of them say.
    pub fn pop(&mut self, now_ms: u64) -> Frame {
        let gone = self
            .voices
            .iter()
            .filter(|(number, voice)| **number != ALONE && now_ms.saturating_sub(voice.latest) > GONE_MS);
        let gone: Vec<u8> = gone.map(|(number, _)| *number).collect();
        gone.into_iter().for_each(|number| self.let_go(number));
        let mut heard = [0; SAMPLES];
        for voice in self.voices.values_mut() {
            let pieces = voice.jitter.pop(PACKET.as_millis() as u32);
            if !pieces.is_empty() {
                mix(&mut heard, &samples(&mut voice.decoder, &pieces));
            }
        }
        heard
    }

    fn let_go(&mut self, number: u8) {
        if let Some(voice) = self.voices.remove(&number) {
            self.past = sum(self.past, voice.jitter.tally);
        }
    }

    pub fn tally(&self) -> Tally {
        self.voices.values().map(|voice| voice.jitter.tally).fold(self.past, sum)
    }

    /// How long the sound of who is the most uneven waits, in milliseconds.
    pub fn depth(&self) -> u32 {
        let depths = self.voices.values().map(|voice| voice.jitter.depth());
        depths.max().unwrap_or_else(|| Jitter::new(self.clock).depth())
    }
}

fn sum(one: Tally, other: Tally) -> Tally {
    Tally { heard: one.heard + other.heard, lost: one.lost + other.lost, late: one.late + other.late }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_silent_is_let_go_and_there_are_never_too_many() {
        let mut voices = Voices::new(16_000);
        for speaker in 0..40 {
            voices.note(speaker, u64::from(speaker));
        }
        assert_eq!(voices.voices.len(), SPEAKERS_MAX);
        assert!(!voices.voices.contains_key(&0) && voices.voices.contains_key(&8));
        voices.note(39, GONE_MS + 100);
        voices.pop(GONE_MS + 100);
        assert_eq!(voices.voices.keys().copied().collect::<Vec<_>>(), [39]);
    }

    #[test]
    fn a_pause_does_not_make_many_one() {
        let mut voices = Voices::new(16_000);
        voices.note(1, 0);
        assert!(!voices.are_many(0));
        voices.note(2, 60);
        assert!(voices.are_many(60));
        voices.note(1, 2_000);
        assert!(voices.are_many(60 + LATELY_MS));
        assert!(!voices.are_many(61 + LATELY_MS));
    }
}
