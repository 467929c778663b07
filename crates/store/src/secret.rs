use aes_gcm::{
    Aes256Gcm, KeyInit,
    aead::{Aead, Payload},
};
use hmac::{Hmac, Mac};
use rand::Rng as _;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

const NONCE_BYTES: usize = 12;

/// The 32-byte key kept outside the database (`data/secret.key`): encrypts what must be shown again (session tokens,
/// webhook secrets) with AES-256-GCM, and keys the hashes that tokens are looked up by. Never prints.
#[derive(Clone)]
pub struct SecretKey {
    hash: [u8; 32],
    seal: [u8; 32],
}

impl SecretKey {
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        // Each use has a key of its own, so that a hash never tells anything about a ciphertext.
        Self { hash: mac(&bytes, b"wago token look-up"), seal: mac(&bytes, b"wago encryption at rest") }
    }

    /// What a token is looked up by.
    pub(crate) fn hash(&self, token: &SecretString) -> Vec<u8> {
        mac(&self.hash, token.expose_secret().as_bytes()).to_vec()
    }

    /// `purpose` keeps a value of one column from being accepted in another.
    pub(crate) fn seal(&self, purpose: &'static str, plain: &SecretString) -> Vec<u8> {
        let mut nonce = [0u8; NONCE_BYTES];
        rand::rng().fill_bytes(&mut nonce);
        let sealed = Aes256Gcm::new(&self.seal.into())
            .encrypt(&nonce.into(), Payload { msg: plain.expose_secret().as_bytes(), aad: purpose.as_bytes() })
            .expect("AES-GCM only refuses messages of many gigabytes");
        [nonce.as_slice(), &sealed].concat()
    }

    /// `None` if the value was sealed under another key or purpose, or was damaged.
    pub(crate) fn open(&self, purpose: &'static str, sealed: &[u8]) -> Option<SecretString> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let plain = Aes256Gcm::new(&self.seal.into())
            .decrypt(&(*nonce).into(), Payload { msg: sealed, aad: purpose.as_bytes() })
            .ok()?;
        String::from_utf8(plain).ok().map(SecretString::from)
    }
}

fn mac(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_only_with_the_same_key_and_purpose() {
        let key = SecretKey::from_bytes([7; 32]);
        let sealed = key.seal("token", &"customer-token-1".into());
        assert_eq!(key.open("token", &sealed).unwrap().expose_secret(), "customer-token-1");
        assert!(key.open("other", &sealed).is_none());
        assert!(SecretKey::from_bytes([8; 32]).open("token", &sealed).is_none());
        assert!(key.open("token", &sealed[..5]).is_none());
        assert_ne!(sealed, key.seal("token", &"customer-token-1".into()), "the nonce is fresh each time");
    }

    #[test]
    fn never_prints() {
        assert_eq!(format!("{:?}", SecretKey::from_bytes([7; 32])), "SecretKey(…)");
    }
}
