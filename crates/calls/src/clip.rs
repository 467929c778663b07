//! A file as something to say: decoded while it is played, so that a long one needs no more memory than a short one.

use std::{
    fs::File,
    io::{self, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use tokio::sync::{mpsc, oneshot};

use crate::{Frame, RATE, SAMPLES};

/// Frames of 60 ms that are decoded ahead.
const AHEAD: usize = 32;

/// Why a file is not played.
#[derive(Debug, thiserror::Error)]
pub enum ClipError {
    #[error("there is no such file")]
    Missing,
    #[error("the file cannot be read: {0}")]
    Unreadable(io::Error),
    #[error("the file is not audio that can be played: WAV, MP3, M4A, AAC, FLAC, Ogg Vorbis and Ogg Opus can")]
    NotAudio,
}

/// Whether a file can be played, as far as its beginning tells.
pub async fn check(path: PathBuf) -> Result<(), ClipError> {
    Clip::open(path, false).await.map(drop)
}

/// A file that is being played.
pub(crate) struct Clip {
    frames: mpsc::Receiver<Frame>,
    looped: Arc<AtomicBool>,
}

/// What a clip has to say now.
pub(crate) enum Said {
    Frame(Box<Frame>),
    /// The disk is slow.
    Waits,
    Over,
}

impl Clip {
    /// Returns once the first of it was decoded.
    pub async fn open(path: PathBuf, looped: bool) -> Result<Self, ClipError> {
        let (sender, frames) = mpsc::channel(AHEAD);
        let (begun, first) = oneshot::channel();
        let looped = Arc::new(AtomicBool::new(looped));
        let again = looped.clone();
        // It ends when nobody takes its frames any more.
        tokio::task::spawn_blocking(move || {
            let mut player = Player { sender, begun: Some(begun), frame: [0; SAMPLES], filled: 0 };
            let mut file = match opened(&path) {
                Ok(file) => file,
                Err(failed) => return player.fail(failed),
            };
            loop {
                if let Err(failed) = player.play(&mut file) {
                    return player.fail(failed);
                }
                if !again.load(Relaxed) || player.sender.is_closed() {
                    player.end();
                    return;
                }
            }
        });
        match first.await {
            Ok(Ok(())) => Ok(Self { frames, looped }),
            Ok(Err(failed)) => Err(failed),
            Err(_) => Err(ClipError::NotAudio),
        }
    }

    pub fn is_looped(&self) -> bool {
        self.looped.load(Relaxed)
    }

    /// The next frame is there, or there is none.
    #[cfg(test)]
    pub fn is_ready(&self) -> bool {
        !self.frames.is_empty() || self.frames.is_closed()
    }

    pub fn next(&mut self) -> Said {
        match self.frames.try_recv() {
            Ok(frame) => Said::Frame(Box::new(frame)),
            Err(mpsc::error::TryRecvError::Empty) => Said::Waits,
            Err(mpsc::error::TryRecvError::Disconnected) => Said::Over,
        }
    }
}

/// Its name may be gone, or be another file's, when it is played again.
fn opened(path: &Path) -> Result<File, ClipError> {
    File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => ClipError::Missing,
        _ => ClipError::Unreadable(error),
    })
}

struct Player {
    sender: mpsc::Sender<Frame>,
    begun: Option<oneshot::Sender<Result<(), ClipError>>>,
    frame: Frame,
    filled: usize,
}

impl Player {
    /// Once, from its beginning to its end.
    fn play(&mut self, file: &mut File) -> Result<(), ClipError> {
        file.seek(SeekFrom::Start(0)).map_err(ClipError::Unreadable)?;
        let file = file.try_clone().map_err(ClipError::Unreadable)?;
        let mut some = false;
        let played = wago_media::listen(file, RATE, |samples| {
            some |= !samples.is_empty();
            // What ends the reading early is no error here.
            self.push(samples).map_err(|()| wago_media::Error::Damaged)
        });
        match played {
            Ok(()) if some => Ok(()),
            Err(_) if self.sender.is_closed() => Ok(()),
            Ok(()) | Err(_) => Err(ClipError::NotAudio),
        }
    }

    fn push(&mut self, samples: &[f32]) -> Result<(), ()> {
        for sample in samples {
            self.frame[self.filled] = (sample * f32::from(i16::MAX)) as i16;
            self.filled += 1;
            if self.filled == SAMPLES {
                self.send()?;
            }
        }
        Ok(())
    }

    fn send(&mut self) -> Result<(), ()> {
        self.filled = 0;
        if let Some(begun) = self.begun.take() {
            let _ = begun.send(Ok(()));
        }
        self.sender.blocking_send(self.frame).map_err(|_| ())
    }

    /// What is left is heard with silence behind it.
    fn end(&mut self) {
        if self.filled > 0 {
            self.frame[self.filled..].fill(0);
            let _ = self.send();
        }
    }

    fn fail(&mut self, failed: ClipError) {
        match self.begun.take() {
            Some(begun) => {
                let _ = begun.send(Err(failed));
            }
            None => tracing::warn!(%failed, "a file that was played could not be read to its end"),
        }
    }
}
