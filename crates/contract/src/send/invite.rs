//! `/send/groupinvite`.

use super::{
    CAPTION_MAX, Content, Envelope, Part,
    media::{Files, Kind, Media},
};
use crate::{
    payload::{Fields, Invalid, Name, Result},
    session::PHONE_MAX,
};

const GROUP: Name = Name { field: "GroupJID", aliases: &["GroupJid", "Group"] };
const GROUP_NAME: Name = Name { field: "GroupName", aliases: &["Subject"] };
const BODY: Name = Name { field: "Body", aliases: &["Caption"] };

/// `POST /send/groupinvite`
pub struct Invite {
    pub group: String,
    /// What follows `https://chat.whatsapp.com/` in the group's link, or that link.
    pub code: String,
    pub group_name: Option<String>,
    pub body: Option<String>,
    pub image: Option<Media>,
    /// Unix seconds.
    pub expiration: Option<i64>,
}

impl Part for Invite {
    const FILES: Files = Files::one("Image", Kind::Image);

    fn read(fields: &mut Fields, _: &Envelope) -> Result<Self> {
        let group = fields.required(GROUP)?.text(PHONE_MAX)?;
        let user = group.trim().strip_suffix("@g.us").unwrap_or_default();
        if user.is_empty() || !user.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
            return Err(Invalid::field("GroupJID", "a group's JID, which ends in @g.us"));
        }
        let code = fields.required("Code")?.text(256)?;
        let code = code.trim().rsplit('/').next().unwrap_or_default();
        let code = code.split('?').next().unwrap_or_default();
        if code.is_empty() || !code.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_=+".contains(&byte)) {
            return Err(Invalid::field("Code", "an invite code, or the link that ends in it"));
        }
        Ok(Self {
            code: code.to_owned(),
            group: group.trim().to_owned(),
            group_name: fields.text(GROUP_NAME, 256)?,
            body: fields.text(BODY, CAPTION_MAX)?,
            image: Media::optional(fields, "Image", Kind::Image)?,
            expiration: fields.integer("Expiration", 0..=i64::from(u32::MAX))?,
        })
    }
    fn media(&mut self) -> Vec<&mut Media> {
        self.image.iter_mut().collect()
    }
    fn content(self) -> Content {
        Content::Invite(self)
    }
}
