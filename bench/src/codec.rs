//! What the codecs of calls cost, without the call around them.

use std::hint::black_box;

use anyhow::{Result, ensure};
use bytes::Bytes;
use clap::Args;
use wago_calls::{
    Frame, PACKET, RATE, SAMPLES,
    codec::{Decoder, Encoder},
};

use crate::figure::{Usage, say};

#[derive(Args)]
pub struct Codec {
    /// Of sound that each measurement encodes or decodes.
    #[arg(long, default_value_t = 600)]
    seconds: u64,
}

pub fn run(args: &Codec) -> Result<()> {
    let packets = usize::try_from(u128::from(args.seconds) * 1_000 / PACKET.as_millis())?;
    ensure!(packets > 0, "--seconds should be at least 1");
    let mut voice = Voice::default();
    let sound: Vec<Frame> = (0..packets).map(|_| voice.next()).collect();

    let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new());
    let encoded = measure("Opus, encoded", &sound, |frame| Ok(encoder.encode(frame)))?;
    told_size("Opus", &encoded);
    measure("Opus, decoded", &encoded, |packet| Ok(black_box(decoder.decode(packet)).len()))?;
    mlow(&sound)
}

#[cfg(feature = "mlow")]
fn mlow(sound: &[Frame]) -> Result<()> {
    use anyhow::Context as _;
    use wacore::voip::{MlowDecoder, MlowEncoder};

    let (mut encoder, mut decoder) = (MlowEncoder::new(), MlowDecoder::new());
    let encoded = measure("MLOW, encoded", sound, |frame| {
        let samples = frame.map(|sample| f32::from(sample) / f32::from(i16::MAX));
        encoder.encode(&samples).map(Bytes::from).context("a frame could not be encoded")
    })?;
    told_size("MLOW", &encoded);
    measure("MLOW, decoded", &encoded, |packet| Ok(black_box(decoder.decode(packet)).len()))?;
    Ok(())
}

#[cfg(not(feature = "mlow"))]
fn mlow(_: &[Frame]) -> Result<()> {
    println!("MLOW is measured in a build with the feature mlow");
    Ok(())
}

/// Does it to all, and tells what it cost.
fn measure<In, Out>(what: &str, all: &[In], mut work: impl FnMut(&In) -> Result<Out>) -> Result<Vec<Out>> {
    let processor = || Usage::of(std::process::id()).map(|usage| usage.processor_s);
    let mut made = Vec::with_capacity(all.len());
    let before = processor()?;
    for one in all {
        made.push(work(one)?);
    }
    let spent = processor()? - before;
    let sound = all.len() as f64 * PACKET.as_secs_f64();
    say(&format!("{what}: processor time of a second"), spent / sound * 1_000.0, "ms");
    say(&format!("{what}: of a processor, each call"), spent / sound * 100.0, "%");
    say(&format!("{what}: processor time of a packet"), spent / all.len() as f64 * 1_000.0, "ms");
    Ok(made)
}

fn told_size(codec: &str, encoded: &[Bytes]) {
    let bits = encoded.iter().map(|packet| packet.len() * 8).sum::<usize>() as f64;
    say(&format!("{codec}: size"), bits / (encoded.len() as f64 * PACKET.as_secs_f64()) / 1_000.0, "kbit/s");
}

/// Something like a voice, so that codecs have to choose as with one: syllables of vowels, hisses between them, and
/// breaths without a sound.
struct Voice {
    at: usize,
    /// Since the last pulse of the vocal folds, in periods.
    phase: f32,
    noise: u32,
    formants: [Resonance; 3],
}

impl Default for Voice {
    fn default() -> Self {
        Self { at: 0, phase: 0.0, noise: 1, formants: Default::default() }
    }
}

impl Voice {
    fn next(&mut self) -> Frame {
        std::array::from_fn::<i16, SAMPLES, _>(|_| self.sample())
    }

    fn sample(&mut self) -> i16 {
        const VOWELS: [[f32; 3]; 4] =
            [[730.0, 1_090.0, 2_440.0], [270.0, 2_290.0, 3_010.0], [300.0, 870.0, 2_240.0], [530.0, 1_840.0, 2_480.0]];
        let seconds = self.at as f32 / RATE as f32;
        // Four syllables a second, of which every fifth is a breath.
        let (syllable, within) = ((seconds * 4.0) as usize, (seconds * 4.0).fract());
        self.at += 1;
        self.noise = self.noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = (self.noise >> 8) as f32 / (1 << 23) as f32 - 1.0;
        if syllable % 5 == 4 {
            return (noise * 4.0) as i16;
        }
        if within > 0.75 {
            return (noise * 900.0) as i16;
        }
        let pitch = 120.0 + 30.0 * (seconds * 2.1).sin() + (syllable % 3) as f32 * 12.0;
        self.phase += pitch / RATE as f32;
        let pulse = if self.phase >= 1.0 { 1.0 } else { 0.0 };
        self.phase = self.phase.fract();
        let vowel = VOWELS[syllable % VOWELS.len()];
        let sum: f32 = self
            .formants
            .iter_mut()
            .zip(vowel)
            .zip([1.0, 0.5, 0.25])
            .map(|((resonance, hz), loud)| resonance.next(pulse + noise * 0.01, hz) * loud)
            .sum();
        let loud = (within / 0.75 * std::f32::consts::PI).sin();
        (sum * loud * 9_000.0).clamp(-30_000.0, 30_000.0) as i16
    }
}

/// Of the mouth: what it rings with.
#[derive(Default)]
struct Resonance {
    last: f32,
    before: f32,
}

impl Resonance {
    fn next(&mut self, pulse: f32, hz: f32) -> f32 {
        /// How fast it fades, in Hz of its width.
        const WIDTH: f32 = 90.0;
        let radius = (-std::f32::consts::PI * WIDTH / RATE as f32).exp();
        let turn = std::f32::consts::TAU * hz / RATE as f32;
        let now = pulse + 2.0 * radius * turn.cos() * self.last - radius * radius * self.before;
        (self.before, self.last) = (self.last, now);
        now * turn.sin()
    }
}
