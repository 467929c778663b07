//! The responder's side of WhatsApp's Noise handshakes: XX, IK, and XX-fallback from an IK hello that was meant for
//! another key.

use buffa::{Message as _, MessageField};
use rand::{SeedableRng as _, rngs::StdRng};
use wacore_binary::consts::{NOISE_PATTERN_IK, NOISE_PATTERN_XX, NOISE_PATTERN_XXFALLBACK, WA_CONN_HEADER};
use wacore_libsignal::protocol::KeyPair;
use wacore_noise::{NoiseCipher, NoiseHandshake};
use waproto::whatsapp::{self as wa, HandshakeMessage, handshake_message::ServerHello};

use super::certificate::{Identity, public};

#[cfg(test)]
mod tests;

/// What a handshake yields.
pub(crate) struct Secured {
    pub read: NoiseCipher,
    pub write: NoiseCipher,
    /// The client's Noise key: what a linked device is known by.
    pub client: [u8; 32],
    pub payload: wa::ClientPayload,
}

/// A step's outcome: bytes to send, and either the end or a wait for the client's next message.
pub(crate) enum Answer {
    Done { reply: Vec<u8>, secured: Box<Secured> },
    Finish { reply: Vec<u8>, pending: Box<Pending> },
}

/// XX and XX-fallback wait for the client's static key and payload.
pub(crate) struct Pending {
    noise: NoiseHandshake,
    ephemeral: KeyPair,
}

#[derive(Debug, thiserror::Error)]
#[error("the handshake failed: {0}")]
pub(crate) struct HandshakeFailed(String);

fn failed(error: impl std::fmt::Display) -> HandshakeFailed {
    HandshakeFailed(error.to_string())
}

pub(crate) fn answer_hello(identity: &Identity, frame: &[u8]) -> Result<Answer, HandshakeFailed> {
    let hello = HandshakeMessage::decode_from_slice(frame)
        .map_err(failed)?
        .client_hello
        .into_option()
        .ok_or_else(|| failed("the first message is no client hello"))?;
    let client_ephemeral: [u8; 32] = hello
        .ephemeral
        .and_then(|key| key.try_into().ok())
        .ok_or_else(|| failed("the ephemeral key is not 32 bytes"))?;
    match (hello.r#static, hello.payload) {
        (Some(sealed_key), Some(sealed_payload)) => {
            match answer_ik(identity, &client_ephemeral, &sealed_key, &sealed_payload) {
                Ok(answer) => Ok(answer),
                // The client knew another key than ours: it is told so by an answer that proves the right one.
                Err(_) => answer_xx(identity, NOISE_PATTERN_XXFALLBACK, &client_ephemeral),
            }
        }
        _ => answer_xx(identity, NOISE_PATTERN_XX, &client_ephemeral),
    }
}

fn answer_ik(
    identity: &Identity,
    client_ephemeral: &[u8; 32],
    sealed_key: &[u8],
    sealed_payload: &[u8],
) -> Result<Answer, HandshakeFailed> {
    let own = identity.private_key().serialize();
    let mut noise = NoiseHandshake::new(NOISE_PATTERN_IK, &WA_CONN_HEADER).map_err(failed)?;
    noise.authenticate(&identity.public_key());
    noise.authenticate(client_ephemeral);
    noise.mix_shared_secret(own.as_slice(), client_ephemeral).map_err(failed)?;
    let client: [u8; 32] =
        noise.decrypt(sealed_key).map_err(failed)?.try_into().map_err(|_| failed("the static key is not 32 bytes"))?;
    noise.mix_shared_secret(own.as_slice(), &client).map_err(failed)?;
    let payload = noise.decrypt(sealed_payload).map_err(failed)?;

    let ephemeral = fresh();
    noise.authenticate(&public(&ephemeral));
    noise.mix_shared_secret(ephemeral.private_key.serialize().as_slice(), client_ephemeral).map_err(failed)?;
    noise.mix_shared_secret(ephemeral.private_key.serialize().as_slice(), &client).map_err(failed)?;
    let chain = noise.encrypt(identity.chain()).map_err(failed)?;
    let reply = server_hello(&ephemeral, None, chain);
    Ok(Answer::Done { reply, secured: Box::new(secured(noise, client, &payload)?) })
}

fn answer_xx(identity: &Identity, pattern: &str, client_ephemeral: &[u8; 32]) -> Result<Answer, HandshakeFailed> {
    let ephemeral = fresh();
    let mut noise = NoiseHandshake::new(pattern, &WA_CONN_HEADER).map_err(failed)?;
    noise.authenticate(client_ephemeral);
    noise.authenticate(&public(&ephemeral));
    noise.mix_shared_secret(ephemeral.private_key.serialize().as_slice(), client_ephemeral).map_err(failed)?;
    let key = noise.encrypt(&identity.public_key()).map_err(failed)?;
    noise.mix_shared_secret(identity.private_key().serialize().as_slice(), client_ephemeral).map_err(failed)?;
    let chain = noise.encrypt(identity.chain()).map_err(failed)?;
    let reply = server_hello(&ephemeral, Some(key), chain);
    Ok(Answer::Finish { reply, pending: Box::new(Pending { noise, ephemeral }) })
}

impl Pending {
    pub fn finish(mut self, frame: &[u8]) -> Result<Secured, HandshakeFailed> {
        let finish = HandshakeMessage::decode_from_slice(frame)
            .map_err(failed)?
            .client_finish
            .into_option()
            .ok_or_else(|| failed("the second message is no client finish"))?;
        let sealed_key = finish.r#static.ok_or_else(|| failed("the client finish has no key"))?;
        let client: [u8; 32] = self
            .noise
            .decrypt(&sealed_key)
            .map_err(failed)?
            .try_into()
            .map_err(|_| failed("the static key is not 32 bytes"))?;
        self.noise.mix_shared_secret(self.ephemeral.private_key.serialize().as_slice(), &client).map_err(failed)?;
        let payload = self
            .noise
            .decrypt(&finish.payload.ok_or_else(|| failed("the client finish has no payload"))?)
            .map_err(failed)?;
        secured(self.noise, client, &payload)
    }
}

fn fresh() -> KeyPair {
    KeyPair::generate(&mut StdRng::from_rng(&mut rand::rng()))
}

fn server_hello(ephemeral: &KeyPair, key: Option<Vec<u8>>, payload: Vec<u8>) -> Vec<u8> {
    HandshakeMessage {
        server_hello: MessageField::some(ServerHello {
            ephemeral: Some(public(ephemeral).to_vec()),
            r#static: key,
            payload: Some(payload),
            ..Default::default()
        }),
        ..Default::default()
    }
    .encode_to_vec()
}

fn secured(noise: NoiseHandshake, client: [u8; 32], payload: &[u8]) -> Result<Secured, HandshakeFailed> {
    let payload = wa::ClientPayload::decode_from_slice(payload).map_err(failed)?;
    // The initiator writes with the first half of what the responder reads with.
    let (read, write) = noise.finish().map_err(failed)?;
    Ok(Secured { read, write, client, payload })
}
