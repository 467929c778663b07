//! `/group/*`: groups, who is in them, and what they are set to.

use serde::Serialize;

use crate::{
    chat::disappearing,
    event::{GroupAnnounce, GroupEphemeral, GroupLocked, GroupName, GroupParticipant, GroupTopic, JoinApproval},
    payload::{Fields, Given, Invalid, Name, Payload, Result},
    send::media::{Files, Kind, Media, WithFiles},
    session::PHONE_MAX,
};

#[cfg(test)]
mod tests;

/// Characters in a group's name.
pub const NAME_MAX: usize = 100;
/// Characters in what it says of itself.
pub const TOPIC_MAX: usize = 2_048;
/// People in one request: as many as a group has beside oneself.
pub const PEOPLE_MAX: usize = 1_023;
/// Characters of an invite link.
const LINK_MAX: usize = 256;

pub(crate) const GROUP: Name = Name { field: "GroupJID", aliases: &["group", "jid", "groupid"] };
const NAME: Name = Name { field: "Name", aliases: &["GroupName", "Subject"] };
const PEOPLE: Name = Name { field: "Participants", aliases: &["Phone", "Participant", "Phones"] };
const TOPIC: Name = Name { field: "Topic", aliases: &["Description"] };
const CODE: Name = Name { field: "Code", aliases: &["InviteLink", "Link", "InviteCode"] };
const IMAGE: Name = Name { field: "Image", aliases: &["Picture", "Photo"] };

fn group(fields: &mut Fields) -> Result<String> {
    fields.required(GROUP)?.text(PHONE_MAX)
}

fn people(fields: &mut Fields) -> Result<Vec<String>> {
    let people = fields.required(PEOPLE)?.words(PEOPLE_MAX, PHONE_MAX)?;
    if people.is_empty() { Err(fields.missing(PEOPLE)) } else { Ok(people) }
}

pub(crate) fn name(fields: &mut Fields) -> Result<String> {
    let name = fields.required(NAME)?.text(NAME_MAX)?.trim().to_owned();
    if name.is_empty() { Err(fields.missing(NAME)) } else { Ok(name) }
}

/// True unless it says otherwise.
fn on(fields: &mut Fields, name: impl Into<Name>) -> Result<bool> {
    fields.optional(name).map_or(Ok(true), Given::flag)
}

/// `POST /group/create`
pub struct Create {
    pub name: String,
    /// People as written.
    pub people: Vec<String>,
    pub topic: Option<String>,
    pub image: Option<Media>,
}

impl Payload for Create {
    fn read(mut fields: Fields) -> Result<Self> {
        Ok(Self {
            name: name(&mut fields)?,
            people: people(&mut fields)?,
            topic: fields.text(TOPIC, TOPIC_MAX)?,
            image: Media::optional(&mut fields, IMAGE, Kind::Image)?,
        })
    }
}

impl WithFiles for Create {
    const FILES: Files = Files::one("Image", Kind::Image);
}

/// `/group/info`, `/group/leave`, `/group/photo/remove`, `/group/requests`
pub struct Which {
    /// As written.
    pub group: String,
}

impl Payload for Which {
    fn read(mut fields: Fields) -> Result<Self> {
        Ok(Self { group: group(&mut fields)? })
    }
}

/// `/group/invitelink`
pub struct AskLink {
    pub group: String,
    /// The old one is of no use from then on.
    pub reset: bool,
}

impl Payload for AskLink {
    fn read(mut fields: Fields) -> Result<Self> {
        Ok(Self { group: group(&mut fields)?, reset: fields.flag("Reset")? })
    }
}

/// `POST /group/inviteinfo`: a link, or the code in it.
pub struct Link(pub String);

impl Payload for Link {
    fn read(mut fields: Fields) -> Result<Self> {
        fields.required(CODE)?.text(LINK_MAX).map(Self)
    }
}

/// `POST /group/join`
pub enum Join {
    /// By a link, or the code in it.
    Link(String),
    /// By an invitation that an admin sent as a message.
    Invitation(Invitation),
}

pub struct Invitation {
    pub group: String,
    pub code: String,
    /// Unix seconds.
    pub expiration: i64,
    /// Who sent it.
    pub inviter: String,
}

