use std::io::{Read, Seek, SeekFrom};

use symphonia::core::codecs::audio::AudioDecoderOptions;
use symphonia::core::common::Limit;
use symphonia::core::errors::Error as SymphoniaError;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::core::meta::MetadataOptions;

use super::resample::Resampler;
use super::{MAX_VOICE_SECONDS, RATE};
use crate::Error;

/// Rates that are audio.
const RATES: std::ops::RangeInclusive<u32> = 4_000..=768_000;

/// Covers and other tags are of no use here.
const MAX_TAG_BYTES: usize = 64 * 1024;

/// How many packets without any sound are passed over before the file counts as damaged.
const MAX_BAD_PACKETS: usize = 10_000;

/// Decodes the first audio track of a container to one channel at the common rate.
pub(super) fn decode(
    source: impl Read + Seek + Send + Sync,
    mut each: impl FnMut(&[f32]) -> Result<(), Error>,
) -> Result<(), Error> {
    let stream = MediaSourceStream::new(Box::new(Source::new(source)?), Default::default());
    let tags = MetadataOptions::default()
        .limit_tag_bytes(Limit::Maximum(MAX_TAG_BYTES))
        .limit_visual_bytes(Limit::Maximum(MAX_TAG_BYTES));
    let mut format =
        symphonia::default::get_probe().probe(&Hint::new(), stream, FormatOptions::default(), tags).map_err(error)?;
    let track = format.default_track(TrackType::Audio).ok_or(Error::NoSound)?;
    let id = track.id;
    // What says that it is too long is believed, so that nothing is done in vain. What says less is counted all the same.
    let declared = track.time_base.zip(track.duration).map(|(base, length)| base.calc_duration_saturating(length));
    if declared.is_some_and(|length| length.as_secs() > MAX_VOICE_SECONDS as i64) {
        return Err(Error::TooLong { limit: MAX_VOICE_SECONDS });
    }
    let parameters = track.codec_params.as_ref().and_then(|codec| codec.audio()).ok_or(Error::NoSound)?;
    let mut decoder = symphonia::default::get_codecs()
        .make_audio_decoder(parameters, &AudioDecoderOptions::default())
        .map_err(error)?;

    let mut resampler: Option<(u32, Resampler)> = None;
    let (mut interleaved, mut one, mut out) = (Vec::new(), Vec::new(), Vec::new());
    let mut bad = 0;
    // A file that breaks off, or goes on as something else, ends there.
    while let Ok(Some(packet)) = format.next_packet() {
        if packet.track_id != id {
            continue;
        }
        let decoded = match decoder.decode(&packet) {
            Ok(decoded) if decoded.frames() > 0 => decoded,
            Ok(_) | Err(SymphoniaError::DecodeError(_) | SymphoniaError::IoError(_)) => {
                bad += 1;
                if bad > MAX_BAD_PACKETS {
                    return Err(Error::Damaged);
                }
                continue;
            }
            Err(_) => break,
        };
        let (rate, channels) = (decoded.spec().rate(), decoded.num_planes());
        if !RATES.contains(&rate) || channels == 0 {
            return Err(Error::UnsupportedAudio);
        }
        decoded.copy_to_vec_interleaved(&mut interleaved);
        one.clear();
        one.extend(interleaved.chunks_exact(channels).map(mix));
        out.clear();
        let (known, filter) = resampler.get_or_insert_with(|| (rate, Resampler::new(rate, RATE)));
        if *known != rate {
            return Err(Error::UnsupportedAudio);
        }
        filter.push(&one, &mut out);
        each(&out)?;
    }
    let Some((_, filter)) = resampler else { return Err(if bad > 0 { Error::Damaged } else { Error::NoSound }) };
    out.clear();
    filter.finish(&mut out);
    each(&out)
}

/// One sample of all channels together, within what audio may be whatever the file says.
pub(super) fn mix(frame: &[f32]) -> f32 {
    let mean = frame.iter().sum::<f32>() / frame.len() as f32;
    if mean.is_finite() { mean.clamp(-1.0, 1.0) } else { 0.0 }
}

fn error(error: SymphoniaError) -> Error {
    match error {
        SymphoniaError::IoError(error) => error.into(),
        SymphoniaError::Unsupported(_) => Error::UnsupportedAudio,
        _ => Error::Damaged,
    }
}

/// A source whose length is known.
struct Source<R> {
    inner: R,
    length: u64,
}

impl<R: Seek> Source<R> {
    fn new(mut inner: R) -> Result<Self, Error> {
        let length = inner.seek(SeekFrom::End(0))?;
        inner.rewind()?;
        Ok(Self { inner, length })
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.inner.read(buffer)
    }
}

impl<R: Seek> Seek for Source<R> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.inner.seek(to)
    }
}

impl<R: Read + Seek + Send + Sync> MediaSource for Source<R> {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.length)
    }
}
