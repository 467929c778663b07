//! Plain samples, for programs that speak and listen.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, mpsc};

use crate::{Frame, RATE, SAMPLES};

/// What may wait to be said: a minute. What is more is refused.
const WAITING_MAX: usize = RATE as usize * 60;
/// Frames of 60 ms that wait to be taken: whoever is further behind misses some.
const HEARD_MAX: usize = 64;

/// How much waits to be said, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level(pub u32);

/// So many milliseconds more than [`Stream::say`] takes at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than a minute of sound would wait to be said: wait for the level to fall, or clear it")]
pub struct TooFull;

/// A program's end of a call. The call goes on without it when it is dropped.
pub struct Stream {
    shared: Arc<Shared>,
    heard: mpsc::Receiver<Frame>,
}

/// The line's end of it.
pub(crate) struct Port {
    shared: Arc<Shared>,
    heard: mpsc::Sender<Frame>,
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<VecDeque<i16>>,
    /// All was said.
    dry: Notify,
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, VecDeque<i16>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn level(samples: usize) -> Level {
    Level(u32::try_from(samples * 1000 / RATE as usize).unwrap_or(u32::MAX))
}

pub(crate) fn open() -> (Stream, Port) {
    let shared = Arc::<Shared>::default();
    let (sender, heard) = mpsc::channel(HEARD_MAX);
    (Stream { shared: shared.clone(), heard }, Port { shared, heard: sender })
}

impl Stream {
    /// The next 60 ms of what WhatsApp says; `None` when the call is over.
    pub async fn hear(&mut self) -> Option<Frame> {
        self.heard.recv().await
    }

    /// To be said behind what waits already: all of it, or nothing.
    pub fn say(&self, samples: &[i16]) -> Result<Level, TooFull> {
        let mut waiting = self.shared.waiting();
        if waiting.len() + samples.len() > WAITING_MAX {
            return Err(TooFull);
        }
        waiting.extend(samples);
        Ok(level(waiting.len()))
    }

    /// What waits is not said: somebody interrupted.
    pub fn clear(&self) -> Level {
        let mut waiting = self.shared.waiting();
        let was = level(waiting.len());
        waiting.clear();
        was
    }

    pub fn level(&self) -> Level {
        level(self.shared.waiting().len())
    }

    /// Resolves each time when all was said that waited.
    pub fn dry(&self) -> impl Future<Output = ()> + use<> {
        let shared = self.shared.clone();
        async move { shared.dry.notified().await }
    }
}

impl Port {
    pub fn is_open(&self) -> bool {
        !self.heard.is_closed()
    }

    pub fn hear(&self, frame: &Frame) {
        // Who does not take it misses it.
        let _ = self.heard.try_send(*frame);
    }

    /// `None`: nothing waits.
    pub fn next(&self) -> Option<Frame> {
        let mut waiting = self.shared.waiting();
        if waiting.is_empty() {
            return None;
        }
        let mut frame = [0; SAMPLES];
        let count = waiting.len().min(SAMPLES);
        for (slot, sample) in frame.iter_mut().zip(waiting.drain(..count)) {
            *slot = sample;
        }
        if waiting.is_empty() {
            self.shared.dry.notify_one();
        }
        Some(frame)
    }
}
