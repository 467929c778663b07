//! Which codec the other end speaks, by its packets.
//!
//! An MLOW packet of 60 ms has a first byte of its own, but no byte of it is free of meaning in Opus. Read as Opus, though,
//! it is one of 40 or 10 ms, while packets follow each other by 60: no valid Opus of 60 ms looks so. One packet may be
//! damaged or odd; it takes some in a row to be believed, in both directions.

use wago_calls::{Heard, packet};

/// Packets in a row after which it is known what is spoken: half a second.
const KNOWN_AFTER: u32 = 8;
/// Samples from one packet to the next.
const STEP: u32 = 960;

/// How a packet is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Opus,
    /// It looks like MLOW, but so few were seen that it may be anything: as Opus it would be noise.
    Doubtful,
    Mlow,
}

#[derive(Debug, Default)]
pub(super) struct Spoken {
    mlow: bool,
    /// How many packets in a row spoke against what is taken to be spoken.
    against: u32,
    /// Sequence number and timestamp of the latest packet.
    latest: Option<(u16, u32)>,
}

impl Spoken {
    #[cfg(any(feature = "mlow", test))]
    pub fn is_mlow(&self) -> bool {
        self.mlow
    }

    pub fn hear(&mut self, heard: &Heard) -> Kind {
        let place = self.place(heard);
        if place != Place::Before {
            self.latest = Some((heard.sequence, heard.timestamp));
        }
        let opus = packet::duration_ms(&heard.data) == 60;
        let looks_so = !opus && is_of_60_ms(&heard.data);
        if self.mlow {
            match (opus, place) {
                (true, Place::Before) => {}
                (true, _) => self.against += 1,
                _ => self.against = 0,
            }
            if self.against >= KNOWN_AFTER {
                (self.mlow, self.against) = (false, 0);
            }
            return if opus { Kind::Opus } else { Kind::Mlow };
        }
        match (looks_so, place) {
            // What comes late proves nothing: it is as what it came among.
            (true, Place::Before) if self.against > 0 => return Kind::Doubtful,
            (true, Place::Next) => self.against += 1,
            (_, Place::Before) => return Kind::Opus,
            _ => {
                self.against = 0;
                return Kind::Opus;
            }
        }
        if self.against < KNOWN_AFTER {
            return Kind::Doubtful;
        }
        (self.mlow, self.against) = (true, 0);
        Kind::Mlow
    }

    fn place(&self, heard: &Heard) -> Place {
        // The first has nothing that it could be out of step with.
        let Some((sequence, timestamp)) = self.latest else { return Place::Next };
        let packets = heard.sequence.wrapping_sub(sequence);
        if packets == 0 || packets > u16::MAX / 2 {
            return Place::Before;
        }
        let samples = heard.timestamp.wrapping_sub(timestamp);
        // Who is silent may leave time out between two packets.
        let whole = samples.is_multiple_of(STEP) && samples / STEP >= u32::from(packets) && samples <= u32::MAX / 2;
        if whole { Place::Next } else { Place::Anew }
    }
}

/// Where a packet belongs, seen from the latest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Before,
    /// After it, by some times 60 ms.
    Next,
    /// By another step.
    Anew,
}

