//! `/user/*`: people, and what the account shows them of itself.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    payload::{Fields, Invalid, Name, PHONE, Payload, Result},
    send::media::{Files, Kind, Media, WithFiles},
    session::PHONE_MAX,
};

pub mod privacy;

#[cfg(test)]
mod tests;

/// People of whom one asks everything at once.
pub const INFO_MAX: usize = 100;
/// Numbers that are looked up at once.
pub const CHECK_MAX: usize = 500;
/// Characters in a name, as WhatsApp's clients have it.
const NAME_MAX: usize = 25;
/// Characters in an about text.
const ABOUT_MAX: usize = 139;
const PICTURE_ID_MAX: usize = 64;

const PHONES: Name = Name { field: "Phone", aliases: &["Phones", "number", "to", "jid"] };
const PERSON: Name = Name { field: "Phone", aliases: &["JID", "number", "to", "chat"] };
const KNOWN: Name = Name { field: "ExistingID", aliases: &["PictureID"] };
const TYPE: Name = Name { field: "Type", aliases: &["Presence", "State"] };
const NAME: Name = Name { field: "Name", aliases: &["PushName"] };
const ABOUT: Name = Name { field: "Body", aliases: &["About", "Status", "Text"] };

fn people(mut fields: Fields, max: usize) -> Result<Vec<String>> {
    let phones = fields.required(PHONES)?.words(max, PHONE_MAX)?;
    if phones.is_empty() { Err(fields.missing(PHONES)) } else { Ok(phones) }
}

/// `POST /user/check`: people as written.
pub struct Check(pub Vec<String>);

impl Payload for Check {
    fn read(fields: Fields) -> Result<Self> {
        people(fields, CHECK_MAX).map(Self)
    }
}

/// One answer of `POST /user/check`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Checked {
    /// As it was asked.
    pub query: String,
    pub is_in_whatsapp: bool,
    #[serde(rename = "JID")]
    pub jid: String,
    #[serde(rename = "LID")]
    pub lid: String,
    /// Of a business.
    pub verified_name: String,
    #[serde(flatten)]
    pub error: Option<PersonError>,
}

/// Why something is not known of one person of several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PersonError {
    pub error: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CheckedUsers {
    pub users: Vec<Checked>,
}

/// `POST /user/info`: people as written.
pub struct AskInfo(pub Vec<String>);

impl Payload for AskInfo {
    fn read(fields: Fields) -> Result<Self> {
        people(fields, INFO_MAX).map(Self)
    }
}

/// What there is to know of a person. Empty: there is none, or it is not shown; then `errors` may say which.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Info {
    pub verified_name: Option<VerifiedName>,
    /// The about text.
    pub status: String,
    #[serde(rename = "PictureID")]
    pub picture_id: String,
    /// JIDs, the phone's first.
    pub devices: Vec<String>,
    #[serde(rename = "LID")]
    pub lid: String,
    /// The JID by phone number.
    #[serde(rename = "JID")]
    pub jid: String,
    /// By the field's name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<&'static str, Refusal>,
    #[serde(flatten)]
    pub error: Option<PersonError>,
}

/// WhatsApp's no to a part of a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Refusal {
    pub code: u16,
    pub text: String,
}

/// Of a business, as its certificate has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct VerifiedName {
    pub details: VerifiedNameDetails,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifiedNameDetails {
    pub verified_name: String,
    pub serial: String,
    pub issuer: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Infos {
    /// By JID, in the terms in which they were asked for.
    pub users: BTreeMap<String, Info>,
}

/// `GET` and `POST /user/avatar`
pub struct AskAvatar {
    /// A person or a group.
    pub phone: String,
    /// The small one.
    pub preview: bool,
    /// The id of the picture that one has already.
    pub known: Option<String>,
}

impl Payload for AskAvatar {
    fn read(mut fields: Fields) -> Result<Self> {
        Ok(Self {
            phone: fields.required(PHONE)?.text(PHONE_MAX)?,
            preview: fields.flag("Preview")?,
            known: fields.text(KNOWN, PICTURE_ID_MAX)?,
        })
    }
}

/// Where a picture is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Avatar {
    pub id: String,
    /// Valid for some days.
    pub url: String,
    /// `image` or `preview`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub direct_path: String,
    pub hash: String,
    /// It is still the one that was named by `ExistingID`; there is no address then.
    pub unchanged: bool,
}

/// `POST /user/profile`: the own picture.
pub enum SetProfile {
    Picture(Media),
    Remove,
}

impl Payload for SetProfile {
    fn read(mut fields: Fields) -> Result<Self> {
        const IMAGE: Name = Name { field: "Image", aliases: &["Picture", "Photo"] };
        if fields.flag("Remove")? {
            return Ok(Self::Remove);
        }
        Media::required(&mut fields, IMAGE, Kind::Image).map(Self::Picture)
    }
}

impl WithFiles for SetProfile {
    const FILES: Files = Files::one("Image", Kind::Image);
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PictureSet {
    pub details: &'static str,
    #[serde(rename = "PictureID")]
    pub picture_id: String,
}

/// `POST /user/name`: what others see above messages of one whom they do not know.
pub struct SetName(pub String);

impl Payload for SetName {
    fn read(mut fields: Fields) -> Result<Self> {
        let name = fields.required(NAME)?.text(4 * NAME_MAX)?.trim().to_owned();
        if name.is_empty() {
            return Err(fields.missing(NAME));
        }
        if name.chars().count() > NAME_MAX || name.contains(char::is_control) {
            return Err(Invalid::field("Name", format!("at most {NAME_MAX} characters long, all of them printable")));
        }
        Ok(Self(name))
    }
}

/// `POST /user/about`
pub struct SetAbout(pub String);

impl Payload for SetAbout {
    fn read(mut fields: Fields) -> Result<Self> {
        Ok(Self(fields.required(ABOUT)?.text(ABOUT_MAX)?))
    }
}

/// `POST /user/presence`: whether the account shows as being there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnPresence {
    Available,
    Unavailable,
}

impl Payload for OwnPresence {
    fn read(mut fields: Fields) -> Result<Self> {
        match fields.required(TYPE)?.text(16)?.to_ascii_lowercase().as_str() {
            "available" => Ok(Self::Available),
            "unavailable" => Ok(Self::Unavailable),
            _ => Err(Invalid::field("Type", "available or unavailable")),
        }
    }
}

/// `POST /user/presence/subscribe`, `/user/block`, `/user/unblock`: one person.
pub struct Person(pub String);

impl Payload for Person {
    fn read(mut fields: Fields) -> Result<Self> {
        fields.required(PERSON)?.text(PHONE_MAX).map(Self)
    }
}

/// `GET /user/lid/{jid}`: both names of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Names {
    pub jid: String,
    pub lid: String,
}

/// `GET /user/blocklist`
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Blocklist {
    /// JIDs: by phone number where it is known.
    pub blocklist: Vec<String>,
    /// Both names of each, in the same order; what is not known is empty.
    pub people: Vec<Names>,
    /// WhatsApp's version of the list.
    #[serde(rename = "DHash")]
    pub dhash: String,
}

/// The answer to `/user/block` and `/user/unblock`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Blocked {
    pub details: &'static str,
    /// By phone number where it is known.
    #[serde(rename = "JID")]
    pub jid: String,
    /// As it was asked, if that is another.
    #[serde(rename = "RequestedJID", skip_serializing_if = "Option::is_none")]
    pub requested: Option<String>,
    #[serde(flatten)]
    pub list: Blocklist,
}
