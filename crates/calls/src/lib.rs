//! Calls as sound and picture: the line of a call, and the legs that are joined to it.
//!
//! Nothing here knows WhatsApp or HTTP. The WhatsApp leg comes as a [`Trunk`], and so does a browser's.

mod clip;
pub mod codec;
mod folder;
mod jitter;
mod keys;
mod line;
pub mod packet;
pub mod picture;
mod recorder;
mod stream;
pub mod turn;
mod voices;
pub mod webrtc;

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;

pub use clip::{ClipError, check};
pub use folder::{AudioFolder, FolderError};
pub use line::{Line, LineStats, Played, Playing};
pub use recorder::{Format, RecordError, Recorded, Recording, What};
pub use stream::{Level, Stream, TooFull};
pub use voices::SPEAKERS_MAX;

/// Samples a second of sound that is not encoded, which is mono everywhere.
pub const RATE: u32 = 16_000;
/// What one packet to WhatsApp lasts.
pub const PACKET: Duration = Duration::from_millis(60);
/// Samples in one [`PACKET`] at [`RATE`].
pub const SAMPLES: usize = 960;

/// [`SAMPLES`] of sound.
pub type Frame = [i16; SAMPLES];

/// One leg's sound as it travels: Opus packets in both directions, seen from the line.
pub struct Trunk {
    /// Samples a second by which `heard` counts its time: 16,000 of WhatsApp's legs, 48,000 of browsers'.
    pub clock: u32,
    /// What the other end says, as it comes from the network: some may be lost, late, twice or out of order. Closed
    /// when the leg has ended.
    pub heard: mpsc::Receiver<Heard>,
    /// What it is to hear: Opus packets of 60 ms, one every 60 ms. A full queue means that the packet is dropped.
    pub said: mpsc::Sender<Bytes>,
}

/// A packet of what the other end says.
#[derive(Clone, Debug)]
pub struct Heard {
    /// Who says it, of those at the other end: a small number, 0 where there is only one.
    pub speaker: u8,
    pub data: Bytes,
    /// RTP's: both wrap around.
    pub sequence: u16,
    pub timestamp: u32,
}
