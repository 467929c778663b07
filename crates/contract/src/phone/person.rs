//! People as phones of the sandbox network see them, and what they show of themselves.

use serde::{Deserialize, Serialize};

/// `POST /phones/{number}/picture`.
#[derive(Serialize, Deserialize, Default)]
pub struct SetPicture {
    /// `data:image/jpeg;base64,…`; empty or absent takes the picture away.
    pub picture: Option<String>,
    /// A group's JID: its picture, instead of the own.
    pub group: Option<String>,
}

/// The answer to it.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Of the picture that there is now.
    pub id: Option<String>,
}

/// `POST /phones/{number}/about`.
#[derive(Serialize, Deserialize, Default)]
pub struct SetAbout {
    /// At most 139 characters.
    pub about: Option<String>,
}

/// `POST /phones/{number}/privacy`.
#[derive(Serialize, Deserialize, Default)]
pub struct SetPrivacy {
    /// WhatsApp's word for it, such as `last` or `profile`.
    pub name: Option<String>,
    /// `contact_blacklist` when absent.
    pub value: Option<String>,
    /// Numbers or JIDs of all contacts that are left out.
    pub except: Option<Vec<String>>,
}

/// One of `GET /phones/{number}/privacy`: a setting as it is now.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq)]
pub struct Privacy {
    pub name: String,
    pub value: String,
    /// JIDs of the contacts that are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
}

/// `GET` and `POST /phones/{number}/contacts`: an entry of the phone's address book.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Default)]
#[serde(default)]
pub struct Contact {
    pub number: String,
    /// Empty takes the number out.
    pub name: String,
}

/// `GET /phones/{number}/people/{who}`: a person, as the phone's owner sees it. What is absent is hidden, or not there.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Person {
    pub jid: String,
    pub lid: String,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// Where the picture is, below the network's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available: Option<bool>,
    /// Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<u64>,
}
