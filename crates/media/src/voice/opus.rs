use std::io::Read;

use opus_pure::{Error as OpusError, MAX_PACKET_SAMPLES, OggOpusReader, OggPacket, Trim};

use super::RATE;
use crate::Error;

pub(super) struct Stream {
    pub(super) mono: bool,
    /// It was read to its end without an error.
    pub(super) whole: bool,
}

/// Decodes Ogg Opus of one or two channels to one.
pub(super) fn decode(source: impl Read, mut each: impl FnMut(&[f32]) -> Result<(), Error>) -> Result<Stream, Error> {
    let mut reader = OggOpusReader::new(source).map_err(error)?;
    let head = reader.head();
    // More channels are several streams beside each other.
    if head.mapping_family != 0 {
        return Err(Error::UnsupportedAudio);
    }
    let channels = usize::from(head.channel_count);
    let mut codec = head.decoder(RATE as i32).map_err(error)?;
    let mut trim = Trim::new(head, RATE as i32, channels).map_err(error)?;
    let mut packet = OggPacket::default();
    let mut samples = vec![0.0; MAX_PACKET_SAMPLES * channels];
    let mut one = Vec::with_capacity(MAX_PACKET_SAMPLES);
    let mut some = false;
    let whole = loop {
        match reader.read_packet_into(&mut packet) {
            Ok(true) => {}
            Ok(false) => break true,
            Err(OpusError::Io(error)) => match Error::from(error) {
                Error::Damaged if some => break false,
                error => return Err(error),
            },
            Err(_) if some => break false,
            Err(error_) => return Err(error(error_)),
        }
        let count = match codec.decode(&packet.data, MAX_PACKET_SAMPLES, &mut samples) {
            Ok(count) => count,
            Err(_) if some => break false,
            Err(error_) => return Err(error(error_)),
        };
        one.clear();
        let kept = trim.keep(&packet, &samples[..count * channels]);
        one.extend(kept.chunks_exact(channels).map(super::tracks::mix));
        some |= !one.is_empty();
        each(&one)?;
    };
    Ok(Stream { mono: channels == 1, whole })
}

fn error(error: OpusError) -> Error {
    match error {
        OpusError::Io(error) => error.into(),
        _ => Error::Damaged,
    }
}
