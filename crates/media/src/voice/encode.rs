use std::io::Write;

use opus_pure::{Application, MAX_PACKET_BYTES, OggOpusWriter, OpusEncoder, OpusHead, RateControl};

use super::RATE;
use crate::Error;

/// About what WhatsApp's clients use for a voice note and twice, since this may be music, in bits a second.
const BITRATE: i32 = 32_000;

/// 20 ms.
const FRAME: usize = RATE as usize / 50;

/// Bytes of audio in a page, about a second.
const PAGE: usize = 4096;

/// Encodes one channel at [`RATE`].
pub(super) struct Encoder<W: Write> {
    codec: OpusEncoder,
    file: OggOpusWriter<W>,
    /// Samples that are less than a frame.
    waiting: Vec<f32>,
    packet: Vec<u8>,
    /// The granule that the file must end with: all samples, and the encoder's delay before them.
    end: u64,
}

impl<W: Write> Encoder<W> {
    pub(super) fn new(sink: W) -> Result<Self, Error> {
        // Audio, not VoIP: the latter takes away what a voice does not need, and this may be music.
        let mut codec = OpusEncoder::new(RATE as i32, 1, Application::Audio).map_err(error)?;
        codec.bitrate_bps = BITRATE;
        codec.rate_control = RateControl::ConstrainedVbr;
        let head = OpusHead::for_encoder(&codec, RATE);
        let end = head.pre_skip.into();
        let mut file = OggOpusWriter::new(sink, head).map_err(error)?;
        file.set_page_target(PAGE);
        Ok(Self { codec, file, waiting: Vec::with_capacity(FRAME), packet: vec![0; MAX_PACKET_BYTES], end })
    }

    pub(super) fn push(&mut self, mut samples: &[f32]) -> Result<(), Error> {
        self.end += samples.len() as u64;
        while self.waiting.len() + samples.len() >= FRAME {
            let (now, later) = samples.split_at(FRAME - self.waiting.len());
            self.waiting.extend_from_slice(now);
            samples = later;
            let packet = self.frame()?;
            self.file.write_packet(&self.packet[..packet]).map_err(error)?;
        }
        self.waiting.extend_from_slice(samples);
        Ok(())
    }

    /// Encodes what waits, and says how long the packet is.
    fn frame(&mut self) -> Result<usize, Error> {
        let length = self.codec.encode(&self.waiting, FRAME, &mut self.packet).map_err(error)?;
        self.waiting.clear();
        Ok(length)
    }

    /// Ends the file exactly where the audio ends.
    pub(super) fn finish(mut self) -> Result<(), Error> {
        loop {
            // Silence pushes out what the encoder's delay holds back.
            self.waiting.resize(FRAME, 0.0);
            let packet = self.frame()?;
            let left = self.end - self.file.granule() as u64;
            if left <= FRAME as u64 {
                self.file.write_packet_with_duration(&self.packet[..packet], left as u32).map_err(error)?;
                self.file.finish().map_err(error)?.flush()?;
                return Ok(());
            }
            self.file.write_packet(&self.packet[..packet]).map_err(error)?;
        }
    }
}

fn error(error: opus_pure::Error) -> Error {
    match error {
        opus_pure::Error::Io(error) => error.into(),
        // All sizes and settings that are passed are ones that Opus has.
        _ => Error::Damaged,
    }
}
