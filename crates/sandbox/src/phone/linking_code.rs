//! The phone's half of linking by an eight-character code.
//!
//! Both sides stretch the code into a key and seal an ephemeral public key with it. A wrong code opens to the wrong
//! ephemeral key, so that the companion's bundle, sealed with the shared secret, does not open.

use wacore::pair_code::PairCodeUtils;
use wacore_libsignal::{
    crypto::aes_256_gcm_decrypt,
    protocol::{KeyPair, PublicKey},
};

use super::keys::Keys;

/// What the phone remembers between its answer and the companion's.
pub struct Exchange {
    /// The phone's ephemeral key, sealed with the code: goes to the companion.
    pub sealed: [u8; 80],
    ephemeral: KeyPair,
    companion: PublicKey,
}

/// What the companion's bundle holds.
pub struct Opened {
    pub identity: [u8; 32],
    pub secret: [u8; 32],
}

/// A code as typed: case, spaces and the dash do not matter. `None`: it cannot be a code.
pub fn tidy(code: &str) -> Option<String> {
    let code: String =
        code.chars().filter(|c| !c.is_whitespace() && *c != '-').map(|c| c.to_ascii_uppercase()).collect();
    PairCodeUtils::validate_code(&code).then_some(code)
}

/// Answers a device that asked; `sealed` is its ephemeral key. Stretches the code twice, which takes a noticeable fraction of a second: call it where blocking
/// is allowed. `None`: the code cannot be right.
pub fn answer(sealed: &[u8], code: &str) -> Option<Exchange> {
    let companion = PairCodeUtils::decrypt_primary_ephemeral_pub(sealed, code).ok()?;
    let ephemeral = KeyPair::generate(&mut rand::rng());
    let public: [u8; 32] = ephemeral.public_key.public_key_bytes().try_into().ok()?;
    Some(Exchange {
        sealed: PairCodeUtils::encrypt_ephemeral_pub(&public, code),
        companion: PublicKey::from_djb_public_key_bytes(&companion).ok()?,
        ephemeral,
    })
}

impl Exchange {
    /// Opens the companion's bundle: salt, nonce, and sealed identities with a random part. `None`: wrong code.
    pub fn open(&self, keys: &Keys, bundle: &[u8], companion_identity: &[u8]) -> Option<Opened> {
        let (salt, rest) = bundle.split_first_chunk::<32>()?;
        let (nonce, sealed) = rest.split_first_chunk::<12>()?;
        let shared = self.ephemeral.private_key.calculate_agreement(&self.companion).ok()?;
        let mut key = [0; 32];
        let purpose = b"link_code_pairing_key_bundle_encryption_key";
        wacore::crypto::hkdf_sha256_into(&shared, Some(salt), purpose, &mut key).ok()?;
        let mut opened = Vec::with_capacity(96);
        aes_256_gcm_decrypt(&key, nonce, b"", sealed, &mut opened).ok()?;

        let (identity, rest) = opened.split_first_chunk::<32>()?;
        let (primary, random) = rest.split_first_chunk::<32>()?;
        if identity != companion_identity || *primary != keys.public() || random.len() != 32 {
            return None;
        }
        let companion = PublicKey::from_djb_public_key_bytes(identity).ok()?;
        let between = keys.identity.private_key.calculate_agreement(&companion).ok()?;
        let mut secret = [0; 32];
        let parts = [shared.as_slice(), between.as_slice(), random].concat();
        wacore::crypto::hkdf_sha256_into(&parts, None, b"adv_secret", &mut secret).ok()?;
        Some(Opened { identity: *identity, secret })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A companion's side, as the client library does it; returns what the phone makes of its bundle.
    fn exchange(typed: &str) -> (Option<Opened>, [u8; 32]) {
        let keys = Keys::generate(0);
        let mut rng = rand::rng();
        let (ephemeral, identity) = (KeyPair::generate(&mut rng), KeyPair::generate(&mut rng));
        let public = |pair: &KeyPair| -> [u8; 32] { pair.public_key.public_key_bytes().try_into().expect("32 bytes") };
        let sealed = PairCodeUtils::encrypt_ephemeral_pub(&public(&ephemeral), "ABCD1234");
        let exchange = answer(&sealed, typed).expect("an answer");
        let primary = PairCodeUtils::decrypt_primary_ephemeral_pub(&exchange.sealed, "ABCD1234").expect("80 bytes");
        let (bundle, secret) =
            PairCodeUtils::prepare_key_bundle(&ephemeral, &primary, &keys.public(), &identity).expect("a bundle");
        (exchange.open(&keys, &bundle, &public(&identity)), secret)
    }

    #[test]
    fn the_right_code_gives_both_sides_one_secret() {
        let (opened, secret) = exchange("ABCD1234");
        assert_eq!(opened.expect("the right code").secret, secret);
    }

    #[test]
    fn a_wrong_code_opens_nothing() {
        assert!(exchange("ABCD1235").0.is_none());
    }

    #[test]
    fn codes_are_tidied() {
        assert_eq!(tidy(" abcd-1234 ").as_deref(), Some("ABCD1234"));
        for bad in ["", "ABCD", "ABCD12345", "ABCD-123O", "ABCD-123é"] {
            assert_eq!(tidy(bad), None, "{bad:?}");
        }
    }
}
