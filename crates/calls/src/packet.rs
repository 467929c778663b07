//! The anatomy of Opus packets (RFC 6716, section 3), as far as frames can be put together anew without being decoded.

use bytes::{BufMut as _, Bytes, BytesMut};

/// A packet has at most so many frames, and lasts at most so long.
const FRAMES_MAX: usize = 48;
const TENTHS_MAX: u32 = 1_200;
/// Bytes of one frame.
const FRAME_BYTES_MAX: usize = 1_275;

/// Why bytes are no packet, or packets do not go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("the packet is shorter than it says, or has bytes too many")]
    Length,
    #[error("the packet has no frames, or too many")]
    Frames,
    #[error("the packets are of different kinds")]
    Mixed,
    #[error("the packets are too long for one")]
    TooLong,
}

/// A packet, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Mode, bandwidth, the frames' duration, and whether it is stereo.
    pub configuration: u8,
    pub frames: Vec<&'a [u8]>,
}

impl<'a> Packet<'a> {
    /// All four ways to pack frames.
    pub fn parse(packet: &'a [u8]) -> Result<Self, Malformed> {
        let (&first, rest) = packet.split_first().ok_or(Malformed::Length)?;
        let configuration = first & !3;
        let frames = match first & 3 {
            0 => vec![rest],
            1 => {
                let (one, other) = rest.split_at_checked(rest.len() / 2).ok_or(Malformed::Length)?;
                if one.len() != other.len() {
                    return Err(Malformed::Length);
                }
                vec![one, other]
            }
            2 => {
                let (length, rest) = length(rest)?;
                let (one, other) = rest.split_at_checked(length).ok_or(Malformed::Length)?;
                vec![one, other]
            }
            _ => many(rest)?,
        };
        if frames.iter().any(|frame| frame.len() > FRAME_BYTES_MAX) {
            return Err(Malformed::Length);
        }
        let packet = Self { configuration, frames };
        if packet.tenths() > TENTHS_MAX { Err(Malformed::TooLong) } else { Ok(packet) }
    }

    pub fn is_stereo(&self) -> bool {
        self.configuration & 4 != 0
    }

    /// Of all its frames, in tenths of milliseconds.
    pub fn tenths(&self) -> u32 {
        tenths(self.configuration) * u32::try_from(self.frames.len()).unwrap_or(u32::MAX)
    }
}

/// Of one frame, in tenths of milliseconds.
fn tenths(configuration: u8) -> u32 {
    let size = usize::from(configuration >> 3);
    match size {
        // Linear prediction, both together, and the transform.
        0..=11 => [100, 200, 400, 600][size % 4],
        12..=15 => [100, 200][size % 2],
        _ => [25, 50, 100, 200][size % 4],
    }
}

/// Milliseconds that a packet lasts; what is no packet lasts no time.
pub fn duration_ms(packet: &[u8]) -> u32 {
    Packet::parse(packet).map_or(0, |packet| packet.tenths() / 10)
}

fn length(bytes: &[u8]) -> Result<(usize, &[u8]), Malformed> {
    match bytes {
        [short @ 0..=251, rest @ ..] => Ok((usize::from(*short), rest)),
        [first, second, rest @ ..] => Ok((usize::from(*first) + 4 * usize::from(*second), rest)),
        _ => Err(Malformed::Length),
    }
}

/// As many frames as the first byte says, of one length or of lengths of their own, with padding behind.
fn many(bytes: &[u8]) -> Result<Vec<&[u8]>, Malformed> {
    let (&head, mut rest) = bytes.split_first().ok_or(Malformed::Length)?;
    let count = usize::from(head & 0x3F);
    if count == 0 || count > FRAMES_MAX {
        return Err(Malformed::Frames);
    }
    if head & 0x40 != 0 {
        let mut padding = 0;
        loop {
            let (&more, after) = rest.split_first().ok_or(Malformed::Length)?;
            rest = after;
            padding += if more == 255 { 254 } else { usize::from(more) };
            if more != 255 {
                break;
            }
        }
        rest = rest.get(..rest.len().checked_sub(padding).ok_or(Malformed::Length)?).ok_or(Malformed::Length)?;
    }
    if head & 0x80 == 0 {
        if !rest.len().is_multiple_of(count) {
            return Err(Malformed::Length);
        }
        let each = rest.len() / count;
        return Ok(if each == 0 { vec![&rest[..0]; count] } else { rest.chunks_exact(each).collect() });
    }
    let mut lengths = Vec::with_capacity(count);
    for _ in 1..count {
        let (one, after) = length(rest)?;
        lengths.push(one);
        rest = after;
    }
    let mut frames = Vec::with_capacity(count);
    for length in lengths {
        let (frame, after) = rest.split_at_checked(length).ok_or(Malformed::Length)?;
        frames.push(frame);
        rest = after;
    }
    frames.push(rest);
    Ok(frames)
}

