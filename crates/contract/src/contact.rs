//! `GET /user/contacts`

use std::collections::BTreeMap;

use serde::Serialize;

/// By JID.
pub type Contacts = BTreeMap<String, Contact>;

/// Names are empty where none is known.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Contact {
    /// Always true: who is not known is not listed.
    pub found: bool,
    /// From the phone's address book.
    pub first_name: String,
    pub full_name: String,
    /// What the person calls himself.
    pub push_name: String,
    pub business_name: String,
    /// The person's other address, where it is known.
    #[serde(rename = "LID", skip_serializing_if = "Option::is_none")]
    pub lid: Option<String>,
}
