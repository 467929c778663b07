//! The sound of one call, between the engine and the line.

use std::collections::BTreeMap;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wacore::voip::{AudioFormat, EncodedAudioFrame};
use wago_calls::{Heard, Trunk};
use whatsapp_rust::async_channel;

use super::{
    mlow::{Ear, Mlow},
    speakers::{ALONE, Speakers},
};

/// Packets of 60 ms on their way between the engine and the line; what comes beyond it is dropped, as it would be late.
const PACKETS_MAX: usize = 32;

/// What is negotiated: native Opus.
pub(super) const FORMAT: AudioFormat = AudioFormat::OPUS_16KHZ_60MS;

/// A call's packets between the engine and the line.
pub(super) struct Sound {
    pub trunk: Trunk,
    /// The other end speaks a codec that this build has not.
    pub foreign: CancellationToken,
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
        let foreign = CancellationToken::new();
        let strange = foreign.clone();
        let carry = Box::pin(async move {
            let mut speakers = Speakers::default();
            // Of each speaker; who is alone is answered in the codec that they speak.
            let mut ears: BTreeMap<u8, Mlow> = BTreeMap::new();
            loop {
                tokio::select! {
                    frame = hear.recv() => match frame {
                        Ok(frame) => {
                            let EncodedAudioFrame { data, sequence_number: sequence, timestamp, device, .. } = frame;
                            let speaker = speakers.number(device.as_ref());
                            let ear = ears.entry(speaker).or_default();
                            match ear.hear(Heard { speaker, data, sequence, timestamp }).await {
                                // What finds no place is lost.
                                Ear::Packet(heard) => {
                                    if let Err(mpsc::error::TrySendError::Closed(_)) = to_line.try_send(heard) {
                                        return;
                                    }
                                }
                                // One of many who speaks a foreign codec is not heard, and the others go on.
                                Ear::Foreign if speaker == ALONE => strange.cancel(),
                                Ear::Foreign | Ear::Nothing => {}
                            }
                        }
                        Err(_) => return,
                    },
                    packet = from_line.recv() => match packet {
                        Some(packet) => {
                            let packet = match ears.get_mut(&ALONE).filter(|_| speakers.is_alone()) {
                                Some(alone) => alone.say(packet).await,
                                None => Some(packet),
                            };
                            if let Some(packet) = packet
                                && let Err(async_channel::TrySendError::Closed(_)) = say.try_send(packet)
                            {
                                return;
                            }
                        }
                        None => return,
                    },
                }
            }
        });
        let trunk = Trunk { clock: FORMAT.rtp_clock_rate, heard: line_hears, said: line_says };
        (Self { trunk, foreign, carry }, Audio { said, heard })
    }
}
