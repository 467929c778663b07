//! The keys of a phone. A primary device signs for its account: its identity key is the account's key.

use std::collections::VecDeque;

use rand::RngExt as _;
use wacore_libsignal::protocol::{GenericSignedPreKey as _, KeyPair, PreKeyRecord, SignedPreKeyRecord, Timestamp};

use crate::device::{Device, SignedPreKey};

/// How many one-time pre-keys a phone makes at a time. Few, because a network may have a thousand phones, and
/// because the low-count notification asks for more in time.
pub const PRE_KEYS: u32 = 20;

/// Pre-key ids travel as three bytes.
const LAST_PRE_KEY: u32 = 0x00FF_FFFF;

/// What a phone is born with. It never changes afterwards, except for the counter of its pre-keys.
pub struct Keys {
    pub identity: KeyPair,
    pub registration: u32,
    pub signed: SignedPreKeyRecord,
    /// Names this incarnation of the account in ADV lists.
    pub raw_id: u32,
    /// Id that the next one-time pre-key gets.
    pub next_pre_key: u32,
}

impl Keys {
    pub fn generate(now_ms: u64) -> Self {
        let mut rng = rand::rng();
        let identity = KeyPair::generate(&mut rng);
        let signed = KeyPair::generate(&mut rng);
        let signature =
            identity.calculate_signature(&signed.public_key.serialize(), &mut rng).expect("a fresh key signs");
        Self {
            identity,
            // Signal's registration ids have 14 bits and are never zero.
            registration: rng.random_range(1..=0x3FFF),
            signed: SignedPreKeyRecord::new(1.into(), Timestamp::from_epoch_millis(now_ms), &signed, &signature),
            raw_id: rng.random(),
            next_pre_key: 1,
        }
    }

    /// Makes one more one-time pre-key.
    pub fn one_pre_key(&mut self) -> (u32, PreKeyRecord) {
        let id = self.next_pre_key;
        self.next_pre_key = if id >= LAST_PRE_KEY { 1 } else { id + 1 };
        (id, PreKeyRecord::new(id.into(), &KeyPair::generate(&mut rand::rng())))
    }

    /// The key that seals the account's app state, with its id. It follows from the identity, so that it need not be
    /// kept.
    pub fn app_state_key(&self) -> ([u8; 6], [u8; 32]) {
        let mut key = [0; 32];
        let secret = self.identity.private_key.serialize();
        wacore::crypto::hkdf_sha256_into(secret, None, b"app state", &mut key)
            .expect("32 bytes are within what HKDF can give");
        ([0, 0, 0, 0, 0, 1], key)
    }

    /// The account's public key as it travels: 32 bytes, no type prefix.
    pub fn public(&self) -> [u8; 32] {
        let mut key = [0; 32];
        key.copy_from_slice(self.identity.public_key.public_key_bytes());
        key
    }

    /// What a network knows of a device with these keys, before it has one-time pre-keys.
    pub fn device(&self, platform: &str) -> Device {
        Device {
            noise: None,
            identity: self.public(),
            registration: self.registration,
            signed_pre_key: self.signed_pre_key(),
            identity_proof: Vec::new(),
            key_index: 0,
            platform: platform.to_owned(),
            inline_history: false,
            linked_at: crate::now(),
            pre_keys: VecDeque::new(),
        }
    }

    pub fn signed_pre_key(&self) -> SignedPreKey {
        let whole = "this key was made here";
        SignedPreKey {
            id: self.signed.id().expect(whole).into(),
            key: self.signed.public_key().expect(whole).public_key_bytes().try_into().expect(whole),
            signature: self.signed.signature().expect(whole).to_vec(),
        }
    }

    /// For the journal: private identity key, registration id, raw id, pre-key counter, signed pre-key.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256);
        bytes.extend_from_slice(self.identity.private_key.serialize());
        for number in [self.registration, self.raw_id, self.next_pre_key] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        bytes.extend_from_slice(&self.signed.serialize().expect("a key made here is whole"));
        bytes
    }

    /// `None`: these are not the bytes of a phone's keys.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (private, rest) = bytes.split_first_chunk::<32>()?;
        let (registration, rest) = rest.split_first_chunk::<4>()?;
        let (raw_id, rest) = rest.split_first_chunk::<4>()?;
        let (next_pre_key, signed) = rest.split_first_chunk::<4>()?;
        let private = wacore_libsignal::protocol::PrivateKey::deserialize(private).ok()?;
        Some(Self {
            identity: KeyPair::try_from(private).ok()?,
            registration: u32::from_be_bytes(*registration),
            raw_id: u32::from_be_bytes(*raw_id),
            next_pre_key: u32::from_be_bytes(*next_pre_key),
            signed: SignedPreKeyRecord::deserialize(signed).ok()?,
        })
    }
}
