//! Opus at 16 kHz with one channel, in packets of 60 ms.

use bytes::Bytes;
use opus_pure::{Application, MAX_PACKET_BYTES, OpusDecoder, OpusEncoder};

use crate::{Frame, RATE, SAMPLES};

/// Bits a second, about what WhatsApp's clients use for a voice.
const BITRATE: i32 = 24_000;
/// Of 10: the usual of those who do it for many calls at a time.
const COMPLEXITY: i32 = 5;
/// What is assumed to be lost on the way, in percent: so much is repeated in the packets that follow.
const LOSS: i32 = 5;
/// Samples in the longest packet there is, of 120 ms.
const LONGEST: usize = RATE as usize * 120 / 1000;

pub struct Encoder {
    codec: OpusEncoder,
    packet: Vec<u8>,
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Encoder {
    pub fn new() -> Self {
        let mut codec = OpusEncoder::new(RATE as i32, 1, Application::Voip).expect("Opus has 16 kHz with one channel");
        codec.bitrate_bps = BITRATE;
        codec.complexity = COMPLEXITY;
        codec.use_inband_fec = true;
        codec.packet_loss_perc = LOSS;
        Self { codec, packet: vec![0; MAX_PACKET_BYTES] }
    }

    pub fn encode(&mut self, frame: &Frame) -> Bytes {
        let length =
            self.codec.encode_s16(frame, SAMPLES, &mut self.packet).expect("a packet of 60 ms is one that Opus has");
        Bytes::copy_from_slice(&self.packet[..length])
    }
}

pub struct Decoder {
    codec: OpusDecoder,
    samples: Vec<i16>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    pub fn new() -> Self {
        let codec = OpusDecoder::new(RATE as i32, 1).expect("Opus has 16 kHz with one channel");
        Self { codec, samples: vec![0; LONGEST] }
    }

    /// What is no Opus packet is silence.
    pub fn decode(&mut self, packet: &[u8]) -> &[i16] {
        // An empty one would be taken for a lost one.
        let length = if packet.is_empty() { 0 } else { self.decoded(packet, LONGEST) };
        &self.samples[..length]
    }

    /// Makes up so many samples (a multiple of 2.5 ms) of what was lost; `next` may know better.
    pub fn conceal(&mut self, samples: usize, next: Option<&[u8]>) -> &[i16] {
        let samples = samples.min(LONGEST);
        let length = match next {
            Some(next) => self.codec.decode_fec_s16(next, samples, &mut self.samples).unwrap_or(0),
            None => self.decoded(&[], samples),
        };
        &self.samples[..length]
    }

    fn decoded(&mut self, packet: &[u8], samples: usize) -> usize {
        self.codec.decode_s16(packet, samples, &mut self.samples).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wago_media::tone::{fill, peak};

    #[test]
    fn a_tone_comes_through() {
        let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new());
        let mut heard = Vec::new();
        for at in 0..20 {
            let mut frame = [0; SAMPLES];
            fill(&mut frame, at * SAMPLES, 440.0, -12.0);
            heard.extend_from_slice(decoder.decode(&encoder.encode(&frame)));
        }
        assert_eq!(heard.len(), 20 * SAMPLES);
        let (hz, level) = peak(&heard[SAMPLES * 4..]);
        assert!((hz - 440.0).abs() <= 2.0 && (level + 12.0).abs() < 1.5, "{hz} {level}");
    }

    #[test]
    fn what_is_lost_is_made_up_and_what_is_no_packet_is_silence() {
        let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new());
        for at in 0..10 {
            let mut frame = [0; SAMPLES];
            fill(&mut frame, at * SAMPLES, 440.0, -12.0);
            let packet = encoder.encode(&frame);
            if at != 8 {
                decoder.decode(&packet);
            } else {
                let made_up = decoder.conceal(SAMPLES, None).to_vec();
                assert_eq!(made_up.len(), SAMPLES);
                // It fades, as it should, but it is no gap.
                assert!(peak(&made_up).1 > -45.0);
            }
        }
        assert!(decoder.decode(&[]).is_empty());
        assert!(decoder.decode(&[0xFF; 3]).len() <= LONGEST);
    }
}