impl Payload for Join {
    fn read(mut fields: Fields) -> Result<Self> {
        let code = fields.required(CODE)?.text(LINK_MAX)?;
        match fields.text(GROUP, PHONE_MAX)? {
            None => Ok(Self::Link(code)),
            Some(group) => Ok(Self::Invitation(Invitation {
                group,
                code,
                expiration: fields.integer("Expiration", 0..=i64::MAX)?.unwrap_or_default(),
                inviter: fields.required("Inviter")?.text(PHONE_MAX)?,
            })),
        }
    }
}

/// `POST /group/update`
pub struct Update {
    pub group: String,
    pub people: Vec<String>,
    pub action: Action,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Add,
    Remove,
    Promote,
    Demote,
}

impl Payload for Update {
    fn read(mut fields: Fields) -> Result<Self> {
        let (group, people) = (group(&mut fields)?, people(&mut fields)?);
        let action = match fields.required("Action")?.text(16)?.to_ascii_lowercase().as_str() {
            "add" => Action::Add,
            "remove" => Action::Remove,
            "promote" => Action::Promote,
            "demote" => Action::Demote,
            _ => return Err(Invalid::field("Action", "add, remove, promote or demote")),
        };
        Ok(Self { group, people, action })
    }
}

/// `POST /group/requests/update`
pub struct Decide {
    pub group: String,
    pub people: Vec<String>,
    pub approve: bool,
}

impl Payload for Decide {
    fn read(mut fields: Fields) -> Result<Self> {
        let (group, people) = (group(&mut fields)?, people(&mut fields)?);
        let approve = match fields.required("Action")?.text(16)?.to_ascii_lowercase().as_str() {
            "approve" => true,
            "reject" => false,
            _ => return Err(Invalid::field("Action", "approve or reject")),
        };
        Ok(Self { group, people, approve })
    }
}

/// `POST /group/name`
pub struct Rename {
    pub group: String,
    pub name: String,
}

impl Payload for Rename {
    fn read(mut fields: Fields) -> Result<Self> {
        Ok(Self { group: group(&mut fields)?, name: name(&mut fields)? })
    }
}

/// `POST /group/topic`
pub struct SetTopic {
    pub group: String,
    /// Empty takes it away.
    pub topic: String,
}

impl Payload for SetTopic {
    fn read(mut fields: Fields) -> Result<Self> {
        let group = group(&mut fields)?;
        let topic = fields.given(TOPIC).ok_or_else(|| fields.missing(TOPIC))?.text(TOPIC_MAX)?;
        Ok(Self { group, topic: topic.trim().to_owned() })
    }
}

/// `POST /group/photo`
pub struct SetPhoto {
    pub group: String,
    /// `None` takes it away.
    pub image: Option<Media>,
}

impl Payload for SetPhoto {
    fn read(mut fields: Fields) -> Result<Self> {
        let group = group(&mut fields)?;
        let remove = fields.flag("Remove")?;
        let image = if remove { None } else { Some(Media::required(&mut fields, IMAGE, Kind::Image)?) };
        Ok(Self { group, image })
    }
}

impl WithFiles for SetPhoto {
    const FILES: Files = Files::one("Image", Kind::Image);
}

/// `POST /group/announce`: whether only admins write.
pub struct SetAnnounce {
    pub group: String,
    pub on: bool,
}

impl Payload for SetAnnounce {
    fn read(mut fields: Fields) -> Result<Self> {
        Ok(Self { group: group(&mut fields)?, on: on(&mut fields, "Announce")? })
    }
}

/// `POST /group/locked`: whether only admins change what the group is called and says of itself.
pub struct SetLocked {
    pub group: String,
    pub on: bool,
}

impl Payload for SetLocked {
    fn read(mut fields: Fields) -> Result<Self> {
        Ok(Self { group: group(&mut fields)?, on: on(&mut fields, "Locked")? })
    }
}

/// `POST /group/ephemeral`: how long new messages stay.
pub struct SetTimer {
    pub group: String,
    /// Seconds; 0: for good.
    pub seconds: u32,
}

