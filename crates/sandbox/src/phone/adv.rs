//! How a phone vouches for its account's other devices: signatures of the account key over what a companion shows.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use buffa::Message as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use wacore_libsignal::protocol::{KeyPair, PublicKey};
use waproto::whatsapp as wa;

use super::keys::Keys;

/// What a signature is for is part of what is signed.
const DEVICE_IDENTITY: [u8; 2] = [6, 0];
const DEVICE_SIGNATURE: [u8; 2] = [6, 1];
const KEY_INDEX_LIST: [u8; 2] = [6, 2];

/// Native cameras open this address; the code's text is behind it.
const DEEP_LINK: &str = "https://wa.me/settings/linked_devices#";

/// What a companion shows in its QR code.
pub struct QrCode {
    pub reference: String,
    pub noise: [u8; 32],
    pub identity: [u8; 32],
    pub secret: [u8; 32],
}

impl QrCode {
    /// Reads `reference,noise,identity,secret[,client type…]`, with or without the deep link in front.
    /// `None`: the text is no pairing code.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let mut fields = text.strip_prefix(DEEP_LINK).unwrap_or(text).split(',');
        let reference = fields.next().filter(|reference| !reference.is_empty())?.to_owned();
        let mut key = || -> Option<[u8; 32]> { BASE64_STANDARD.decode(fields.next()?).ok()?.try_into().ok() };
        Some(Self { reference, noise: key()?, identity: key()?, secret: key()? })
    }
}

/// What a phone says about a device.
pub struct Statement {
    /// What was signed.
    pub details: Vec<u8>,
    /// What the device gets.
    pub sealed: Vec<u8>,
}

/// The account's statement that the device with `identity` is one of its own, sealed with the secret that only that
/// device and this phone know. This is what `<device-identity>` carries in `pair-success`.
pub fn device_identity(keys: &Keys, identity: &[u8; 32], secret: &[u8; 32], key_index: u32, now_s: u64) -> Statement {
    let (details, account_signature) = signed_details(keys, identity, key_index, now_s);
    let signed = wa::ADVSignedDeviceIdentity {
        details: Some(details.clone()),
        account_signature_key: Some(keys.public().to_vec()),
        account_signature: Some(account_signature),
        ..Default::default()
    }
    .encode_to_vec();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(&signed);
    let sealed = wa::ADVSignedDeviceIdentityHMAC {
        hmac: Some(mac.finalize().into_bytes().to_vec()),
        details: Some(signed),
        ..Default::default()
    };
    Statement { details, sealed: sealed.encode_to_vec() }
}

fn signed_details(keys: &Keys, identity: &[u8; 32], key_index: u32, now_s: u64) -> (Vec<u8>, Vec<u8>) {
    let details = wa::ADVDeviceIdentity {
        raw_id: Some(keys.raw_id),
        timestamp: Some(now_s),
        key_index: Some(key_index),
        account_type: Some(wa::ADVEncryptionType::E2EE),
        device_type: Some(wa::ADVEncryptionType::E2EE),
    }
    .encode_to_vec();
    let signature = sign(&keys.identity, &[&DEVICE_IDENTITY, &details, identity]);
    (details, signature)
}

/// What others are shown of a device: the statement about it, signed by the account and by the device itself.
pub fn proof(account: &Keys, device: &Keys, key_index: u32, now_s: u64) -> Vec<u8> {
    let (details, account_signature) = signed_details(account, &device.public(), key_index, now_s);
    let device_signature = sign(&device.identity, &[&DEVICE_SIGNATURE, &details, &device.public(), &account.public()]);
    wa::ADVSignedDeviceIdentity {
        details: Some(details),
        account_signature: Some(account_signature),
        device_signature: Some(device_signature),
        ..Default::default()
    }
    .encode_to_vec()
}

