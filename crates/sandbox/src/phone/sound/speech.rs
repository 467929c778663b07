//! The codecs that phones speak: Opus, as it is negotiated, or MLOW, as of a client that insists on it.

use bytes::Bytes;
use opus_pure::{Application, MAX_PACKET_BYTES, OpusDecoder, OpusEncoder};

use super::{Playing, RATE, SAMPLES};
use crate::{Error, Result};

/// Bits a second of Opus.
const BITRATE: i32 = 24_000;
/// What MLOW says for silence.
const SILENCE: &[u8] = &[0x90];

/// What a phone's client speaks, and all it understands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Codec {
    #[default]
    Opus,
    /// Whatever was negotiated.
    Mlow,
}

impl Codec {
    /// Without the codec itself a phone can only play what was encoded before.
    pub fn check(self, playing: &Playing) -> Result<()> {
        if cfg!(feature = "mlow") || self == Self::Opus {
            return Ok(());
        }
        match playing {
            Playing::Silence => Ok(()),
            Playing::Tone { hz, level } if (*hz, *level) == (TONE.0, TONE.1) => Ok(()),
            _ => Err(Error::Invalid {
                field: "play",
                expected: "must be silence or tone:1000:-15: this build has no MLOW of anything else (its feature mlow has)",
            }),
        }
    }
}

/// The tone that was encoded before, in Hz and dB.
pub(super) const TONE: (f32, f32) = (1_000.0, -15.0);

/// What a phone encodes what it says with.
pub(super) enum Mouth {
    Opus(Box<OpusEncoder>),
    #[cfg(feature = "mlow")]
    Mlow(Box<wacore::voip::MlowEncoder>),
    #[cfg(not(feature = "mlow"))]
    Mlow(super::tape::Tape),
}

impl Mouth {
    pub fn new(codec: Codec) -> Option<Self> {
        Some(match codec {
            Codec::Opus => {
                let mut encoder = OpusEncoder::new(RATE as i32, 1, Application::Voip).ok()?;
                encoder.bitrate_bps = BITRATE;
                Self::Opus(Box::new(encoder))
            }
            #[cfg(feature = "mlow")]
            Codec::Mlow => Self::Mlow(Box::default()),
            #[cfg(not(feature = "mlow"))]
            Codec::Mlow => Self::Mlow(super::tape::Tape::default()),
        })
    }

    pub fn say(&mut self, samples: &[i16; SAMPLES]) -> Option<Bytes> {
        match self {
            Self::Opus(encoder) => {
                let mut packet = vec![0; MAX_PACKET_BYTES];
                let length = encoder.encode_s16(samples, SAMPLES, &mut packet).ok()?;
                packet.truncate(length);
                Some(packet.into())
            }
            Self::Mlow(_) if samples.iter().all(|sample| *sample == 0) => Some(Bytes::from_static(SILENCE)),
            #[cfg(feature = "mlow")]
            Self::Mlow(encoder) => {
                let samples = samples.map(|sample| f32::from(sample) / f32::from(i16::MAX));
                encoder.encode(&samples).ok().map(Bytes::from)
            }
            #[cfg(not(feature = "mlow"))]
            Self::Mlow(tape) => Some(tape.next()),
        }
    }
}

/// What it decodes one voice with that it hears.
pub(super) enum Ear {
    Opus(Box<OpusDecoder>),
    #[cfg(feature = "mlow")]
    Mlow(Box<wacore::voip::MlowDecoder>),
    #[cfg(not(feature = "mlow"))]
    Mlow,
}

impl Ear {
    pub fn new(codec: Codec) -> Option<Self> {
        Some(match codec {
            Codec::Opus => Self::Opus(Box::new(OpusDecoder::new(RATE as i32, 1).ok()?)),
            #[cfg(feature = "mlow")]
            Codec::Mlow => Self::Mlow(Box::default()),
            #[cfg(not(feature = "mlow"))]
            Codec::Mlow => Self::Mlow,
        })
    }

    /// A packet, or nothing where one is lost. What is of another codec is noise or silence.
    pub fn hear(&mut self, packet: Option<&[u8]>) -> Vec<i16> {
        match self {
            Self::Opus(decoder) => {
                let mut samples = vec![0; SAMPLES];
                let decoded = decoder.decode_s16(packet.unwrap_or_default(), SAMPLES, &mut samples).unwrap_or(0);
                samples.truncate(decoded);
                samples
            }
            #[cfg(feature = "mlow")]
            Self::Mlow(decoder) => {
                let decoded = decoder.decode(packet.unwrap_or_default());
                decoded.into_iter().map(|sample| (sample * f32::from(i16::MAX)) as i16).collect()
            }
            // Who has no codec hears nothing.
            #[cfg(not(feature = "mlow"))]
            Self::Mlow => vec![0; SAMPLES],
        }
    }
}