impl Payload for SetTimer {
    fn read(mut fields: Fields) -> Result<Self> {
        Ok(Self { group: group(&mut fields)?, seconds: disappearing(fields.required("Duration")?)? })
    }
}

/// `POST /group/joinapprovalmode`: whether admins are asked before somebody joins by the link.
pub struct SetApproval {
    pub group: String,
    pub on: bool,
}

impl Payload for SetApproval {
    fn read(mut fields: Fields) -> Result<Self> {
        Ok(Self { group: group(&mut fields)?, on: flag_or_word(&mut fields, &["on", "off"])? })
    }
}

/// `POST /group/memberaddmode`: who adds people.
pub struct SetAddMode {
    pub group: String,
    /// Only admins.
    pub admins: bool,
}

impl Payload for SetAddMode {
    fn read(mut fields: Fields) -> Result<Self> {
        Ok(Self { group: group(&mut fields)?, admins: flag_or_word(&mut fields, &["admin_add", "all_member_add"])? })
    }
}

/// `Mode`: true or false, or a word for each.
fn flag_or_word(fields: &mut Fields, words: &[&str; 2]) -> Result<bool> {
    const MODE: &str = "Mode";
    let expected = || Invalid::field(MODE, format!("{} or {}", words[0], words[1]));
    let given = fields.required(MODE)?;
    if given.is_flag() {
        return given.flag();
    }
    let word = given.text(32).map_err(|_| expected())?.to_ascii_lowercase();
    let place = words.iter().position(|known| *known == word);
    match place {
        Some(place) => Ok(place == 0),
        None => match word.as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(expected()),
        },
    }
}

/// A group as WhatsApp tells of it. What it does not tell is empty.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Group {
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
    pub approval: JoinApproval,
    pub is_incognito: bool,
    /// A community's own group.
    pub is_parent: bool,
    /// The community that it belongs to.
    #[serde(rename = "LinkedParentJID")]
    pub linked_parent_jid: String,
    /// A community's announcements.
    pub is_default_sub_group: bool,
    /// `pn` or `lid`.
    pub addressing_mode: String,
    pub group_created: String,
    pub creator_country_code: String,
    pub participant_version_id: String,
    /// `admin_add` or `all_member_add`.
    pub member_add_mode: String,
    pub suspended: bool,
    /// How many they are, also where they are not told.
    pub participant_count: u64,
    pub participants: Vec<Member>,
    /// Of a group that was just made with a picture: why it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture_error: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Member {
    #[serde(flatten)]
    pub person: GroupParticipant,
    /// WhatsApp's code for why the person could not be added; 0: there was nothing against it.
    pub error: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub add_request: Option<AddRequest>,
}

/// With code 403: what lets the person in all the same. It is sent to them by `/send/groupinvite`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AddRequest {
    pub code: String,
    /// Unix seconds.
    pub expiration: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Groups {
    /// In the order of their JIDs.
    pub groups: Vec<Group>,
    /// For `?page=`, if there is more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

#[derive(Serialize)]
pub struct InviteLink {
    #[serde(rename = "InviteLink")]
    pub link: String,
}

/// The answer to `/group/join`.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Joined {
    pub details: &'static str,
    #[serde(rename = "JID")]
    pub jid: String,
    /// An admin has to let the account in.
    pub pending: bool,
}

/// The answer to what was asked for several people.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Updated {
    pub details: &'static str,
    pub participants: Vec<Outcome>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Outcome {
    #[serde(rename = "JID")]
    pub jid: String,
    /// The person's other address, where it is known.
    #[serde(rename = "JIDAlt")]
    pub jid_alt: String,
    /// 200, or WhatsApp's code for why not.
    pub code: u16,
    /// What the code means; empty of 200.
    pub error: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub add_request: Option<AddRequest>,
}

/// Somebody who wants in.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct JoinRequest {
    #[serde(rename = "JID")]
    pub jid: String,
    #[serde(rename = "JIDAlt")]
    pub jid_alt: String,
    pub requested_at: String,
}

/// The answer to `/group/photo`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PhotoSet {
    pub details: &'static str,
    #[serde(rename = "PictureID")]
    pub picture_id: String,
}
