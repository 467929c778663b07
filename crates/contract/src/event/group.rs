//! Groups.

use std::collections::BTreeMap;

use serde::Serialize;

/// Something about a group changed. What did not is null or empty.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GroupInfo {
    #[serde(rename = "JID")]
    pub jid: String,
    pub notify: String,
    /// Who changed it.
    pub sender: String,
    /// The phone number's JID of a sender that is a LID.
    #[serde(rename = "SenderPN")]
    pub sender_pn: String,
    /// The sender's other identity, whichever that is.
    pub sender_alt: String,
    pub timestamp: String,
    pub name: Option<GroupName>,
    pub topic: Option<GroupTopic>,
    pub locked: Option<GroupLocked>,
    pub announce: Option<GroupAnnounce>,
    pub ephemeral: Option<GroupEphemeral>,
    pub membership_approval_mode: Option<JoinApproval>,
    pub delete: Option<GroupDelete>,
    pub link: Option<GroupLink>,
    pub unlink: Option<GroupLink>,
    pub new_invite_link: Option<String>,
    pub join_reason: String,
    pub join: Vec<String>,
    pub leave: Vec<String>,
    pub promote: Vec<String>,
    pub demote: Vec<String>,
    pub suspended: bool,
    pub unsuspended: bool,
    /// The people named above, with both identities and what WhatsApp tells of them.
    pub participants: Vec<GroupParticipant>,
    /// What has no field of its own.
    pub unknown_changes: Vec<UnknownChange>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GroupParticipant {
    #[serde(rename = "JID")]
    pub jid: String,
    pub phone_number: String,
    #[serde(rename = "LID")]
    pub lid: String,
    pub is_admin: bool,
    pub is_super_admin: bool,
    pub display_name: String,
}

#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GroupName {
    pub name: String,
    pub name_set_at: String,
    pub name_set_by: String,
    #[serde(rename = "NameSetByPN")]
    pub name_set_by_pn: String,
}

#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GroupTopic {
    pub topic: String,
    #[serde(rename = "TopicID")]
    pub topic_id: String,
    pub topic_set_at: String,
    pub topic_set_by: String,
    #[serde(rename = "TopicSetByPN")]
    pub topic_set_by_pn: String,
    pub topic_deleted: bool,
}

/// Whether only admins may change the group's name and settings.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GroupLocked {
    pub is_locked: bool,
}

/// Whether only admins may write.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GroupAnnounce {
    pub is_announce: bool,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GroupEphemeral {
    pub is_ephemeral: bool,
    /// Seconds.
    pub disappearing_timer: u32,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct JoinApproval {
    pub is_join_approval_required: bool,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GroupDelete {
    pub deleted: bool,
    pub delete_reason: String,
}

/// Of a community: a group that now belongs to it, or no longer does.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GroupLink {
    /// `sub_group`, `parent_group` or `sibling_group`.
    #[serde(rename = "Type")]
    pub kind: String,
    pub unlink_reason: String,
    pub group: GroupLinkTarget,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GroupLinkTarget {
    #[serde(rename = "JID")]
    pub jid: String,
    pub name: String,
    pub is_default_sub_group: bool,
}

/// A change by WhatsApp's own name for it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UnknownChange {
    pub tag: String,
    pub attrs: BTreeMap<String, String>,
}

/// A group that the account is in from now on.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct JoinedGroup {
    pub reason: String,
    /// `new` of a group that was just made.
    #[serde(rename = "Type")]
    pub kind: String,
    pub create_key: String,
    pub sender: String,
    #[serde(rename = "SenderPN")]
    pub sender_pn: String,
    pub sender_alt: String,
    pub notify: String,
    #[serde(rename = "JID")]
    pub jid: String,
    #[serde(rename = "OwnerJID")]
    pub owner_jid: String,
    #[serde(rename = "OwnerPN")]
    pub owner_pn: String,
    #[serde(flatten)]
    pub name: GroupName,
    #[serde(flatten)]
    pub topic: GroupTopic,
    #[serde(flatten)]
    pub locked: GroupLocked,
    #[serde(flatten)]
    pub announce: GroupAnnounce,
    #[serde(flatten)]
    pub ephemeral: GroupEphemeral,
    #[serde(flatten)]
    pub membership_approval: JoinApproval,
    /// A community's own group.
    pub is_parent: bool,
    /// The community that it belongs to.
    #[serde(rename = "LinkedParentJID")]
    pub linked_parent_jid: String,
    pub is_default_sub_group: bool,
    /// `pn` or `lid`.
    pub addressing_mode: String,
    pub group_created: String,
    pub participants: Vec<GroupParticipant>,
}
