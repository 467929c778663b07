use super::{MAX_VOICE_SECONDS, RATE, Voice, WAVEFORM_POINTS};
use crate::Error;

/// Loudness is kept for every hundredth of a second: 3 MB for the longest audio.
const BLOCK: usize = RATE as usize / 100;

/// Audio that is nowhere louder than this (-40 dB) is drawn as the silence that it is, not as the loudest of itself.
const QUIET: f32 = 0.01;

/// What is known of the audio so far.
#[derive(Default)]
pub(super) struct Loudness {
    samples: u64,
    /// The root mean square of each whole block.
    blocks: Vec<f32>,
    /// Of the block that is not whole.
    energy: f32,
    counted: usize,
}

impl Loudness {
    /// Takes samples at [`RATE`]. Errors when there are too many.
    pub(super) fn push(&mut self, samples: &[f32]) -> Result<(), Error> {
        self.samples += samples.len() as u64;
        if self.samples > MAX_VOICE_SECONDS * u64::from(RATE) {
            return Err(Error::TooLong { limit: MAX_VOICE_SECONDS });
        }
        for sample in samples {
            self.energy += sample * sample;
            self.counted += 1;
            if self.counted == BLOCK {
                self.end_block();
            }
        }
        Ok(())
    }

    fn end_block(&mut self) {
        self.blocks.push((self.energy / self.counted as f32).sqrt());
        (self.energy, self.counted) = (0.0, 0);
    }

    pub(super) fn voice(mut self) -> Result<Voice, Error> {
        if self.counted > 0 {
            self.end_block();
        }
        let blocks = self.blocks.len();
        if blocks == 0 {
            return Err(Error::NoSound);
        }
        let point = |point: usize| {
            let from = point * blocks / WAVEFORM_POINTS;
            let to = ((point + 1) * blocks / WAVEFORM_POINTS).max(from + 1);
            self.blocks[from..to].iter().sum::<f32>() / (to - from) as f32
        };
        let points: [f32; WAVEFORM_POINTS] = std::array::from_fn(point);
        let loudest = points.iter().copied().fold(QUIET, f32::max);
        let rate = u64::from(RATE);
        Ok(Voice {
            seconds: ((self.samples + rate / 2) / rate).max(1) as u32,
            waveform: points.map(|point| (point / loudest * 100.0).round() as u8),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_hours_are_the_limit() {
        let limit = MAX_VOICE_SECONDS * u64::from(RATE);
        let mut loudness = Loudness { samples: limit - 960, ..Loudness::default() };
        loudness.push(&[0.0; 960]).unwrap();
        assert!(matches!(loudness.push(&[0.0]), Err(Error::TooLong { limit: 7200 })));
    }
}