/// One packet of all frames of some packets of one kind.
pub fn join(packets: &[Bytes]) -> Result<Bytes, Malformed> {
    if let [one] = packets {
        Packet::parse(one)?;
        return Ok(one.clone());
    }
    let parsed = packets.iter().map(|packet| Packet::parse(packet)).collect::<Result<Vec<_>, _>>()?;
    let configuration = parsed.first().ok_or(Malformed::Frames)?.configuration;
    if parsed.iter().any(|packet| packet.configuration != configuration) {
        return Err(Malformed::Mixed);
    }
    let frames: Vec<&[u8]> = parsed.iter().flat_map(|packet| packet.frames.iter().copied()).collect();
    let count = u8::try_from(frames.len()).ok().filter(|count| usize::from(*count) <= FRAMES_MAX);
    let count = count.filter(|count| tenths(configuration) * u32::from(*count) <= TENTHS_MAX);
    let count = count.ok_or(Malformed::TooLong)?;
    let mut joined = BytesMut::with_capacity(2 + frames.iter().map(|frame| frame.len() + 2).sum::<usize>());
    joined.put_u8(configuration | 3);
    joined.put_u8(0x80 | count);
    for frame in &frames[..frames.len() - 1] {
        match u8::try_from(frame.len()) {
            Ok(short @ 0..=251) => joined.put_u8(short),
            _ => {
                let first = 252 + (frame.len() & 3);
                joined.put_u8(first as u8);
                joined.put_u8(((frame.len() - first) / 4) as u8);
            }
        }
    }
    frames.iter().for_each(|frame| joined.put_slice(frame));
    Ok(joined.freeze())
}

#[cfg(test)]
mod tests {
    use opus_pure::{Application, OpusDecoder, OpusEncoder};
    use proptest::prelude::*;

    use super::*;

    /// Packets of a tone, as a browser would send them.
    fn tones(ms: usize, bitrate: i32, application: Application, count: usize) -> Vec<Bytes> {
        let mut encoder = OpusEncoder::new(48_000, 1, application).unwrap();
        encoder.bitrate_bps = bitrate;
        let samples = 48 * ms;
        (0..count)
            .map(|at| {
                let tone: Vec<f32> = (0..samples).map(|n| ((at * samples + n) as f32 * 0.0576).sin() * 0.3).collect();
                let mut packet = vec![0; 4_000];
                let length = encoder.encode(&tone, samples, &mut packet).unwrap();
                packet.truncate(length);
                packet.into()
            })
            .collect()
    }

    fn decoded(packets: &[Bytes]) -> Vec<f32> {
        let mut decoder = OpusDecoder::new(48_000, 1).unwrap();
        let mut out = Vec::new();
        for packet in packets {
            let mut samples = vec![0.0; 5_760];
            let count = decoder.decode(packet, 5_760, &mut samples).unwrap();
            out.extend_from_slice(&samples[..count]);
        }
        out
    }

    #[test]
    fn what_was_put_together_sounds_the_same_sample_by_sample() {
        for (ms, bitrate, application) in
            [(20, 32_000, Application::Voip), (20, 128_000, Application::Audio), (10, 64_000, Application::Audio)]
        {
            // At the beginning the encoder makes up its mind.
            let apart = tones(ms, bitrate, application, 120).split_off(60);
            let together: Vec<Bytes> = apart.chunks(60 / ms).map(|some| join(some).unwrap()).collect();
            assert!(together.iter().all(|packet| duration_ms(packet) == 60));
            assert_eq!(decoded(&apart), decoded(&together));
        }
    }

    #[test]
    fn packets_of_different_kinds_do_not_go_together() {
        let narrow = tones(20, 12_000, Application::Voip, 10).pop().unwrap();
        let wide = tones(20, 128_000, Application::Audio, 10).pop().unwrap();
        assert_eq!(join(&[narrow, wide]), Err(Malformed::Mixed));
        assert_eq!(join(&[]), Err(Malformed::Frames));
        let long = tones(60, 16_000, Application::Voip, 3);
        assert_eq!(join(&long), Err(Malformed::TooLong));
    }

    #[test]
    fn all_ways_to_pack_frames_are_read() {
        let frames = |packet: &[u8]| Packet::parse(packet).map(|packet| packet.frames.len());
        assert_eq!(frames(&[0x08]), Ok(1));
        assert_eq!(frames(&[0x09, 1, 2]), Ok(2));
        assert_eq!(frames(&[0x09, 1, 2, 3]), Err(Malformed::Length));
        assert_eq!(frames(&[0x0A, 1, 2, 3]), Ok(2));
        assert_eq!(frames(&[0x0A, 9, 2]), Err(Malformed::Length));
        assert_eq!(frames(&[0x0B, 3, 1, 2, 3]), Ok(3));
        assert_eq!(frames(&[0x0B, 0x42, 2, 1, 2, 0, 0]), Ok(2));
        assert_eq!(frames(&[0x0B, 0x83, 1, 1, 7, 8, 9]), Ok(3));
        assert_eq!(frames(&[0x0B, 0]), Err(Malformed::Frames));
        assert_eq!(frames(&[]), Err(Malformed::Length));
    }

    proptest! {
        #[test]
        fn no_bytes_do_harm(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(packet) = Packet::parse(&bytes) {
                prop_assert!(!packet.frames.is_empty() && packet.tenths() <= TENTHS_MAX);
                let again = join(&[bytes.clone().into(), bytes.clone().into()]);
                if let Ok(again) = again {
                    let twice = Packet::parse(&again).unwrap().frames.len();
                    prop_assert_eq!(twice, 2 * packet.frames.len());
                }
            }
        }
    }
}
