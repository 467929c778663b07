//! Tones, encoded and found again.

use std::f32::consts::TAU;

use opus_pure::{Application, MAX_PACKET_BYTES, OpusDecoder, OpusEncoder};

pub const RATE: usize = 48_000;
pub const LEVEL: f32 = 0.3;

/// So many Opus packets of a sine, of so many milliseconds each.
pub fn packets(hertz: usize, ms: usize, count: usize) -> Vec<Vec<u8>> {
    let samples = RATE / 1_000 * ms;
    let mut encoder = OpusEncoder::new(RATE as i32, 1, Application::Audio).unwrap();
    let encode = |packet: usize| {
        let sine = |sample: usize| LEVEL * (TAU * (hertz * sample % RATE) as f32 / RATE as f32).sin();
        let pcm: Vec<f32> = (packet * samples..(packet + 1) * samples).map(sine).collect();
        let mut bytes = vec![0; MAX_PACKET_BYTES];
        let length = encoder.encode(&pcm, samples, &mut bytes).unwrap();
        bytes.truncate(length);
        bytes
    };
    (0..count).map(encode).collect()
}

/// All packets' sound, without the first fifth of a second, in which the codec finds its way.
pub fn decoded<'a>(packets: impl IntoIterator<Item = &'a [u8]>) -> Vec<f32> {
    let mut decoder = OpusDecoder::new(RATE as i32, 1).unwrap();
    let mut pcm = vec![0.0; RATE / 1_000 * 120];
    let mut sound = Vec::new();
    for packet in packets {
        let samples = decoder.decode(packet, RATE / 1_000 * 120, &mut pcm).unwrap();
        sound.extend_from_slice(&pcm[..samples]);
    }
    sound.split_off(RATE / 5)
}

/// How strong one frequency is, as the amplitude of its sine (Goertzel).
pub fn strength(sound: &[f32], hertz: usize) -> f32 {
    let step = TAU * hertz as f32 / RATE as f32;
    let (last, before) =
        sound.iter().fold((0.0, 0.0), |(last, before), sample| (sample + 2.0 * step.cos() * last - before, last));
    let power: f32 = last * last + before * before - 2.0 * step.cos() * last * before;
    power.max(0.0).sqrt() * 2.0 / sound.len() as f32
}

/// Asserts that a sound is one tone at the level at which it was made, and nothing else.
#[track_caller]
pub fn assert_is(sound: &[f32], hertz: usize) {
    let peak = (100..4_000).step_by(20).max_by(|a, b| strength(sound, *a).total_cmp(&strength(sound, *b))).unwrap();
    assert_eq!(peak, hertz, "the strongest frequency");
    let level = strength(sound, hertz);
    assert!((level - LEVEL).abs() < 0.1 * LEVEL, "{hertz} Hz has the level {level}, not {LEVEL}");
    let all = (sound.iter().map(|sample| sample * sample).sum::<f32>() / sound.len() as f32 * 2.0).sqrt();
    assert!((all - level).abs() < 0.1 * LEVEL, "of the level {all} only {level} is the tone");
}
