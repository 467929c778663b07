//! Voice notes: Ogg Opus with one channel, and the loudness that clients draw beside the play button.

mod encode;
mod opus;
mod resample;
mod tracks;
mod waveform;

use std::io::{BufReader, Read, Seek, Write};

use crate::{Error, Kind, SNIFF_BYTES, sniff};
use encode::Encoder;
use resample::Resampler;
use waveform::Loudness;

/// Longer audio is refused: it takes a minute or more to encode, and nobody listens to such a voice note.
pub const MAX_VOICE_SECONDS: u64 = 2 * 60 * 60;

/// How many points WhatsApp's clients draw.
pub const WAVEFORM_POINTS: usize = 64;

/// The rate that Opus counts time in, and that all audio is brought to, in samples a second.
const RATE: u32 = 48_000;

/// What a message says about a voice note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Voice {
    /// Rounded, and at least 1.
    pub seconds: u32,
    /// Loudness from 0 to 100 over time, relative to the loudest part.
    pub waveform: [u8; WAVEFORM_POINTS],
}

impl Voice {
    /// Writes a voice note of WAV, MP3, M4A, AAC, FLAC, Ogg Vorbis or Ogg Opus audio. What is Ogg Opus with one channel
    /// is copied as it is. A file that breaks off is converted up to there. After an error, `sink` has part of a file.
    ///
    /// Memory does not grow with the length, but for some bytes a second.
    pub fn convert(mut source: impl Read + Seek + Send + Sync, mut sink: impl Write) -> Result<Self, Error> {
        let kind = kind(&mut source)?;
        if kind == Kind::OggOpus {
            let mut loudness = Loudness::default();
            let stream = opus::decode(BufReader::new(&mut source), |samples| loudness.push(samples))?;
            if stream.mono && stream.whole {
                source.rewind()?;
                std::io::copy(&mut source, &mut sink)?;
                return loudness.voice();
            }
            source.rewind()?;
        }
        let mut loudness = Loudness::default();
        let mut encoder = Encoder::new(sink)?;
        decode(source, kind, |samples| {
            loudness.push(samples)?;
            encoder.push(samples)
        })?;
        encoder.finish()?;
        loudness.voice()
    }

    /// Duration and loudness alone, of the same kinds of audio.
    pub fn measure(mut source: impl Read + Seek + Send + Sync) -> Result<Self, Error> {
        let kind = kind(&mut source)?;
        let mut loudness = Loudness::default();
        decode(source, kind, |samples| loudness.push(samples))?;
        loudness.voice()
    }
}

/// Gives `each` WAV, MP3, M4A, AAC, FLAC, Ogg Vorbis or Ogg Opus audio as one channel of that many samples a second, in order,
/// some thousand samples at a time. A file that breaks off is given up to there; an error of `each` ends it.
pub fn listen(
    mut source: impl Read + Seek + Send + Sync,
    rate: u32,
    mut each: impl FnMut(&[f32]) -> Result<(), Error>,
) -> Result<(), Error> {
    let kind = kind(&mut source)?;
    let mut resampler = Resampler::new(RATE, rate);
    let mut out = Vec::new();
    decode(source, kind, |samples| {
        out.clear();
        resampler.push(samples, &mut out);
        each(&out)
    })?;
    out.clear();
    resampler.finish(&mut out);
    each(&out)
}

fn kind(source: &mut (impl Read + Seek)) -> Result<Kind, Error> {
    let mut first = Vec::new();
    source.rewind()?;
    source.by_ref().take(SNIFF_BYTES as u64).read_to_end(&mut first)?;
    source.rewind()?;
    match sniff(&first) {
        // A brand of MP4 says little about what is in it.
        Some(kind @ (Kind::Mp4 | Kind::ThreeGp | Kind::Mov | Kind::M4a)) => Ok(kind),
        Some(kind @ (Kind::Wav | Kind::Mp3 | Kind::Aac | Kind::Flac)) => Ok(kind),
        Some(kind @ (Kind::Ogg | Kind::OggVorbis | Kind::OggOpus)) => Ok(kind),
        _ => Err(Error::NotAudio),
    }
}

/// Gives `each` the audio as one channel at [`RATE`], in order, some thousand samples at a time.
fn decode(
    source: impl Read + Seek + Send + Sync,
    kind: Kind,
    each: impl FnMut(&[f32]) -> Result<(), Error>,
) -> Result<(), Error> {
    match kind {
        Kind::OggOpus => opus::decode(BufReader::new(source), each).map(drop),
        _ => tracks::decode(source, each),
    }
}
