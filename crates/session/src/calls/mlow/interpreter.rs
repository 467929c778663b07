//! Both directions of a call whose other end speaks MLOW: its packets as Opus, and ours as MLOW.
//!
//! Encoding takes milliseconds, so it is done on the runtime's threads for what blocks: at most one piece of work for each
//! direction of a call at a time, and what comes meanwhile waits in the queues on both sides.

use bytes::Bytes;
use wacore::voip::{MlowDecoder, MlowEncoder, depacketize_opus_from_mlow};
use wago_calls::{
    SAMPLES,
    codec::{Decoder, Encoder},
    packet,
};

/// What MLOW says for silence; the engine's own encoder does so, too.
const SILENCE: &[u8] = &[0x90];
/// Samples no louder than this are silence: an Opus decoder leaves so much.
const SILENT: i16 = 4;

/// Of one call. A codec that fell over is made anew: what it had of its packet is lost.
#[derive(Default)]
pub(super) struct Interpreter {
    ear: Option<Box<Ear>>,
    mouth: Option<Box<Mouth>>,
}

#[derive(Default)]
struct Ear {
    mlow: MlowDecoder,
    opus: Encoder,
}

#[derive(Default)]
struct Mouth {
    opus: Decoder,
    mlow: MlowEncoder,
}

impl Interpreter {
    pub async fn hear(&mut self, packet: Bytes) -> Option<Bytes> {
        if let Some(embedded) = embedded(&packet) {
            return Some(embedded);
        }
        aside(&mut self.ear, move |ear| Some(ear.hear(&packet))).await
    }

    pub async fn say(&mut self, packet: Bytes) -> Option<Bytes> {
        aside(&mut self.mouth, move |mouth| mouth.say(&packet)).await
    }
}

/// Does something that takes its time with a codec that goes on from where it was.
async fn aside<C: Default + Send + 'static>(
    codec: &mut Option<Box<C>>,
    work: impl FnOnce(&mut C) -> Option<Bytes> + Send + 'static,
) -> Option<Bytes> {
    let mut taken = codec.take().unwrap_or_default();
    let done = tokio::task::spawn_blocking(move || {
        let packet = work(&mut taken);
        (taken, packet)
    });
    match done.await {
        Ok((back, packet)) => {
            *codec = Some(back);
            packet
        }
        Err(_) => {
            tracing::warn!("a packet of a call was too much for its codec, which begins anew");
            None
        }
    }
}

/// MLOW may carry Opus, under a first byte of its own.
fn embedded(packet: &[u8]) -> Option<Bytes> {
    let mut opus = packet.to_vec();
    depacketize_opus_from_mlow(&mut opus).ok()?;
    (packet::duration_ms(&opus) == 60).then(|| opus.into())
}

impl Ear {
    fn hear(&mut self, packet: &[u8]) -> Bytes {
        let samples = self.mlow.decode(packet);
        let mut frame = [0; SAMPLES];
        for (sample, decoded) in frame.iter_mut().zip(samples) {
            *sample = (decoded * f32::from(i16::MAX)) as i16;
        }
        self.opus.encode(&frame)
    }
}

impl Mouth {
    fn say(&mut self, packet: &[u8]) -> Option<Bytes> {
        let frame = self.opus.decode(packet);
        if frame.iter().all(|sample| sample.abs() <= SILENT) {
            return Some(Bytes::from_static(SILENCE));
        }
        let mut samples = [0.0; SAMPLES];
        for (sample, decoded) in samples.iter_mut().zip(frame) {
            *sample = f32::from(*decoded) / f32::from(i16::MAX);
        }
        self.mlow.encode(&samples).ok().map(Bytes::from)
    }
}

#[cfg(test)]
mod tests {
    use wago_calls::Heard;
    use wago_media::tone::{fill, peak};

    use super::{
        super::spoken::{Kind, Spoken},
        *,
    };

