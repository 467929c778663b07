//! The phone's half of linking with a passkey.
//!
//! The companion commits itself to a nonce before it sees the phone's key, so that neither can choose what the code will
//! be that both show. Whoever agrees that the codes are the same hands the phone what it signs, sealed for it alone.

use buffa::Message as _;
use rand::RngExt as _;
use wacore::shortcake::ShortcakeUtils;
use wacore_libsignal::{crypto::aes_256_gcm_decrypt, protocol::KeyPair};
use waproto::whatsapp::{self as wa, device_props::PlatformType};

/// What the phone remembers between the companion's prologue and its request.
pub struct Exchange {
    ephemeral: KeyPair,
    nonce: [u8; 32],
    companion: [u8; 32],
    /// As the companion wrote it.
    identity: Vec<u8>,
    commitment: Vec<u8>,
    device_type: PlatformType,
    reference: String,
}

/// What the companion's request holds.
pub struct Opened {
    pub noise: [u8; 32],
    pub identity: [u8; 32],
    pub secret: [u8; 32],
}

/// Reads a companion's prologue. `None` if it is not whole, or is about another reference.
pub fn answer(prologue: &[u8], reference: &str) -> Option<Exchange> {
    let prologue = wa::ProloguePayload::decode_from_slice(prologue).ok()?;
    let identity = prologue.companion_ephemeral_identity?;
    let commitment = prologue.commitment.into_option()?.hash.filter(|hash| hash.len() == 32)?;
    let companion = wa::CompanionEphemeralIdentity::decode_from_slice(&identity).ok()?;
    (companion.r#ref.as_deref() == Some(reference)).then_some(())?;
    Some(Exchange {
        ephemeral: KeyPair::generate(&mut rand::rng()),
        nonce: rand::rng().random(),
        companion: companion.public_key?.try_into().ok()?,
        device_type: companion.device_type?,
        reference: reference.to_owned(),
        identity,
        commitment,
    })
}

impl Exchange {
    /// What goes to the companion.
    pub fn hello(&self) -> Vec<u8> {
        let identity = wa::PrimaryEphemeralIdentity {
            public_key: Some(self.ephemeral.public_key.public_key_bytes().to_vec()),
            nonce: Some(self.nonce.to_vec()),
        };
        identity.encode_to_vec()
    }

    /// What the phone shows; `None` if the companion had committed itself to another nonce.
    pub fn code(&self, companion_nonce: &[u8]) -> Option<String> {
        let nonce: &[u8; 32] = companion_nonce.try_into().ok()?;
        (ShortcakeUtils::commitment_hash(&self.identity, nonce) == self.commitment.as_slice()).then_some(())?;
        let own: &[u8; 32] = self.ephemeral.public_key.public_key_bytes().try_into().ok()?;
        let code = ShortcakeUtils::derive_verification_code(nonce, own, &self.nonce);
        let (first, second) = code.split_at_checked(4)?;
        Some(format!("{first}-{second}"))
    }

    /// `None`: it was sealed for another.
    pub fn open(&self, request: &[u8]) -> Option<Opened> {
        let request = wa::EncryptedPairingRequest::decode_from_slice(request).ok()?;
        let (sealed, iv) = (request.encrypted_payload?, request.iv?);
        let key =
            ShortcakeUtils::derive_encryption_key(&self.ephemeral, &self.companion, self.device_type, &self.reference)
                .ok()?;
        let mut opened = Vec::new();
        aes_256_gcm_decrypt(&key, &<[u8; 12]>::try_from(iv).ok()?, b"", &sealed, &mut opened).ok()?;
        let request = wa::PairingRequest::decode_from_slice(&opened).ok()?;
        Some(Opened {
            noise: request.companion_public_key?.try_into().ok()?,
            identity: request.companion_identity_key?.try_into().ok()?,
            secret: request.adv_secret?.try_into().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFERENCE: &str = "2@reference";

    /// A companion's keys, its nonce, and its prologue.
    fn companion() -> (KeyPair, [u8; 32], Vec<u8>) {
        let pair = ShortcakeUtils::generate_companion_ephemeral_keypair();
        let nonce = ShortcakeUtils::generate_companion_nonce();
        let key: [u8; 32] = pair.public_key.public_key_bytes().try_into().unwrap();
        let identity = ShortcakeUtils::build_companion_ephemeral_identity(&key, PlatformType::DESKTOP, REFERENCE);
        let commitment = ShortcakeUtils::commitment_hash(&identity, &nonce);
        (pair, nonce, ShortcakeUtils::build_prologue_payload(&identity, &commitment))
    }

    #[test]
    fn both_show_one_code_and_the_request_opens() {
        let (pair, nonce, prologue) = companion();
        let exchange = answer(&prologue, REFERENCE).unwrap();
        let told = ShortcakeUtils::parse_primary_ephemeral_identity(&exchange.hello()).unwrap();
        let code = ShortcakeUtils::derive_verification_code(&nonce, &told.public_key, &told.nonce);
        assert_eq!(exchange.code(&nonce).unwrap().replace('-', ""), code);
        assert_eq!(exchange.code(&[0; 32]), None, "it had committed itself to another");

        let seal = |key: &[u8; 32]| {
            let request = ShortcakeUtils::build_pairing_request(&[1; 32], &[2; 32], &[3; 32]);
            let sealed = ShortcakeUtils::encrypt_pairing_request(&request, key).unwrap();
            ShortcakeUtils::build_encrypted_pairing_request(&sealed)
        };
        let shared = |reference| {
            ShortcakeUtils::derive_encryption_key(&pair, &told.public_key, PlatformType::DESKTOP, reference).unwrap()
        };
        let opened = exchange.open(&seal(&shared(REFERENCE))).unwrap();
        assert_eq!((opened.noise, opened.identity, opened.secret), ([1; 32], [2; 32], [3; 32]));
        assert!(exchange.open(&seal(&shared("2@another"))).is_none());
        assert!(exchange.open(b"nonsense").is_none());
    }

    #[test]
    fn a_prologue_is_whole_and_about_what_was_given() {
        let (.., prologue) = companion();
        assert!(answer(&prologue, "2@another").is_none());
        assert!(answer(b"nonsense", REFERENCE).is_none());
        assert!(answer(b"", REFERENCE).is_none());
    }
}
