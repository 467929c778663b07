//! Newsletters of the sandbox network, and what its phones do with them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// `POST /newsletters`.
#[derive(Serialize, Deserialize, Default)]
pub struct NewNewsletter {
    /// 1 to 100 characters.
    pub name: Option<String>,
    /// At most 2,048 characters.
    pub description: Option<String>,
    /// The number or JID of the phone that makes it.
    pub owner: Option<String>,
}

/// `GET /newsletters`, `GET /newsletters/{newsletter}`, and the answer of `POST /newsletters`.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq)]
pub struct Newsletter {
    pub jid: String,
    pub name: String,
    pub description: String,
    /// JID.
    pub owner: String,
    /// What its link ends with.
    pub invite: String,
    pub picture: bool,
    /// JIDs.
    pub followers: Vec<String>,
    /// Absent in the list of all newsletters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub posts: Vec<Post>,
}

#[derive(Serialize, Deserialize, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Post {
    pub server_id: u64,
    pub id: String,
    /// Of a text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// `text`, `media`…
    pub kind: String,
    /// Unix seconds.
    pub timestamp: u64,
    pub edited: bool,
    pub revoked: bool,
    /// How often each reaction was given.
    pub reactions: BTreeMap<String, usize>,
    pub views: usize,
}

/// `POST /phones/{number}/newsletters/{newsletter}/{action}`; which fields an action takes, its name says.
#[derive(Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct NewsletterAction {
    pub text: Option<String>,
    /// Empty takes the reaction back.
    pub emoji: Option<String>,
    pub server_id: Option<u64>,
    pub name: Option<String>,
    pub description: Option<String>,
    /// True when absent.
    pub on: Option<bool>,
}

/// The answer to `post`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Posted {
    pub server_id: u64,
    pub id: String,
}