/// By the first byte, if it is one of MLOW: 60 ms at 16 kHz, and not the embedded Opus that has both upper bits.
fn is_of_60_ms(packet: &[u8]) -> bool {
    const KIND: u8 = 0b1100_0000;
    const RATE: u8 = 0b0010_0000;
    const LENGTH: u8 = 0b0001_1000;
    packet.first().is_some_and(|first| first & KIND != KIND && first & RATE == 0 && first & LENGTH == 0b0001_0000)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use opus_pure::{Application, MAX_PACKET_BYTES, OpusEncoder};
    use proptest::prelude::*;
    use wago_calls::{SAMPLES, codec::Encoder};

    use super::*;

    fn heard(at: u32, step: u32, data: impl Into<Bytes>) -> Heard {
        let (sequence, timestamp) = (65_530_u16.wrapping_add(at as u16), (u32::MAX - 5_000).wrapping_add(at * step));
        Heard { speaker: 0, data: data.into(), sequence, timestamp }
    }

    /// What becomes of a stream of packets, one every `step` samples.
    fn kinds(step: u32, packets: impl IntoIterator<Item = Bytes>) -> Vec<Kind> {
        let mut spoken = Spoken::default();
        packets.into_iter().enumerate().map(|(at, data)| spoken.hear(&heard(at as u32, step, data))).collect()
    }

    fn voice(number: u8) -> Bytes {
        // The second byte is where Opus would have the number of its frames.
        vec![[0x50, 0x51, 0x52, 0x53, 0x56, 0x57][usize::from(number) % 6], number, 3, 4, 5, 6, 7].into()
    }

    #[test]
    fn first_bytes_of_60_ms_are_those() {
        let all: Vec<u8> = (0..=255).filter(|first| is_of_60_ms(&[*first])).collect();
        assert_eq!(all, [0x10..=0x17_u8, 0x50..=0x57, 0x90..=0x97].into_iter().flatten().collect::<Vec<_>>());
        assert!(!is_of_60_ms(&[]));
    }

    #[test]
    fn half_a_second_of_voice_or_silence_is_believed_and_one_packet_is_not() {
        let voices = kinds(STEP, (0..10).map(voice));
        assert_eq!(voices[..7], [Kind::Doubtful; 7]);
        assert_eq!(voices[7..], [Kind::Mlow; 3]);
        let silent = kinds(STEP, (0..10).map(|at| if at % 3 == 0 { voice(at) } else { Bytes::from_static(&[0x90]) }));
        assert_eq!(silent[7..], [Kind::Mlow; 3]);
        // Seven among Opus, again and again.
        let opus = Encoder::new().encode(&[0; SAMPLES]);
        let mixed = kinds(STEP, (0..80).map(|at| if at % 8 == 0 { opus.clone() } else { voice(at) }));
        assert!(!mixed.contains(&Kind::Mlow) && mixed.iter().step_by(8).all(|kind| *kind == Kind::Opus), "{mixed:?}");
    }

    #[test]
    fn what_is_lost_or_left_out_is_no_reason_to_doubt_and_what_comes_late_proves_nothing() {
        let mut spoken = Spoken::default();
        let places = [0, 2, 3, 1, 4, 4, 9, 10, 8, 12];
        let kinds: Vec<Kind> = places.iter().map(|at| spoken.hear(&heard(*at, STEP, voice(0)))).collect();
        assert_eq!(kinds, [Kind::Doubtful; 10]);
        assert_eq!(spoken.against, 7);
        // Silence for a minute, without a packet.
        let mut later = heard(13, STEP, voice(0));
        later.timestamp = later.timestamp.wrapping_add(1_000 * STEP);
        assert_eq!(spoken.hear(&later), Kind::Mlow);
    }

    #[test]
    fn opus_of_another_length_keeps_another_time() {
        // 40 ms of one wide-band frame, and 10 ms of the transform, begin with the same bytes.
        let forty = kinds(640, (0..50).map(|at| vec![0x50, at, 1, 2, 3].into()));
        assert_eq!((forty[0], &forty[1..]), (Kind::Doubtful, &[Kind::Opus; 49][..]));
        let ten = kinds(160, (0..50).map(|at| vec![0x90, at, 1, 2, 3].into()));
        assert!(ten[1..].iter().all(|kind| *kind == Kind::Opus), "{ten:?}");
        // The same, of which every second or third is lost: whole steps, but too few.
        let mut spoken = Spoken::default();
        for at in 0..200 {
            let kind = spoken.hear(&heard(at * 3, 640, vec![0x50, 1, 2, 3]));
            assert!(at == 0 || kind == Kind::Opus);
        }
    }

    #[test]
    fn who_speaks_opus_again_is_heard_at_once_and_answered_so_after_half_a_second() {
        let mut spoken = Spoken::default();
        let opus = Encoder::new().encode(&[0; SAMPLES]);
        for at in 0..20 {
            spoken.hear(&heard(at, STEP, voice(0)));
        }
        for at in 20..27 {
            assert_eq!((spoken.hear(&heard(at, STEP, opus.clone())), spoken.is_mlow()), (Kind::Opus, true));
        }
        assert_eq!((spoken.hear(&heard(27, STEP, opus)), spoken.is_mlow()), (Kind::Opus, false));
        // Embedded Opus, in the middle of MLOW, is MLOW's.
        for at in 28..40 {
            spoken.hear(&heard(at, STEP, voice(0)));
        }
        assert_eq!(spoken.hear(&heard(40, STEP, vec![0xDD, 3, 1, 2, 3])), Kind::Mlow);
    }

    /// 60 ms, as our encoder or a browser makes them: of one packet, or of some that are put together.
    fn opus(packets: u32, bitrate: i32, music: bool, sound: &[i16]) -> Vec<Bytes> {
        let application = if music { Application::Audio } else { Application::Voip };
        let mut encoder = OpusEncoder::new(48_000, 1, application).unwrap();
        encoder.bitrate_bps = bitrate;
        encoder.use_dtx = !music;
        let length = 2_880 / packets as usize;
        let made = sound.chunks_exact(length).map(|part| {
            let mut packet = vec![0; MAX_PACKET_BYTES];
            let bytes = encoder.encode_s16(part, length, &mut packet).unwrap();
            packet.truncate(bytes);
            Bytes::from(packet)
        });
        let made: Vec<Bytes> = made.collect();
        // The line encodes anew what does not go together.
        made.chunks_exact(packets as usize).filter_map(|some| packet::join(some).ok()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_stream_of_opus_is_taken_for_mlow(
            packets in prop_oneof![Just(1_u32), Just(3), Just(6)],
            bitrate in 6_000..128_000_i32,
            music: bool,
            seed: u32,
            gaps in proptest::collection::vec(1_u32..4, 20),
        ) {
            let mut noise = seed | 1;
            let sound: Vec<i16> = (0..20 * 2_880_u32)
                .map(|at| {
                    noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    // A voice, a hiss, and silence, in turns.
                    match at / 9_600 % 3 {
                        0 => ((at as f32 * 0.02).sin() * 9_000.0) as i16 + (noise >> 20) as i16 / 8,
                        1 => (noise >> 18) as i16 / 4,
                        _ => 0,
                    }
                })
                .collect();
            let mut spoken = Spoken::default();
            let mut at = 0;
            for (data, gap) in opus(packets, bitrate, music, &sound).into_iter().zip(gaps) {
                at += gap;
                prop_assert_eq!(packet::duration_ms(&data), 60);
                prop_assert_eq!(spoken.hear(&heard(at, STEP, data)), Kind::Opus);
            }
            prop_assert_eq!(spoken.against, 0);
        }

        #[test]
        fn our_own_encoder_is_never_taken_for_mlow(loud in 0_i16..20_000, step in 0.0_f32..2.0) {
            let mut encoder = Encoder::new();
            let sound = (0..20).map(|part| {
                let frame: [i16; SAMPLES] =
                    std::array::from_fn(|at| (((part * SAMPLES + at) as f32 * step).sin() * f32::from(loud)) as i16);
                encoder.encode(&frame)
            });
            prop_assert!(kinds(STEP, sound).iter().all(|kind| *kind == Kind::Opus));
        }

        #[test]
        fn no_bytes_that_are_60_ms_of_opus_are_taken_for_mlow(
            streams in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 1..40),
        ) {
            let valid = streams.into_iter().filter(|data| packet::duration_ms(data) == 60).map(Bytes::from);
            prop_assert!(kinds(STEP, valid).iter().all(|kind| *kind == Kind::Opus));
        }
    }
}
