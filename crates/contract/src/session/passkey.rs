//! `/session/passkey`: linking an account whose owner has to show a passkey.

use base64::{
    Engine as _,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde::Serialize;
use serde_json::Value;

use crate::payload::{Fields, Given, Invalid, Payload, Result};

/// Browsers leave the padding away; other encoders do not.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// Bytes in the name of a credential, as WebAuthn bounds it.
const CREDENTIAL_MAX: usize = 1023;
/// Bytes in each other part of an answer: all authenticators stay far below.
const PART_MAX: usize = 8 << 10;
const RESPONSE: &str = "Response";

/// How far linking with a passkey came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PasskeyState {
    /// No passkey is asked for.
    None,
    /// WhatsApp waits for the passkey's answer.
    Requested,
    /// The answer was sent; the phone goes on.
    Answered,
    /// The code is to be compared with the phone's, and confirmed.
    Confirm,
    /// Confirmed; the phone links the device.
    Confirmed,
    /// It came to nothing; a new QR or pair code begins anew.
    Failed,
}

/// The reply to `GET /session/passkey`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Passkey {
    pub state: PasskeyState,
    /// A passkey's answer is waited for.
    pub passkey_pending: bool,
    /// WebAuthn's `PublicKeyCredentialRequestOptions`, as WhatsApp gave them, while they are to be answered.
    pub public_key: Option<Value>,
    /// What the phone has to show too, while it is to be confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Of the code: nobody need compare it.
    #[serde(rename = "skipHandoffUX", skip_serializing_if = "Option::is_none")]
    pub skip_handoff_ux: Option<bool>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The reply to `POST /session/passkey/response` and `/session/passkey/confirm`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PasskeyTaken {
    pub details: &'static str,
    #[serde(rename = "status")]
    pub state: PasskeyState,
}

/// `POST /session/passkey/response`: what `navigator.credentials.get` gave. It proves who its owner is, so it derives no
/// `Debug`.
pub struct PasskeyResponse {
    pub credential_id: Vec<u8>,
    pub client_data: Vec<u8>,
    pub authenticator_data: Vec<u8>,
    pub signature: Vec<u8>,
    pub user_handle: Option<Vec<u8>>,
    /// Out of the client data: which challenge was answered.
    pub challenge: Vec<u8>,
}

impl PasskeyResponse {
    /// Of the field that has the challenge, for whoever finds that it is another's.
    pub const CLIENT_DATA: &'static str = "Response.clientDataJSON";
}

impl Payload for PasskeyResponse {
    /// The credential itself, or one within `response`.
    fn read(mut fields: Fields) -> Result<Self> {
        let mut response = fields.required(RESPONSE)?.object()?;
        let mut credential = match response.given("response") {
            Some(inner) => {
                let credential = response;
                response = inner.object()?;
                credential
            }
            None => fields,
        };
        if credential.text("type", 32)?.is_some_and(|kind| kind != "public-key") {
            return Err(Invalid::field(credential.path_of("type"), "public-key"));
        }
        // Browsers give both, which say the same.
        let id = credential.optional("rawId").or_else(|| credential.optional("id"));
        let credential_id = bytes(id.ok_or_else(|| credential.missing("rawId"))?, CREDENTIAL_MAX)?;
        let client_data = bytes(response.required("clientDataJSON")?, PART_MAX)?;
        let challenge = answered(&client_data).ok_or_else(|| {
            let expected = "the client data of an assertion (type webauthn.get), with its challenge";
            Invalid::field(response.path_of("clientDataJSON"), expected)
        })?;
        Ok(Self {
            credential_id,
            client_data,
            authenticator_data: bytes(response.required("authenticatorData")?, PART_MAX)?,
            signature: bytes(response.required("signature")?, PART_MAX)?,
            user_handle: response.optional("userHandle").map(|handle| bytes(handle, PART_MAX)).transpose()?,
            challenge,
        })
    }
}

