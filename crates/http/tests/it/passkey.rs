//! `/session/passkey`: what a request can have wrong, told before WhatsApp is asked anything.

use serde_json::{Value, json};

use crate::api::Api;

const SHOW: &[&str] = &["/session/passkey", "/session/passkey-status"];
const RESPOND: &[&str] = &["/session/passkey/response", "/session/passkey-response"];
const CONFIRM: &[&str] = &["/session/passkey/confirm", "/session/passkey-confirm"];

/// An answer in its right form: `{"type":"webauthn.get","challenge":"AA"}` is what it says that it signed.
fn credential() -> Value {
    json!({
        "id": "AQID", "rawId": "AQID", "type": "public-key",
        "response": {
            "clientDataJSON": "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0IiwiY2hhbGxlbmdlIjoiQUEifQ",
            "authenticatorData": "AA", "signature": "AA",
        },
    })
}

fn without(pointer: &str, member: &str) -> Value {
    let mut credential = credential();
    credential.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(member);
    credential
}

fn with(pointer: &str, value: Value) -> Value {
    let mut credential = credential();
    *credential.pointer_mut(pointer).unwrap() = value;
    credential
}

#[tokio::test]
async fn nothing_is_asked_of_a_session_that_does_not_run() {
    let api = Api::with_session("t").await;
    for path in SHOW {
        api.get(path).send().await.fails(401, "invalid_token", None, false, "invalid token");
        let shown = api.get(path).token("t").send().await.data();
        assert_eq!(shown, json!({"state": "none", "passkeyPending": false, "publicKey": null}));
    }
    let answers = RESPOND.iter().map(|path| (path, credential()));
    for (path, body) in answers.chain(CONFIRM.iter().map(|path| (path, json!({})))) {
        let ask = || api.post(path).body(body.to_string());
        ask().send().await.fails(401, "invalid_token", None, false, "invalid token");
        ask().token("t").send().await.fails(500, "no_session", None, false, "No session");
    }
}

#[tokio::test]
async fn an_answer_in_the_wrong_form_is_refused_by_its_field() {
    let api = Api::with_session("t").await;
    for path in RESPOND {
        let post = async |body: &str| api.post(path).token("t").body(body.to_owned()).send().await;
        for (body, field) in [
            (json!({}), "Response"),
            (json!({"response": null}), "Response"),
            (json!({"response": {"response": {}}}), "Response.rawId"),
            // Without an answer within, it is taken for the answer.
            (json!({"response": without("", "response")}), "rawId"),
            (without("/response", "clientDataJSON"), "Response.clientDataJSON"),
            (without("/response", "authenticatorData"), "Response.authenticatorData"),
            (without("/response", "signature"), "Response.signature"),
        ] {
            let error = format!("missing {field} in payload");
            post(&body.to_string()).await.fails(400, "missing_field", Some(field), false, &error);
        }
        let client_data = "the client data of an assertion (type webauthn.get), with its challenge";
        for (body, field, expected) in [
            (json!({"response": "text"}), "Response", "an object"),
            (with("/type", json!("password")), "type", "public-key"),
            (with("/rawId", json!(1)), "rawId", "a string"),
            (with("/rawId", json!("not base64url!")), "rawId", "base64url"),
            (with("/response/signature", json!("+/+/")), "Response.signature", "base64url"),
            (with("/response/authenticatorData", json!("A")), "Response.authenticatorData", "base64url"),
            (with("/response/clientDataJSON", json!("AAAA")), "Response.clientDataJSON", client_data),
            (with("/response/clientDataJSON", json!("e30")), "Response.clientDataJSON", client_data),
        ] {
            let error = format!("{field} should be {expected}");
            post(&body.to_string()).await.fails(400, "invalid_field", Some(field), false, &error);
        }
        let error = "payload is not valid JSON (line 1, column 1)";
        post("hello").await.fails(400, "invalid_payload", None, false, error);
    }
}
