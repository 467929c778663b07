//! Those whom a phone hears: each in their own order and time, and all at once.

use std::collections::HashMap;

use bytes::Bytes;
use wacore_binary::Jid;

use super::{
    SAMPLES,
    playout::{Next, Playout},
    speech::{Codec, Ear},
};

/// Devices that are listened to at a time: as many as a call has. One more takes the place of one that is silent.
const VOICES_MAX: usize = 32;

pub(super) struct Voices {
    codec: Codec,
    /// By device; of a call of two there is one, without a name.
    voices: HashMap<Option<Jid>, Voice>,
}

struct Voice {
    playout: Playout,
    ear: Ear,
    silent: bool,
}

/// A packet's time of what all say together.
pub(super) struct Heard {
    /// None: nobody speaks.
    pub samples: Option<[i16; SAMPLES]>,
    pub packets: u64,
    pub lost: u64,
}

impl Voices {
    pub fn new(codec: Codec) -> Self {
        Self { codec, voices: HashMap::new() }
    }

    pub fn push(&mut self, device: Option<Jid>, sequence: u16, packet: Bytes) {
        if !self.voices.contains_key(&device) {
            if self.voices.len() >= VOICES_MAX {
                self.voices.retain(|_, voice| !voice.silent);
            }
            let Some(ear) = Ear::new(self.codec) else { return };
            if self.voices.len() < VOICES_MAX {
                self.voices.insert(device.clone(), Voice { playout: Playout::default(), ear, silent: false });
            }
        }
        if let Some(voice) = self.voices.get_mut(&device) {
            voice.playout.push(sequence, packet);
        }
    }

    pub fn pop(&mut self) -> Heard {
        let mut heard = Heard { samples: None, packets: 0, lost: 0 };
        for voice in self.voices.values_mut() {
            let next = voice.playout.pop();
            voice.silent = next == Next::Nothing;
            let packet = match &next {
                Next::Packet(packet) => {
                    heard.packets += 1;
                    Some(packet.as_ref())
                }
                Next::Lost => {
                    heard.lost += 1;
                    None
                }
                Next::Nothing => continue,
            };
            let mixed = heard.samples.get_or_insert([0; SAMPLES]);
            for (mixed, sample) in mixed.iter_mut().zip(voice.ear.hear(packet)) {
                *mixed = mixed.saturating_add(sample);
            }
        }
        heard
    }
}
