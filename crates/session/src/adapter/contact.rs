//! Other people, as they change.

use sha2::{Digest as _, Sha256};
use wacore::types::events::{
    BusinessStatusUpdate, BusinessUpdateType, ContactNumberChanged, DisappearingModeChanged, IdentityChange,
    PictureUpdate, UserAboutUpdate,
};
use wago_contract::event;
use wago_store::ChatChange;

use super::{
    message::{text, time},
    names::Around,
};
use crate::record::Record;

pub fn picture(update: &PictureUpdate, around: Around) -> Record {
    let told = event::Picture {
        jid: update.jid.to_string(),
        jid_alt: around.alt(&update.jid, None),
        author: text(update.author.as_ref()),
        author_alt: update.author.as_ref().map(|author| around.alt(author, None)).unwrap_or_default(),
        timestamp: time(update.timestamp),
        remove: update.removed,
        picture_id: update.picture_id.clone().unwrap_or_default(),
    };
    let dedupe = format!("picture|{}|{}|{}", told.jid, told.picture_id, told.timestamp);
    Record::new("Picture", &told).in_chat(around.chat(&update.jid, None)).once(dedupe)
}

pub fn about(update: &UserAboutUpdate, around: Around) -> Record {
    let told = event::UserAbout {
        jid: update.jid.to_string(),
        jid_alt: around.alt(&update.jid, None),
        status: update.status.clone(),
        timestamp: time(update.timestamp),
    };
    // Two texts within a second are two events.
    let text = Sha256::digest(&told.status);
    let dedupe =
        format!("about|{}|{}|{:02x}{:02x}{:02x}{:02x}", told.jid, told.timestamp, text[0], text[1], text[2], text[3]);
    Record::new("UserAbout", &told).in_chat(around.chat(&update.jid, None)).once(dedupe)
}

pub fn identity(change: &IdentityChange, around: Around) -> Record {
    let told = event::IdentityChange {
        jid: change.user.to_string(),
        jid_alt: around.alt(&change.user, change.lid_user.as_ref().filter(|_| !change.user.is_lid())),
        timestamp: time(around.now),
        implicit: change.implicit,
    };
    Record::new("IdentityChange", &told).in_chat(around.chat(&change.user, None))
}

pub fn disappearing(change: &DisappearingModeChanged, around: Around) -> Record {
    let told = event::DisappearingMode {
        from: change.from.to_string(),
        from_alt: around.alt(&change.from, None),
        duration: change.duration,
        timestamp: time(change.setting_timestamp),
    };
    let dedupe = format!("disappearing|{}|{}", told.from, told.timestamp);
    Record::new("DisappearingMode", &told).in_chat(around.chat(&change.from, None)).once(dedupe)
}

pub fn number(change: &ContactNumberChanged, around: Around) -> Record {
    let told = event::ContactNumberChange {
        old_jid: change.old_jid.to_string(),
        old_lid: around.alt(&change.old_jid, change.old_lid.as_ref()),
        new_jid: change.new_jid.to_string(),
        new_lid: around.alt(&change.new_jid, change.new_lid.as_ref()),
        timestamp: time(change.timestamp),
    };
    let dedupe = format!("number|{}|{}|{}", told.old_jid, told.new_jid, told.timestamp);
    Record::new("ContactNumberChange", &told).in_chat(around.chat(&change.old_jid, None)).once(dedupe)
}

/// Only of a change of the name: the rest of a business profile is fetched, not told.
pub fn business_name(update: &BusinessStatusUpdate, around: Around) -> Option<Record> {
    if update.update_type != BusinessUpdateType::VerifiedNameChanged {
        return None;
    }
    let jid = update.target_jid.as_ref().unwrap_or(&update.jid);
    let told = event::BusinessName {
        jid: jid.to_string(),
        jid_alt: around.alt(jid, None),
        timestamp: time(update.timestamp),
        old_business_name: String::new(),
        new_business_name: update.verified_name.clone().unwrap_or_default(),
    };
    let dedupe = format!("business|{}|{}", told.jid, told.timestamp);
    let chat = around.chat(jid, None);
    let named = ChatChange::BusinessName { jid: chat.clone(), name: told.new_business_name.clone() };
    Some(Record::new("BusinessName", &told).with_chats(vec![named]).in_chat(chat).once(dedupe))
}
