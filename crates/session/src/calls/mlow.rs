//! Meta's codec MLOW, which some clients send though Opus was negotiated: told from Opus by its packets, and interpreted
//! in builds that have the codec.
//!
//! Payload type, clock and the time of a packet are those of what was negotiated, so the engine hands these packets on as
//! they are.

#[cfg(feature = "mlow")]
mod interpreter;
mod spoken;

use bytes::Bytes;
use wago_calls::Heard;

use spoken::{Kind, Spoken};

/// What is to be done with what was heard.
pub(super) enum Ear {
    /// The line takes it: it is Opus.
    Packet(Heard),
    /// There is nothing in it that the line could take.
    Nothing,
    /// The other end speaks MLOW, and this build does not.
    #[cfg_attr(feature = "mlow", expect(dead_code, reason = "this build speaks it"))]
    Foreign,
}

/// Between the engine and the line of one call.
#[derive(Default)]
pub(super) struct Mlow {
    spoken: Spoken,
    #[cfg(feature = "mlow")]
    interpreter: interpreter::Interpreter,
}

impl Mlow {
    pub async fn hear(&mut self, heard: Heard) -> Ear {
        match self.spoken.hear(&heard) {
            Kind::Opus => Ear::Packet(heard),
            Kind::Doubtful => Ear::Nothing,
            #[cfg(feature = "mlow")]
            Kind::Mlow => match self.interpreter.hear(heard.data).await {
                Some(data) => Ear::Packet(Heard { data, ..heard }),
                None => Ear::Nothing,
            },
            #[cfg(not(feature = "mlow"))]
            Kind::Mlow => Ear::Foreign,
        }
    }

    /// What the line says, in what the other end speaks. Nothing: it cannot be said.
    pub async fn say(&mut self, packet: Bytes) -> Option<Bytes> {
        #[cfg(feature = "mlow")]
        if self.spoken.is_mlow() {
            return self.interpreter.say(packet).await;
        }
        Some(packet)
    }
}
