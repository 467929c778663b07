use wago_contract::send::invite::Invite;
use waproto::{
    buffa::MessageField,
    whatsapp::{self as wa, message::GroupInviteMessage},
};

use super::Build;
use crate::Result;

/// Seconds for which WhatsApp's clients let an invitation stand.
const STANDS: i64 = 3 * 24 * 3600;

pub fn invite(build: &mut Build, invite: Invite) -> Result<wa::Message> {
    let Invite { group, code, group_name, body, image, expiration } = invite;
    let image = image.is_some().then(|| build.file()).transpose()?;
    let part = GroupInviteMessage {
        group_jid: Some(group),
        invite_code: Some(code),
        invite_expiration: Some(expiration.unwrap_or(build.now + STANDS)),
        group_name,
        caption: body,
        jpeg_thumbnail: image.and_then(|image| image.facts.thumbnail),
        ..Default::default()
    };
    let message = wa::Message { group_invite_message: MessageField::some(part), ..Default::default() };
    Ok(build.in_context(message))
}
