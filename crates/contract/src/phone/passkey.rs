//! Linking with a passkey on the sandbox network.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `GET /phones/{number}/passkey`: how far a phone is with linking a device so.
#[derive(Serialize, Deserialize)]
pub struct Linking {
    /// `none`, `asked` (for the passkey), `answered` (the phone's person is to agree), `told`, `shown` (both sides show a code),
    /// `confirmed` (the phone's person is to agree that it is the same).
    pub state: String,
    /// What the phone shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// `POST /phones/{number}/passkey`: the browser of the account's owner signs.
#[derive(Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct Sign {
    /// What `GET /session/passkey` has.
    #[serde(default)]
    pub public_key: Value,
}