/// The signed list of devices that are still the account's, by key index. Device 0 has index 0.
pub fn key_index_list(keys: &Keys, valid: &[u32], now_s: u64) -> Vec<u8> {
    let details = wa::ADVKeyIndexList {
        raw_id: Some(keys.raw_id),
        timestamp: Some(now_s),
        current_index: valid.iter().copied().max(),
        valid_indexes: valid.to_vec(),
        account_type: Some(wa::ADVEncryptionType::E2EE),
    }
    .encode_to_vec();
    let signature = sign(&keys.identity, &[&KEY_INDEX_LIST, &details]);
    wa::ADVSignedKeyIndexList { details: Some(details), account_signature: Some(signature), ..Default::default() }
        .encode_to_vec()
}

/// Whether the account vouched for the device that has this identity.
pub fn vouches(account: &[u8; 32], identity: &[u8; 32], proof: &[u8]) -> bool {
    let Ok(signed) = wa::ADVSignedDeviceIdentity::decode_from_slice(proof) else { return false };
    let (Some(details), Some(signature)) = (signed.details, signed.account_signature) else { return false };
    let Ok(account) = PublicKey::from_djb_public_key_bytes(account) else { return false };
    account.verify_signature(&[DEVICE_IDENTITY.as_slice(), &details, identity].concat(), &signature)
}

fn sign(key: &KeyPair, parts: &[&[u8]]) -> Vec<u8> {
    key.private_key
        .calculate_signature_for_multipart_message(parts, &mut rand::rng())
        .expect("a whole key signs")
        .to_vec()
}

#[cfg(test)]
mod tests {
    use wacore::pair::{DeviceState, PairUtils};

    use super::*;

    fn companion() -> DeviceState {
        let mut rng = rand::rng();
        DeviceState {
            identity_key: KeyPair::generate(&mut rng),
            noise_key: KeyPair::generate(&mut rng),
            adv_secret_key: rand::random(),
        }
    }

    #[test]
    fn a_companion_accepts_what_the_phone_signed() {
        let (device, keys) = (companion(), Keys::generate(0));
        let text = PairUtils::make_qr_data(&device, "2@ref", wacore::companion_reg::CompanionWebClientType::Chrome);
        let code = QrCode::parse(&text).expect("a pairing code");
        assert_eq!(code.reference, "2@ref");
        assert_eq!(code.noise, device.noise_key.public_key.public_key_bytes());
        let statement = device_identity(&keys, &code.identity, &code.secret, 7, 1);
        let (_, key_index) = PairUtils::do_pair_crypto(&device, &statement.sealed).expect("the companion verifies it");
        assert_eq!(key_index, 7);
    }

    #[test]
    fn both_vouch_for_a_device_that_is_never_there() {
        let (account, device) = (Keys::generate(0), Keys::generate(0));
        let proof = proof(&account, &device, 3, 1);
        assert!(vouches(&account.public(), &device.public(), &proof));
        assert!(!vouches(&device.public(), &device.public(), &proof));
        let signed = wa::ADVSignedDeviceIdentity::decode_from_slice(&proof).unwrap();
        let message = [[6, 1].as_slice(), &signed.details.unwrap(), &device.public(), &account.public()].concat();
        assert!(device.identity.public_key.verify_signature(&message, &signed.device_signature.unwrap()));
    }

    #[test]
    fn the_deep_link_and_the_old_form_are_codes_too() {
        let text = PairUtils::make_qr_data(&companion(), "r", wacore::companion_reg::CompanionWebClientType::Chrome);
        assert!(QrCode::parse(&format!(" {DEEP_LINK}{text}\n")).is_some());
        let old = text.rsplit_once(',').expect("five fields").0;
        assert!(QrCode::parse(old).is_some());
    }

    #[test]
    fn other_texts_are_no_codes() {
        for text in ["", ",", "hello", "r,AAAA,AAAA,AAAA", "https://example.com", "r,%,%,%", ",,,,"] {
            assert!(QrCode::parse(text).is_none(), "{text:?}");
        }
    }
}
