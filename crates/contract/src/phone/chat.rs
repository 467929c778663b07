//! What the person of a sandbox phone sees and sets of chats, labels and names.

use serde::{Deserialize, Serialize};

/// One of `GET /phones/{number}/chats`.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Default, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Chat {
    pub chat: String,
    pub pinned: bool,
    /// Unix milliseconds; -1: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub muted_until: Option<i64>,
    pub archived: bool,
    /// Its person marked it as unread.
    pub marked_unread: bool,
    /// Messages that nobody has looked at.
    pub unread: usize,
    /// Their ids.
    pub labels: Vec<String>,
}

/// One of `GET /phones/{number}/labels`.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Default, Debug)]
pub struct Label {
    pub id: String,
    pub name: String,
    pub color: i32,
    /// JIDs.
    pub chats: Vec<String>,
    /// Ids of messages.
    pub messages: Vec<String>,
}

/// `POST /phones/{number}/labels`.
#[derive(Serialize, Deserialize, Default)]
pub struct EditLabel {
    pub id: Option<String>,
    pub name: Option<String>,
    pub color: Option<i32>,
    pub deleted: Option<bool>,
}

/// `POST /phones/{number}/chats/{action}`; which fields an action takes, its name says.
#[derive(Serialize, Deserialize, Default)]
pub struct ChatAction {
    /// A number, or a JID.
    pub chat: Option<String>,
    /// True when absent.
    pub on: Option<bool>,
    /// Of a mute: unix milliseconds; always when absent.
    pub until: Option<i64>,
    /// Clears starred messages too.
    pub starred: Option<bool>,
    /// An id.
    pub message: Option<String>,
    /// An id.
    pub label: Option<String>,
}

/// `POST /phones/{number}/name`.
#[derive(Serialize, Deserialize, Default)]
pub struct Name {
    pub name: Option<String>,
}
