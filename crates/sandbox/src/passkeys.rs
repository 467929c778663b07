//! Passkeys of accounts, and the browsers that sign with them: as much of WebAuthn as linking needs.

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use rand::RngExt as _;
use ring::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _, UnparsedPublicKey,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{Error, Result, account::Number, journal::Tables, state::State};

const PASSKEY: &str = "passkey";
/// Whom a passkey is for.
const RP_ID: &str = "web.whatsapp.com";
const ORIGIN: &str = "https://web.whatsapp.com";
/// The person was there, and showed who it is.
const FLAGS: u8 = 0b101;
/// In milliseconds: so long a challenge may be answered.
pub(crate) const TIMEOUT_MS: u64 = 300_000;

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Passkey {
    credential: Vec<u8>,
    /// PKCS #8, of the curve P-256.
    key: Vec<u8>,
}

#[derive(Default)]
pub(crate) struct Passkeys(BTreeMap<Number, Passkey>);

impl Passkeys {
    pub fn restore(tables: &Tables) -> Self {
        let rows = tables.get(PASSKEY).into_iter().flatten();
        let row =
            |(key, value): (&Vec<u8>, &Vec<u8>)| Some((Number::from_key(key)?, serde_json::from_slice(value).ok()?));
        Self(rows.filter_map(row).collect())
    }
}

impl State {
    /// The account's, which is made when it is asked for first.
    pub fn passkey(&mut self, number: Number) -> Passkey {
        if let Some(passkey) = self.passkeys.0.get(&number) {
            return passkey.clone();
        }
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new())
            .expect("the machine has random numbers");
        let credential: [u8; 16] = self.rng.random();
        let passkey = Passkey { credential: credential.to_vec(), key: key.as_ref().to_vec() };
        let value = serde_json::to_vec(&passkey).expect("a passkey is plain data");
        self.journal.put(PASSKEY, &number.key(), &value);
        self.passkeys.0.insert(number, passkey.clone());
        passkey
    }
}

impl Passkey {
    /// What a browser is given to sign: `PublicKeyCredentialRequestOptions`.
    pub fn options(&self, challenge: &[u8]) -> Value {
        json!({
            "challenge": BASE64_URL_SAFE_NO_PAD.encode(challenge),
            "rpId": RP_ID,
            "allowCredentials": [{"type": "public-key", "id": BASE64_URL_SAFE_NO_PAD.encode(&self.credential)}],
            "userVerification": "required",
            "timeout": TIMEOUT_MS,
        })
    }

    /// What `navigator.credentials.get` answers at WhatsApp's own page, in JSON.
    pub fn sign(&self, options: &Value) -> Result<Value> {
        let invalid = |expected| Error::Invalid { field: "publicKey", expected };
        let challenge = options["challenge"].as_str().ok_or_else(|| invalid("must have a challenge"))?;
        if options["rpId"].as_str().is_some_and(|id| id != RP_ID) {
            return Err(invalid("is not for WhatsApp: its rpId is another's"));
        }
        let own = BASE64_URL_SAFE_NO_PAD.encode(&self.credential);
        let allowed = options["allowCredentials"].as_array().is_none_or(|allowed| {
            allowed.is_empty() || allowed.iter().any(|one| one["id"].as_str() == Some(own.as_str()))
        });
        if !allowed {
            return Err(invalid("asks for another account's passkey"));
        }
        let client_data = json!({
            "type": "webauthn.get", "challenge": challenge.trim_end_matches('='), "origin": ORIGIN, "crossOrigin": false,
        })
        .to_string();
        let mut data = Sha256::digest(RP_ID).to_vec();
        data.push(FLAGS);
        // Passkeys that are on several devices count nothing.
        data.extend([0; 4]);
        let random = SystemRandom::new();
        let signature = self
            .pair()
            .and_then(|pair| pair.sign(&random, &signed(&data, client_data.as_bytes())).ok())
            .ok_or(Error::Refused(500))?;
        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        Ok(json!({
            "id": own, "rawId": own, "type": "public-key", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": encode(client_data.as_bytes()),
                "authenticatorData": encode(&data),
                "signature": encode(signature.as_ref()),
                "userHandle": null,
            },
        }))
    }

    /// Whether it signed that challenge, at WhatsApp's page, with its person there.
    pub fn has_signed(&self, challenge: &[u8], credential: &[u8], assertion: &[u8]) -> bool {
        let check = || -> Option<bool> {
            let assertion: Value = serde_json::from_slice(assertion).ok()?;
            let part = |name: &str| BASE64_URL_SAFE_NO_PAD.decode(assertion["response"][name].as_str()?).ok();
            let (client_data, data, signature) =
                (part("clientDataJSON")?, part("authenticatorData")?, part("signature")?);
            let said: Value = serde_json::from_slice(&client_data).ok()?;
            let challenged = BASE64_URL_SAFE_NO_PAD.decode(said["challenge"].as_str()?.trim_end_matches('=')).ok()?;
            let named = credential == self.credential
                && assertion["rawId"].as_str()? == BASE64_URL_SAFE_NO_PAD.encode(&self.credential);
            let here = said["type"] == "webauthn.get" && said["origin"] == ORIGIN && challenged == challenge;
            let there = data.get(..32)? == Sha256::digest(RP_ID).as_slice() && data.get(32)? & FLAGS == FLAGS;
            let pair = self.pair()?;
            let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, pair.public_key().as_ref());
            Some(named && here && there && key.verify(&signed(&data, &client_data), &signature).is_ok())
        };
        check().unwrap_or_default()
    }

    fn pair(&self) -> Option<EcdsaKeyPair> {
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &self.key, &SystemRandom::new()).ok()
    }
}

fn signed(authenticator_data: &[u8], client_data: &[u8]) -> Vec<u8> {
    [authenticator_data, &Sha256::digest(client_data)].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Journal;

    #[test]
    fn only_the_accounts_own_passkey_signs_and_only_what_was_asked() {
        let mut state = State::restore(Journal::in_memory(), &Tables::new(), 1);
        let (alice, bob) = (Number::parse("15550000001").unwrap(), Number::parse("15550000002").unwrap());
        let (own, other) = (state.passkey(alice), state.passkey(bob));
        assert_eq!(state.passkey(alice).credential, own.credential, "it stays");
        let options = own.options(b"challenge");
        let signed = own.sign(&options).unwrap().to_string();
        let has_signed =
            |challenge: &[u8], assertion: &str| own.has_signed(challenge, &own.credential, assertion.as_bytes());
        assert!(has_signed(b"challenge", &signed));
        assert!(!has_signed(b"another", &signed));
        assert!(!own.has_signed(b"challenge", &other.credential, signed.as_bytes()));
        assert!(!has_signed(b"challenge", "{}"));
        assert!(!has_signed(b"challenge", &signed.replace("\"signature\":\"", "\"signature\":\"AA")));
        assert!(!other.has_signed(b"challenge", &other.credential, signed.as_bytes()));

        assert!(other.sign(&options).is_err(), "it is asked for another");
        let mut elsewhere = options.clone();
        elsewhere["rpId"] = json!("example.com");
        assert!(own.sign(&elsewhere).is_err());
        assert!(own.sign(&json!({})).is_err());
    }
}
