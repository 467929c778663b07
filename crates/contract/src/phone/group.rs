//! Groups of the sandbox network, and what its phones do in them.

use serde::{Deserialize, Serialize};

/// `POST /groups`. Everything else about the group is as WhatsApp's default has it.
#[derive(Serialize, Deserialize, Default)]
pub struct NewGroup {
    /// 1 to 100 characters.
    pub subject: Option<String>,
    /// The number or JID of the phone that makes it.
    pub owner: Option<String>,
    /// Numbers or JIDs, besides the owner.
    pub participants: Option<Vec<String>>,
    /// It is a community.
    pub community: Option<bool>,
    /// The JID of the community that it belongs to.
    pub parent: Option<String>,
}

/// `GET /groups`, `GET /groups/{group}`, and the answer of `POST /groups`.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    pub jid: String,
    pub subject: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// JID of who made it.
    pub owner: String,
    /// Unix seconds.
    pub created: u64,
    /// Only admins write.
    pub announce: bool,
    /// Only admins change what the group is called and says of itself.
    pub locked: bool,
    /// Seconds after which messages disappear; 0: never.
    pub ephemeral: u32,
    /// Admins let people in who come by the link.
    pub approval: bool,
    /// Only admins add people.
    pub admins_add: bool,
    /// The link's code, once it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invite: Option<String>,
    /// Groups belong to it.
    #[serde(default)]
    pub community: bool,
    /// JID of the community that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// It is that community's group for announcements.
    #[serde(default)]
    pub announcements: bool,
    pub size: usize,
    /// Absent in the list of all groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub participants: Vec<Participant>,
    /// When the group was just made: those who could not be added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<Outcome>,
}

#[derive(Serialize, Deserialize, Clone, PartialEq, Eq)]
pub struct Participant {
    pub jid: String,
    pub lid: String,
    /// `member`, `admin` or `superadmin`.
    pub role: String,
}

/// What became of one of several people.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub jid: String,
    /// 200, or WhatsApp's code for why not.
    pub code: u16,
    /// With 403: what lets the person in all the same, sent in a message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invitation: Option<String>,
}

/// `POST /phones/{number}/groups/{group}/{action}`; which fields an action takes, its name says.
#[derive(Serialize, Deserialize, Default)]
pub struct GroupAction {
    /// Numbers or JIDs.
    pub participants: Option<Vec<String>>,
    pub subject: Option<String>,
    /// Empty takes it away.
    pub description: Option<String>,
    /// True when absent.
    pub on: Option<bool>,
    /// Seconds.
    pub ephemeral: Option<u32>,
    pub reset: Option<bool>,
    /// JIDs.
    pub groups: Option<Vec<String>>,
    pub code: Option<String>,
}

/// `POST /phones/{number}/groups/join`.
#[derive(Serialize, Deserialize, Default)]
pub struct Join {
    /// The link, or the code at its end.
    pub code: Option<String>,
}

/// What came of it.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq)]
pub struct Joined {
    pub jid: String,
    /// The admins are asked first.
    pub pending: bool,
}

#[derive(Serialize, Deserialize, Clone, PartialEq, Eq)]
pub struct Invite {
    pub code: String,
    pub link: String,
}

/// Somebody who wants in.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq)]
pub struct Request {
    pub jid: String,
    pub lid: String,
    /// Unix seconds.
    pub at: u64,
}
