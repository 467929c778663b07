//! The network's proof of itself: a root of its own signs an intermediate, which signs the key of the Noise responder.
//! The shape is WhatsApp's (the intermediate's issuer has serial 0), so that a client whose root key is set to this
//! network's verifies it with unchanged code.

use buffa::{Message as _, MessageField};
use rand::{SeedableRng as _, rngs::StdRng};
use wacore_libsignal::protocol::{KeyPair, PrivateKey};
use waproto::whatsapp::{self as wa, cert_chain::NoiseCertificate, cert_chain::noise_certificate::Details};

const ROOT_SERIAL: u32 = 0;
const INTERMEDIATE_SERIAL: u32 = 1;
const LEAF_SERIAL: u32 = 2;
/// Clients look at the dates before they come back by Noise IK: 2020-01-01 to 2100-01-01.
const NOT_BEFORE: u64 = 1_577_836_800;
const NOT_AFTER: u64 = 4_102_444_800;

pub(crate) struct Identity {
    root: KeyPair,
    key: KeyPair,
    chain: Vec<u8>,
}

impl Identity {
    pub fn generate(rng: &mut StdRng) -> Self {
        Self::new(KeyPair::generate(rng), KeyPair::generate(rng))
    }

    /// From the two private keys that [`Identity::secret`] gave.
    pub fn from_secret(secret: &[u8]) -> Option<Self> {
        let pair = |bytes: &[u8]| KeyPair::try_from(PrivateKey::deserialize(bytes).ok()?).ok();
        let (root, key) = secret.split_at_checked(32)?;
        Some(Self::new(pair(root)?, pair(key)?))
    }

    pub fn secret(&self) -> Vec<u8> {
        [self.root.private_key.serialize().as_slice(), self.key.private_key.serialize().as_slice()].concat()
    }

    fn new(root: KeyPair, key: KeyPair) -> Self {
        // The intermediate is made anew at each start; only the root is known to clients.
        let mut rng = StdRng::from_rng(&mut rand::rng());
        let intermediate = KeyPair::generate(&mut rng);
        let chain = wa::CertChain {
            intermediate: MessageField::some(signed(&root, ROOT_SERIAL, INTERMEDIATE_SERIAL, &intermediate, &mut rng)),
            leaf: MessageField::some(signed(&intermediate, INTERMEDIATE_SERIAL, LEAF_SERIAL, &key, &mut rng)),
        };
        Self { root, key, chain: chain.encode_to_vec() }
    }

    pub fn root_public_key(&self) -> [u8; 32] {
        public(&self.root)
    }

    pub fn public_key(&self) -> [u8; 32] {
        public(&self.key)
    }

    pub fn private_key(&self) -> &PrivateKey {
        &self.key.private_key
    }

    pub fn chain(&self) -> &[u8] {
        &self.chain
    }
}

pub(crate) fn public(pair: &KeyPair) -> [u8; 32] {
    pair.public_key.public_key_bytes().try_into().expect("curve keys have 32 bytes")
}

fn signed(issuer: &KeyPair, issuer_serial: u32, serial: u32, subject: &KeyPair, rng: &mut StdRng) -> NoiseCertificate {
    let details = Details {
        serial: Some(serial),
        issuer_serial: Some(issuer_serial),
        key: Some(public(subject).to_vec()),
        not_before: Some(NOT_BEFORE),
        not_after: Some(NOT_AFTER),
    }
    .encode_to_vec();
    let signature = issuer.private_key.calculate_signature(&details, rng).expect("a fresh key signs");
    NoiseCertificate { details: Some(details), signature: Some(signature.to_vec()) }
}
