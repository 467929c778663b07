//! `/community/*`: groups that belong together.

use serde::Serialize;

use crate::{
    group::{self, Group},
    payload::{Fields, Name, Payload, Result},
    send::media::{Files, Kind, Media, WithFiles},
    session::PHONE_MAX,
};

/// Groups in one request.
const GROUPS_MAX: usize = 100;

const COMMUNITY: Name = Name { field: "CommunityJID", aliases: &["community", "jid", "parent"] };
const GROUPS: Name = Name { field: "GroupJID", aliases: &["groups", "group", "GroupJIDs"] };
const NAME: Name = Name { field: "Name", aliases: &["CommunityName", "Subject"] };
const ABOUT: Name = Name { field: "Description", aliases: &["Topic"] };
const IMAGE: Name = Name { field: "Image", aliases: &["Picture", "Photo"] };

fn community(fields: &mut Fields) -> Result<String> {
    fields.required(COMMUNITY)?.text(PHONE_MAX)
}

/// `POST /community/create`
pub struct Create {
    pub name: String,
    pub description: Option<String>,
    pub image: Option<Media>,
    /// Admins let people in.
    pub closed: bool,
    /// Who is no admin makes groups in it, too.
    pub members_create: bool,
}

impl Payload for Create {
    fn read(mut fields: Fields) -> Result<Self> {
        let name = fields.required(NAME)?.text(group::NAME_MAX)?.trim().to_owned();
        if name.is_empty() {
            return Err(fields.missing(NAME));
        }
        Ok(Self {
            name,
            description: fields.text(ABOUT, group::TOPIC_MAX)?,
            image: Media::optional(&mut fields, IMAGE, Kind::Image)?,
            closed: fields.flag("Closed")?,
            members_create: fields.flag("MembersCreate")?,
        })
    }
}

impl WithFiles for Create {
    const FILES: Files = Files::one("Image", Kind::Image);
}

/// `POST /community/add` and `/community/remove`
pub struct Link {
    pub community: String,
    /// Groups as written.
    pub groups: Vec<String>,
}

impl Payload for Link {
    fn read(mut fields: Fields) -> Result<Self> {
        let community = community(&mut fields)?;
        let groups = fields.required(GROUPS)?.words(GROUPS_MAX, PHONE_MAX)?;
        if groups.is_empty() { Err(fields.missing(GROUPS)) } else { Ok(Self { community, groups }) }
    }
}

/// `/community/info` and `/community/subgroups`
pub struct Which {
    pub community: String,
}

impl Payload for Which {
    fn read(mut fields: Fields) -> Result<Self> {
        Ok(Self { community: community(&mut fields)? })
    }
}

/// The answer to `/community/add` and `/community/remove`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Linked {
    pub details: &'static str,
    pub groups: Vec<Outcome>,
}

/// What became of one group of several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Outcome {
    #[serde(rename = "JID")]
    pub jid: String,
    /// 200, or WhatsApp's code for why not.
    pub code: u16,
    /// What the code means; empty of 200.
    pub error: &'static str,
}

/// The answer to `/community/subgroups`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SubGroups {
    pub sub_groups: Vec<SubGroup>,
}

/// A group of a community.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SubGroup {
    #[serde(rename = "JID")]
    pub jid: String,
    pub name: String,
    pub name_set_at: String,
    /// It is the one for announcements.
    pub is_default_sub_group: bool,
    /// 0 where it is not told.
    pub participant_count: u64,
}

/// The answer to `/community/info`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Community {
    #[serde(flatten)]
    pub group: Group,
    pub sub_groups: Vec<SubGroup>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: Payload>(body: &str) -> Result<T> {
        T::read(Fields::parse(body.as_bytes()).unwrap())
    }

    #[test]
    fn groups_come_one_or_several() {
        for groups in [r#""groupJid":["1@g.us"]"#, r#""groupjid":"1@g.us""#, r#""groups":["1@g.us"]"#] {
            let link = read::<Link>(&format!(r#"{{"communityJid":"2@g.us",{groups}}}"#)).unwrap();
            assert_eq!((link.community.as_str(), link.groups), ("2@g.us", vec!["1@g.us".to_owned()]));
        }
        let said = |body| read::<Link>(body).err().map(|error| error.to_string());
        assert_eq!(said(r#"{"jid":"2@g.us"}"#).unwrap(), "missing GroupJID in payload");
        assert_eq!(said(r#"{"groups":["1@g.us"]}"#).unwrap(), "missing CommunityJID in payload");
        let many = serde_json::to_string(&vec!["1@g.us"; 101]).unwrap();
        let body = format!(r#"{{"jid":"2@g.us","groups":{many}}}"#);
        assert_eq!(said(&body).unwrap(), "GroupJID should be a list of at most 100 strings");
    }

    #[test]
    fn a_community_has_a_name() {
        let made = read::<Create>(r#"{"communityName":"Town","description":"d","closed":true}"#).unwrap();
        assert_eq!((made.name.as_str(), made.closed, made.members_create), ("Town", true, false));
        assert!(read::<Create>(r#"{"name":" "}"#).is_err());
    }
}
