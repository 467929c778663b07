//! Tones at the rate of calls: making them, and finding them in what was heard.

use std::f32::consts::TAU;

use symphonia::core::dsp::{complex::Complex, fft::Fft};

/// Samples a second.
const RATE: u32 = 16_000;
/// The quietest that is told, in dB of the loudest there is.
const FLOOR: f32 = -96.0;
/// Samples that a peak is looked for in: a power of two.
const LOOKED_AT: usize = 1 << 15;
/// Where a peak is looked for, in Hz.
const LOWEST: f32 = 50.0;
const HIGHEST: f32 = 7_000.0;

/// Fills with a tone of that level in dB, from that sample of it on: 0 is as loud as can be.
pub fn fill(samples: &mut [i16], from: usize, hz: f32, level: f32) {
    let loud = f32::from(i16::MAX) * 10_f32.powf(level / 20.0);
    for (at, sample) in samples.iter_mut().enumerate() {
        // Within one second, so that the argument stays exact.
        let time = ((from + at) % RATE as usize) as f32 / RATE as f32;
        let turns = (hz * time).fract();
        *sample = (loud * (TAU * turns).sin()) as i16;
    }
}

/// Without the window a tone between two frequencies would be found at both.
fn window(at: usize, count: usize) -> f32 {
    0.5 - 0.5 * (TAU * (at as f32 + 0.5) / count as f32).cos()
}

/// The level of that one frequency, in dB.
pub fn level_at(samples: &[i16], hz: f32) -> f32 {
    let (mut real, mut imaginary, mut weight) = (0_f64, 0_f64, 0_f64);
    for (at, sample) in samples.iter().enumerate() {
        let window = f64::from(window(at, samples.len()));
        let turns = f64::from(hz) * at as f64 / f64::from(RATE);
        let (sine, cosine) = (std::f64::consts::TAU * turns.fract()).sin_cos();
        let value = f64::from(*sample) / f64::from(i16::MAX) * window;
        real += value * cosine;
        imaginary += value * sine;
        weight += window;
    }
    if weight <= 0.0 {
        return FLOOR;
    }
    let amplitude = 2.0 * real.hypot(imaginary) / weight;
    ((20.0 * amplitude.max(1e-9).log10()) as f32).max(FLOOR)
}

/// The loudest frequency in Hz and its level in dB, of the last two seconds at most; (0, -96) of silence.
pub fn peak(samples: &[i16]) -> (f32, f32) {
    let samples = &samples[samples.len().saturating_sub(LOOKED_AT)..];
    // Filled up with silence, so that the steps between frequencies are finer.
    let mut spectrum = vec![Complex { re: 0.0, im: 0.0 }; LOOKED_AT];
    for (at, (sample, slot)) in samples.iter().zip(&mut spectrum).enumerate() {
        slot.re = f32::from(*sample) * window(at, samples.len());
    }
    Fft::new(LOOKED_AT).fft_inplace(&mut spectrum);
    let step = RATE as f32 / LOOKED_AT as f32;
    let bins = (LOWEST / step) as usize..(HIGHEST / step) as usize;
    let power = |bin: &usize| spectrum[*bin].re.hypot(spectrum[*bin].im);
    let Some(loudest) = bins.max_by(|one, other| power(one).total_cmp(&power(other))) else { return (0.0, FLOOR) };
    let hz = loudest as f32 * step;
    match level_at(samples, hz) {
        level if level > FLOOR => (hz, level),
        _ => (0.0, FLOOR),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_found_where_and_as_loud_as_it_was_made() {
        for (hz, level) in [(440.0, -12.0), (1_000.0, -20.0), (3_333.0, -6.0)] {
            let mut samples = vec![0; RATE as usize / 2];
            fill(&mut samples, 0, hz, level);
            let (found, loud) = peak(&samples);
            assert!((found - hz).abs() <= 0.5, "{found} for {hz}");
            assert!((loud - level).abs() < 0.1, "{loud} for {level}");
            assert!(level_at(&samples, hz + 200.0) < level - 40.0);
        }
        assert_eq!(peak(&[0; 16_000]), (0.0, FLOOR));
        assert_eq!(peak(&[]), (0.0, FLOOR));
    }

    #[test]
    fn of_two_tones_the_louder_is_found_though_the_other_is_higher() {
        let (mut low, mut high) = ([0; 8_000], [0; 8_000]);
        fill(&mut low, 0, 300.0, -10.0);
        fill(&mut high, 0, 2_500.0, -16.0);
        let both: Vec<i16> = low.iter().zip(high).map(|(low, high)| low + high).collect();
        let (hz, level) = peak(&both);
        assert!((hz - 300.0).abs() <= 0.5 && (level + 10.0).abs() < 0.2, "{hz} {level}");
        assert!((level_at(&both, 2_500.0) + 16.0).abs() < 0.2);
    }
}
