//! What was said in a call, into a file.

use std::{
    fs::File,
    io::{self, BufWriter, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use opus_pure::{Application, MAX_PACKET_BYTES, OggOpusWriter, OpusEncoder, OpusHead};
use tokio::sync::{mpsc, oneshot};

use crate::{Frame, PACKET, RATE, SAMPLES};

/// Frames of 60 ms that wait to be written. Of what comes while a disk is slower than that, silence is written.
const WAITING_MAX: usize = 128;
/// Frames after which a file says how long it is, for those who read it after a crash: some seconds.
const SETTLED: u64 = 80;
/// Bytes before the samples of a WAV file.
const HEAD: u64 = 44;
/// Bits a second, good enough for two voices.
const BITRATE: i32 = 24_000;

/// Whose sound is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// What the other end says.
    Inbound,
    /// What it hears.
    Outbound,
    Mixed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Opus in Ogg: 3 KB a second.
    Ogg,
    /// Plain samples: 32 KB a second.
    Wav,
}

/// A file that is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    pub duration_ms: u64,
    pub bytes: u64,
    /// Of the duration, silence because the disk was too slow.
    pub missed_ms: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error("the call is being recorded already")]
    Already,
    #[error("the recording cannot be written: {0}")]
    Disk(#[from] io::Error),
    #[error("the recording cannot be encoded")]
    Codec,
}

impl Recorded {
    /// Of a file that was cut off, as far as it can be heard. It computes, and so belongs on a blocking thread.
    pub fn found(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        let mut samples = 0;
        // What is damaged at its end can be heard up to there.
        let _ = wago_media::listen(file, RATE, |some| {
            samples += some.len() as u64;
            Ok(())
        });
        Ok(Self { duration_ms: samples * 1000 / u64::from(RATE), bytes, missed_ms: 0 })
    }
}

/// One that goes on, until it is stopped or the call is over.
pub struct Recording {
    done: oneshot::Receiver<Result<Recorded, RecordError>>,
}

impl Recording {
    /// Resolves when the file is whole.
    pub async fn done(self) -> Result<Recorded, RecordError> {
        self.done.await.unwrap_or(Err(RecordError::Codec))
    }
}

enum Part {
    Frame(Box<Frame>),
    /// So many frames of it.
    Silence(u64),
}

/// The line's end of it. The file is finished when it is dropped.
pub(crate) struct Recorder {
    parts: mpsc::Sender<Part>,
    what: What,
    missed: u64,
}

impl Recorder {
    pub async fn open(what: What, format: Format, path: PathBuf) -> Result<(Self, Recording), RecordError> {
        let (parts, waiting) = mpsc::channel(WAITING_MAX);
        let (begun, first) = oneshot::channel();
        let (finished, done) = oneshot::channel();
        // It ends when the line lets go of it.
        tokio::task::spawn_blocking(move || {
            let writer = match Writer::open(format, path) {
                Ok(writer) => {
                    let _ = begun.send(Ok(()));
                    writer
                }
                Err(failed) => {
                    let _ = begun.send(Err(failed));
                    return;
                }
            };
            let written = write(writer, waiting);
            if let Err(failed) = &written {
                tracing::error!(%failed, "a call is not recorded any more");
            }
            let _ = finished.send(written);
        });
        first.await.unwrap_or(Err(RecordError::Codec))?;
        Ok((Self { parts, what, missed: 0 }, Recording { done }))
    }

    pub fn what(&self) -> What {
        self.what
    }

    pub fn record(&mut self, heard: &Frame, said: &Frame) {
        let mut frame = match self.what {
            What::Inbound => *heard,
            What::Outbound | What::Mixed => *said,
        };
        if self.what == What::Mixed {
            crate::line::mix(&mut frame, heard);
        }
        if self.missed > 0 && self.parts.try_send(Part::Silence(self.missed)).is_ok() {
            self.missed = 0;
        }
        if self.missed > 0 || self.parts.try_send(Part::Frame(Box::new(frame))).is_err() {
            self.missed += 1;
        }
    }
}

fn write(mut writer: Writer, mut parts: mpsc::Receiver<Part>) -> Result<Recorded, RecordError> {
    let (mut frames, mut missed) = (0, 0);
    while let Some(part) = parts.blocking_recv() {
        match part {
            Part::Frame(frame) => {
                writer.push(&frame)?;
                frames += 1;
            }
            Part::Silence(count) => {
                for _ in 0..count {
                    writer.push(&[0; SAMPLES])?;
                }
                frames += count;
                missed += count;
            }
        }
        if frames % SETTLED == 0 {
            writer.settle()?;
        }
    }
    let bytes = writer.finish()?;
    let ms = |frames: u64| frames * PACKET.as_millis() as u64;
    Ok(Recorded { duration_ms: ms(frames), bytes, missed_ms: ms(missed) })
}