fn bytes(given: Given, max: usize) -> Result<Vec<u8>> {
    let field = given.field().to_owned();
    // Four letters are three bytes; what is too long by little is told in bytes.
    let text = given.text(max.div_ceil(3) * 4 + 4)?;
    let bytes = BASE64URL.decode(text).map_err(|_| Invalid::field(&field, "base64url"))?;
    if bytes.is_empty() || bytes.len() > max {
        return Err(Invalid::field(field, format!("1 to {max} bytes as base64url")));
    }
    Ok(bytes)
}

/// The challenge that was answered; `None` if that is no client data of an assertion.
fn answered(client_data: &[u8]) -> Option<Vec<u8>> {
    let data: Value = serde_json::from_slice(client_data).ok()?;
    (data.get("type")?.as_str()? == "webauthn.get").then_some(())?;
    BASE64URL.decode(data.get("challenge")?.as_str()?).ok()
}

/// The challenge that WhatsApp's options ask to be signed; `None` if they have none that can be read.
pub fn asked(options: &Value) -> Option<Vec<u8>> {
    BASE64URL.decode(options.get("challenge")?.as_str()?).ok().filter(|challenge| !challenge.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: &Value) -> Result<PasskeyResponse> {
        PasskeyResponse::read(Fields::parse(body.to_string().as_bytes())?)
    }

    fn client_data(json: &Value) -> String {
        BASE64URL.encode(json.to_string())
    }

    fn credential() -> Value {
        json!({
            "id": "AQID", "rawId": "AQID", "type": "public-key", "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": client_data(&json!({"type": "webauthn.get", "challenge": "_-8", "origin": "o"})),
                "authenticatorData": "_w==", "signature": "AA", "userHandle": null,
            },
        })
    }

    #[test]
    fn an_answer_comes_as_the_browser_gives_it_or_wrapped() {
        for body in [credential(), json!({"response": credential()}), json!({"Response": credential()})] {
            let read = read(&body).ok().unwrap();
            assert_eq!(read.credential_id, [1, 2, 3]);
            assert_eq!(read.challenge, [0xff, 0xef]);
            assert_eq!(read.authenticator_data, [0xff]);
            assert_eq!(read.signature, [0]);
            assert_eq!(read.user_handle, None);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let with = |path: &str, value: Value| {
            let mut body = credential();
            *body.pointer_mut(path).unwrap() = value;
            body
        };
        let assertion =
            "Response.clientDataJSON should be the client data of an assertion (type webauthn.get), with its challenge";
        for (body, error) in [
            (json!({}), "missing Response in payload"),
            (json!({"response": "AA"}), "Response should be an object"),
            (json!({"response": {"response": 1}}), "Response.response should be an object"),
            (json!({"response": {"response": {}}}), "missing Response.rawId in payload"),
            (json!({"response": {}}), "missing rawId in payload"),
            (with("/type", json!("password")), "type should be public-key"),
            (with("/rawId", json!("+/==")), "rawId should be base64url"),
            (with("/rawId", json!(BASE64URL.encode([0; 1024]))), "rawId should be 1 to 1023 bytes as base64url"),
            (with("/rawId", json!("A".repeat(2000))), "rawId should be at most 1368 characters long"),
            (with("/response/signature", json!("")), "missing Response.signature in payload"),
            (with("/response/signature", json!("%")), "Response.signature should be base64url"),
            (with("/response/authenticatorData", json!(null)), "missing Response.authenticatorData in payload"),
            (with("/response/userHandle", json!(1)), "Response.userHandle should be a string"),
            (with("/response/clientDataJSON", json!("AA")), assertion),
            (with("/response/clientDataJSON", json!(client_data(&json!({"type": "webauthn.get"})))), assertion),
            (
                with(
                    "/response/clientDataJSON",
                    json!(client_data(&json!({"type": "webauthn.create", "challenge": "AA"}))),
                ),
                assertion,
            ),
        ] {
            assert_eq!(read(&body).err().unwrap().to_string(), error);
        }
    }

    #[test]
    fn the_challenge_is_read_from_the_options() {
        assert_eq!(asked(&json!({"challenge": "_-8"})), Some(vec![0xff, 0xef]));
        for options in [json!({}), json!("text"), json!({"challenge": ""}), json!({"challenge": "+"}), json!(null)] {
            assert_eq!(asked(&options), None);
        }
    }
}
