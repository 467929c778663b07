//! A tone in MLOW, for phones of builds without the codec.

use bytes::Bytes;

/// 1000 Hz at -15 dB: packets of 60 ms, each after its length in two bytes, the higher first. All of them are 1.2 s, and
/// then the tone is where it began.
///
/// The engine's encoder made it: `UPDATE_TAPE=1 cargo test -p wago-sandbox --features mlow tape` makes it anew.
const TONE: &[u8] = include_bytes!("tone.mlow");

/// It is played again and again.
pub(super) struct Tape(&'static [u8]);

impl Default for Tape {
    fn default() -> Self {
        Self(TONE)
    }
}

impl Tape {
    pub fn next(&mut self) -> Bytes {
        let (packet, rest) = first(self.0).or_else(|| first(TONE)).unwrap_or_default();
        self.0 = rest;
        Bytes::from_static(packet)
    }
}

/// The first packet, and those after it.
fn first(tape: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = tape.split_first_chunk()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets on the tape.
    const PACKETS: usize = 20;

    #[test]
    fn it_has_whole_packets_of_a_voice_and_begins_anew() {
        let mut tape = Tape::default();
        let once: Vec<Bytes> = (0..PACKETS).map(|_| tape.next()).collect();
        assert!(tape.0.is_empty() && once.iter().all(|packet| packet.len() > 10 && packet[0] == 0x50));
        let again: Vec<Bytes> = (0..PACKETS).map(|_| tape.next()).collect();
        assert_eq!(once, again);
    }

    /// The encoder's arithmetic may differ between processors, so bytes are not compared.
    #[cfg(feature = "mlow")]
    #[test]
    fn it_is_heard_as_the_tone() {
        use super::super::speech::{Codec, Ear, Mouth, TONE as THE_TONE};
        use wago_media::tone;

        // An encoder needs some packets to get into its stride.
        const BEFORE: usize = 20;
        let (mut speaks, mut listens) = (Mouth::new(Codec::Mlow).unwrap(), Ear::new(Codec::Mlow).unwrap());
        let mut made = Vec::new();
        for at in 0..BEFORE + PACKETS {
            let mut samples = [0; super::super::SAMPLES];
            tone::fill(&mut samples, at * super::super::SAMPLES, THE_TONE.0, THE_TONE.1);
            let packet = speaks.say(&samples).unwrap();
            if at >= BEFORE {
                made.extend(u16::try_from(packet.len()).unwrap().to_be_bytes());
                made.extend(packet);
            }
        }
        if std::env::var_os("UPDATE_TAPE").is_some() {
            std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/src/phone/sound/tone.mlow"), made).unwrap();
            return;
        }
        assert!(made.len().abs_diff(TONE.len()) < TONE.len() / 10, "{} bytes, not {}", made.len(), TONE.len());
        let mut tape = Tape::default();
        let heard: Vec<i16> = (0..3 * PACKETS).flat_map(|_| listens.hear(Some(&tape.next()))).collect();
        let (hz, level) = tone::peak(&heard[heard.len() / 3..]);
        assert!((hz - THE_TONE.0).abs() <= 2.0 && (level - THE_TONE.1).abs() < 2.0, "{hz} Hz at {level} dB");
    }
}