enum Writer {
    Wav { file: BufWriter<File>, bytes: u64 },
    Ogg { file: OggOpusWriter<BufWriter<File>>, codec: Box<OpusEncoder>, packet: Vec<u8>, samples: u64 },
}

impl Writer {
    fn open(format: Format, path: PathBuf) -> Result<Self, RecordError> {
        let mut file = BufWriter::new(File::create_new(path)?);
        match format {
            Format::Wav => {
                file.write_all(&head(0))?;
                Ok(Self::Wav { file, bytes: 0 })
            }
            Format::Ogg => {
                let mut codec = OpusEncoder::new(RATE as i32, 1, Application::Voip).map_err(codec_error)?;
                codec.bitrate_bps = BITRATE;
                codec.complexity = 5;
                let head = OpusHead::for_encoder(&codec, RATE);
                let file = OggOpusWriter::new(file, head).map_err(codec_error)?;
                Ok(Self::Ogg { file, codec: Box::new(codec), packet: vec![0; MAX_PACKET_BYTES], samples: 0 })
            }
        }
    }

    fn push(&mut self, frame: &Frame) -> Result<(), RecordError> {
        match self {
            Self::Wav { file, bytes } => {
                let samples: Vec<u8> = frame.iter().flat_map(|sample| sample.to_le_bytes()).collect();
                file.write_all(&samples)?;
                *bytes += samples.len() as u64;
            }
            Self::Ogg { file, codec, packet, samples } => {
                let length = codec.encode_s16(frame, SAMPLES, packet).map_err(codec_error)?;
                file.write_packet(&packet[..length]).map_err(codec_error)?;
                *samples += SAMPLES as u64;
            }
        }
        Ok(())
    }

    /// The pages of an Ogg file say for themselves how long it is.
    fn settle(&mut self) -> Result<(), RecordError> {
        if let Self::Wav { file, bytes } = self {
            file.seek(SeekFrom::Start(0))?;
            file.write_all(&head(*bytes))?;
            file.seek(SeekFrom::End(0))?;
            file.flush()?;
        }
        Ok(())
    }

    /// How large the file is.
    fn finish(mut self) -> Result<u64, RecordError> {
        self.settle()?;
        match self {
            Self::Wav { bytes, .. } => Ok(HEAD + bytes),
            Self::Ogg { mut file, mut codec, mut packet, samples } => {
                // Silence pushes out what the encoder's delay holds back; so much of it is sound.
                let delay = codec.lookahead() as u64;
                if samples > 0 {
                    let length = codec.encode_s16(&[0; SAMPLES], SAMPLES, &mut packet).map_err(codec_error)?;
                    let left = u32::try_from(delay * 48_000 / u64::from(RATE)).unwrap_or(0);
                    file.write_packet_with_duration(&packet[..length], left).map_err(codec_error)?;
                }
                let mut file = file.finish().map_err(codec_error)?;
                file.flush()?;
                Ok(file.get_ref().metadata()?.len())
            }
        }
    }
}

fn codec_error(error: opus_pure::Error) -> RecordError {
    match error {
        opus_pure::Error::Io(error) => RecordError::Disk(error),
        _ => RecordError::Codec,
    }
}

/// Of a WAV file with one channel of so many bytes.
fn head(bytes: u64) -> [u8; HEAD as usize] {
    // Longer ones are read to their end nevertheless.
    let bytes = u32::try_from(bytes).unwrap_or(u32::MAX - 36).min(u32::MAX - 36);
    let mut head = [0; HEAD as usize];
    head[..4].copy_from_slice(b"RIFF");
    head[4..8].copy_from_slice(&(36 + bytes).to_le_bytes());
    head[8..16].copy_from_slice(b"WAVEfmt ");
    head[16..20].copy_from_slice(&16_u32.to_le_bytes());
    // PCM, one channel.
    head[20..24].copy_from_slice(&[1, 0, 1, 0]);
    head[24..28].copy_from_slice(&RATE.to_le_bytes());
    head[28..32].copy_from_slice(&(RATE * 2).to_le_bytes());
    // Bytes of all channels' sample, bits of one.
    head[32..36].copy_from_slice(&[2, 0, 16, 0]);
    head[36..40].copy_from_slice(b"data");
    head[40..].copy_from_slice(&bytes.to_le_bytes());
    head
}
