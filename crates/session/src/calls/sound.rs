//! The sound of one call, between the engine and the line.

use bytes::Bytes;
use tokio::sync::mpsc;
use wacore::voip::{AudioFormat, EncodedAudioFrame};
use wago_calls::{Heard, Trunk};
use whatsapp_rust::async_channel;

/// Packets of 60 ms on their way between the engine and the line; what comes beyond it is dropped, as it would be late.
const PACKETS_MAX: usize = 32;

/// What is negotiated: native Opus.
pub(super) const FORMAT: AudioFormat = AudioFormat::OPUS_16KHZ_60MS;

/// A call's packets between the engine and the line.
pub(super) struct Sound {
    pub trunk: Trunk,
    /// To be run for as long as the call goes on.
    pub carry: std::pin::Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// The engine's ends of it.
pub(super) struct Audio {
    pub said: async_channel::Receiver<Bytes>,
    pub heard: async_channel::Sender<EncodedAudioFrame>,
}

impl Sound {
    pub fn new() -> (Self, Audio) {
        let (say, said) = async_channel::bounded(PACKETS_MAX);
        let (heard, hear) = async_channel::bounded::<EncodedAudioFrame>(PACKETS_MAX);
        let (to_line, line_hears) = mpsc::channel(PACKETS_MAX);
        let (line_says, mut from_line) = mpsc::channel::<Bytes>(PACKETS_MAX);
        let carry = Box::pin(async move {
            loop {
                tokio::select! {
                    frame = hear.recv() => match frame {
                        Ok(frame) => {
                            let EncodedAudioFrame { data, sequence_number: sequence, timestamp, .. } = frame;
                            // What finds no place is lost.
                            if let Err(mpsc::error::TrySendError::Closed(_)) =
                                to_line.try_send(Heard { data, sequence, timestamp })
                            {
                                return;
                            }
                        }
                        Err(_) => return,
                    },
                    packet = from_line.recv() => match packet {
                        Some(packet) => {
                            if let Err(async_channel::TrySendError::Closed(_)) = say.try_send(packet) {
                                return;
                            }
                        }
                        None => return,
                    },
                }
            }
        });
        let trunk = Trunk { clock: FORMAT.rtp_clock_rate, heard: line_hears, said: line_says };
        (Self { trunk, carry }, Audio { said, heard })
    }
}