    fn tone(at: usize, hz: f32) -> [i16; SAMPLES] {
        let mut frame = [0; SAMPLES];
        fill(&mut frame, at * SAMPLES, hz, -12.0);
        frame
    }

    fn floats(frame: &[i16]) -> Vec<f32> {
        frame.iter().map(|sample| f32::from(*sample) / f32::from(i16::MAX)).collect()
    }

    #[tokio::test]
    async fn a_tone_is_interpreted_in_both_directions_in_order() {
        let (mut there, mut here) = (Encoder::new(), Decoder::new());
        let (mut interpreter, mut back) = (Interpreter::default(), Interpreter::default());
        let mut heard = Vec::new();
        for at in 0..40 {
            let said = interpreter.say(there.encode(&tone(at, 440.0))).await.unwrap();
            assert_eq!(said[0], 0x50, "what MLOW calls a voice");
            heard.extend_from_slice(here.decode(&back.hear(said).await.unwrap()));
        }
        assert_eq!(heard.len(), 40 * SAMPLES);
        let (hz, level) = peak(&heard[10 * SAMPLES..]);
        assert!((hz - 440.0).abs() <= 2.0 && (level + 12.0).abs() < 2.0, "{hz} Hz at {level} dB");
    }

    #[tokio::test]
    async fn silence_is_said_as_silence_and_embedded_opus_is_passed_on() {
        let mut opus = Encoder::new();
        let mut interpreter = Interpreter::default();
        let mut said = Vec::new();
        for at in 0..12 {
            let frame = if at < 4 { tone(at, 440.0) } else { [0; SAMPLES] };
            said.push(interpreter.say(opus.encode(&frame)).await.unwrap());
        }
        assert!(said[..4].iter().all(|packet| packet.len() > 10));
        assert_eq!(said[11], SILENCE);
        assert_eq!(
            interpreter.say(Bytes::from_static(b"\xFF")).await.unwrap(),
            SILENCE,
            "what is no packet is silence"
        );
        // Three frames of the transform, as WhatsApp's clients embed them, and as they were.
        let embedded = Bytes::from_static(&[0xDD, 3, 1, 2, 3, 4, 5, 6]);
        assert_eq!(interpreter.hear(embedded).await.unwrap(), &[0xBB, 3, 1, 2, 3, 4, 5, 6][..]);
    }

    #[test]
    fn what_the_encoder_makes_is_always_known_for_mlow() {
        let mut encoder = MlowEncoder::new();
        let mut noise = 1_u32;
        let mut spoken = Spoken::default();
        for at in 0..400_usize {
            let mut frame = match at / 20 % 4 {
                0 => tone(at, 440.0),
                1 => tone(at, 3_000.0),
                _ => [0; SAMPLES],
            };
            if at / 20 % 4 == 2 {
                for sample in &mut frame {
                    noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    *sample = (noise >> 18) as i16;
                }
            }
            let data = encoder.encode(&floats(&frame)).unwrap().into();
            let kind = spoken.hear(&Heard { speaker: 0, data, sequence: at as u16, timestamp: at as u32 * 960 });
            assert_eq!(kind, if at < 7 { Kind::Doubtful } else { Kind::Mlow }, "packet {at}");
        }
    }

    #[tokio::test]
    async fn no_bytes_stop_it() {
        let mut interpreter = Interpreter::default();
        let mut noise = 7_u32;
        let mut random = || {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (noise >> 24) as u8
        };
        for length in 0..300_usize {
            let mut packet: Vec<u8> = (0..length % 120).map(|_| random()).collect();
            if let Some(first) = packet.first_mut() {
                *first = [0x50, 0x10, 0x52, 0x90, 0x56][length % 5];
            }
            interpreter.hear(packet.into()).await;
        }
        let opus = interpreter.hear(MlowEncoder::new().encode(&floats(&tone(0, 440.0))).unwrap().into()).await;
        assert_eq!(packet::duration_ms(&opus.unwrap()), 60);
    }
}
