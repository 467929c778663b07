//! From any rate to another, by windowed sinc.

use std::f64::consts::PI;

/// Zero crossings of the sinc on each side.
const CROSSINGS: f64 = 16.0;

/// Places between two samples that the filter is tabulated for; between those it is interpolated.
const PHASES: usize = 256;

/// Of the lower of both rates' halves, what passes.
const PASS: f64 = 0.95;

/// The Kaiser window's shape: about 90 dB of attenuation.
const BETA: f64 = 9.0;

pub(super) struct Resampler {
    rate: u32,
    /// The rate of what comes out.
    to: u32,
    /// Filter length before and after the place of a sample.
    half: usize,
    /// `PHASES + 1` filters of `2 * half`.
    table: Vec<f32>,
    /// Input that is still needed. Its first sample is `half - 1` before the place that `base` stands for.
    input: Vec<f32>,
    /// Where in `input` the filter for the next output begins, and how far beyond, in `to`ths of a sample.
    base: usize,
    beyond: u32,
    taken: u64,
    given: u64,
}

impl Resampler {
    pub(super) fn new(rate: u32, to: u32) -> Self {
        let cutoff = PASS * (f64::from(to) / f64::from(rate)).min(1.0);
        let half = (CROSSINGS / cutoff).ceil() as usize;
        let table = (0..=PHASES)
            .flat_map(|phase| {
                let place = (half - 1) as f64 + phase as f64 / PHASES as f64;
                (0..2 * half).map(move |tap| kernel(tap as f64 - place, cutoff, half as f64) as f32)
            })
            .collect();
        Self { rate, to, half, table, input: vec![0.0; half - 1], base: 0, beyond: 0, taken: 0, given: 0 }
    }

    /// Takes samples and appends what they make certain.
    pub(super) fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        if self.rate == self.to {
            out.extend_from_slice(samples);
            return;
        }
        self.taken += samples.len() as u64;
        self.input.extend_from_slice(samples);
        while self.base + 2 * self.half <= self.input.len() {
            out.push(self.sample());
            self.given += 1;
            self.beyond += self.rate;
            self.base += (self.beyond / self.to) as usize;
            self.beyond %= self.to;
        }
        let done = self.base.min(self.input.len());
        self.input.drain(..done);
        self.base -= done;
    }

    /// Appends what is left, so that as much time has gone out as came in.
    pub(super) fn finish(mut self, out: &mut Vec<f32>) {
        if self.rate == self.to {
            return;
        }
        let wanted = (u128::from(self.taken) * u128::from(self.to)).div_ceil(u128::from(self.rate)) as u64;
        let missing = wanted.saturating_sub(self.given) as usize;
        let start = out.len();
        self.push(&vec![0.0; 2 * self.half], out);
        out.truncate(start + missing);
    }

    fn sample(&self) -> f32 {
        let taps = 2 * self.half;
        let place = self.beyond as f32 / self.to as f32 * PHASES as f32;
        let phase = place as usize;
        let between = place - phase as f32;
        let input = &self.input[self.base..self.base + taps];
        let filters = &self.table[phase * taps..(phase + 2) * taps];
        let (low, high) = filters.split_at(taps);
        let (mut below, mut above) = (0.0, 0.0);
        for ((sample, low), high) in input.iter().zip(low).zip(high) {
            below += sample * low;
            above += sample * high;
        }
        below + (above - below) * between
    }
}

fn kernel(distance: f64, cutoff: f64, half: f64) -> f64 {
    let within = 1.0 - (distance / half).powi(2);
    if within <= 0.0 {
        return 0.0;
    }
    let x = PI * cutoff * distance;
    let sinc = if x.abs() < 1e-9 { 1.0 } else { x.sin() / x };
    cutoff * sinc * bessel(BETA * within.sqrt()) / bessel(BETA)
}

/// The modified Bessel function of order 0.
fn bessel(x: f64) -> f64 {
    let terms = (1..40).scan(1.0, |term, n| {
        *term *= (x / 2.0 / f64::from(n)).powi(2);
        Some(*term)
    });
    1.0 + terms.sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::voice::RATE;

    fn resampled(rate: u32, input: &[f32]) -> Vec<f32> {
        let mut resampler = Resampler::new(rate, RATE);
        let mut out = Vec::new();
        input.chunks(777).for_each(|chunk| resampler.push(chunk, &mut out));
        resampler.finish(&mut out);
        out
    }

    #[test]
    fn a_tone_keeps_its_shape() {
        for rate in [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000] {
            let tone = |rate: u32, n: usize| (2.0 * PI * 1000.0 * n as f64 / f64::from(rate)).sin() as f32;
            let input: Vec<f32> = (0..rate as usize / 4).map(|n| tone(rate, n)).collect();
            let output = resampled(rate, &input);
            assert_eq!(output.len(), (input.len() * RATE as usize).div_ceil(rate as usize));
            let worst = (1000..output.len() - 1000).map(|n| (output[n] - tone(RATE, n)).abs()).fold(0.0, f32::max);
            assert!(worst < 2e-3, "{rate}: {worst}");
        }
    }

    #[test]
    fn what_does_not_fit_under_the_new_rate_is_gone() {
        let input: Vec<f32> =
            (0..24_000).map(|n| (2.0 * PI * 40_000.0 * f64::from(n) / 96_000.0).sin() as f32).collect();
        let output = resampled(96_000, &input);
        let worst = output[1000..11_000].iter().fold(0.0f32, |worst, sample| worst.max(sample.abs()));
        assert!(worst < 1e-3, "{worst}");
    }

    #[test]
    fn nothing_comes_of_nothing() {
        assert!(resampled(44_100, &[]).is_empty());
        assert_eq!(resampled(44_100, &[1.0]).len(), 2);
    }
}
