//! Those whom a phone hears: each in their own order and time, and all at once.

use std::collections::HashMap;

use bytes::Bytes;
use opus_pure::OpusDecoder;
use wacore_binary::Jid;

use super::{
    RATE, SAMPLES,
    playout::{Next, Playout},
};

/// Devices that are listened to at a time: as many as a call has. One more takes the place of one that is silent.
const VOICES_MAX: usize = 32;

#[derive(Default)]
pub(super) struct Voices {
    /// By device; of a call of two there is one, without a name.
    voices: HashMap<Option<Jid>, Voice>,
}

struct Voice {
    playout: Playout,
    decoder: OpusDecoder,
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
    pub fn push(&mut self, device: Option<Jid>, sequence: u16, packet: Bytes) {
        if !self.voices.contains_key(&device) {
            if self.voices.len() >= VOICES_MAX {
                self.voices.retain(|_, voice| !voice.silent);
            }
            let Ok(decoder) = OpusDecoder::new(RATE as i32, 1) else { return };
            if self.voices.len() < VOICES_MAX {
                self.voices.insert(device.clone(), Voice { playout: Playout::default(), decoder, silent: false });
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
                    packet.as_ref()
                }
                Next::Lost => {
                    heard.lost += 1;
                    &[]
                }
                Next::Nothing => continue,
            };
            let mut samples = [0; SAMPLES];
            let decoded = voice.decoder.decode_s16(packet, SAMPLES, &mut samples).unwrap_or(0);
            let mixed = heard.samples.get_or_insert([0; SAMPLES]);
            for (mixed, sample) in mixed.iter_mut().zip(&samples[..decoded]) {
                *mixed = mixed.saturating_add(*sample);
            }
        }
        heard
    }
}
