//! Tones: making them, and finding them in what was heard.

use std::f32::consts::TAU;

use super::RATE;

/// The quietest that is told, in dB of the loudest there is.
const FLOOR: f32 = -96.0;
/// Where a peak is looked for, in Hz, and in steps of how much.
const LOWEST: usize = 50;
const HIGHEST: usize = 7_000;
const STEP: usize = 10;

/// Fills with a tone of that level, from that sample of it on.
pub(crate) fn tone(samples: &mut [i16], from: usize, hz: f32, level: f32) {
    let loud = f32::from(i16::MAX) * 10_f32.powf(level / 20.0);
    for (at, sample) in samples.iter_mut().enumerate() {
        // Within one second, so that the argument stays exact.
        let time = ((from + at) % RATE as usize) as f32 / RATE as f32;
        let turns = (hz * time).fract();
        *sample = (loud * (TAU * turns).sin()) as i16;
    }
}

/// The level of that one frequency, in dB: 0 is a tone as loud as can be.
pub(crate) fn level_at(samples: &[i16], hz: f32) -> f32 {
    if samples.is_empty() {
        return FLOOR;
    }
    // Without the window a tone between two frequencies would be found at both.
    let count = samples.len() as f32;
    let (mut real, mut imaginary, mut weight) = (0_f64, 0_f64, 0_f64);
    for (at, sample) in samples.iter().enumerate() {
        let window = 0.5 - 0.5 * (TAU * (at as f32 + 0.5) / count).cos();
        let turns = f64::from(hz) * at as f64 / f64::from(RATE);
        let angle = std::f64::consts::TAU * turns.fract();
        let value = f64::from(*sample) / f64::from(i16::MAX) * f64::from(window);
        real += value * angle.cos();
        imaginary += value * angle.sin();
        weight += f64::from(window);
    }
    let amplitude = 2.0 * real.hypot(imaginary) / weight;
    ((20.0 * amplitude.max(1e-9).log10()) as f32).max(FLOOR)
}

/// The loudest frequency and its level.
pub(crate) fn peak(samples: &[i16]) -> (f32, f32) {
    let coarse = (LOWEST..=HIGHEST).step_by(STEP).map(|hz| (hz as f32, level_at(samples, hz as f32)));
    let (hz, level) = coarse.max_by(|one, other| one.1.total_cmp(&other.1)).unwrap_or((0.0, FLOOR));
    if level <= FLOOR {
        return (0.0, FLOOR);
    }
    let fine = (-9..=9).map(|by| (hz + by as f32, level_at(samples, hz + by as f32)));
    fine.max_by(|one, other| one.1.total_cmp(&other.1)).unwrap_or((hz, level))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_found_where_and_as_loud_as_it_was_made() {
        for (hz, level) in [(440.0, -12.0), (1_000.0, -20.0), (3_333.0, -6.0)] {
            let mut samples = vec![0; RATE as usize / 2];
            tone(&mut samples, 0, hz, level);
            let (found, loud) = peak(&samples);
            assert!((found - hz).abs() <= 1.0, "{found} for {hz}");
            assert!((loud - level).abs() < 0.2, "{loud} for {level}");
            assert!(level_at(&samples, hz + 200.0) < level - 40.0);
        }
        assert_eq!(peak(&[0; 16_000]), (0.0, FLOOR));
        assert_eq!(peak(&[]), (0.0, FLOOR));
    }
}
