//! What holds for a whole group: what it is called and says of itself, and its rules.

use super::{
    Description, GroupId, Written,
    act::{Refused, seen},
    notice,
};
use crate::{account::Number, stanza::read::node, state::State};

const SUBJECT_CHARACTERS_MAX: usize = 100;
const DESCRIPTION_CHARACTERS_MAX: usize = 2_048;
const DESCRIPTION_ID_CHARACTERS_MAX: usize = 64;
/// Messages disappear after a day, a week or 90 days, or never.
const EPHEMERAL: [u32; 4] = [0, 86_400, 604_800, 7_776_000];

/// A change of something that holds for the whole group.
pub(crate) enum Setting {
    Subject(String),
    /// `text` is absent when it is taken away; `previous` must be the id of the one that it replaces.
    Description {
        id: String,
        text: Option<String>,
        previous: Option<String>,
    },
    Announce(bool),
    Locked(bool),
    /// Seconds; 0: off.
    Ephemeral(u32),
    Approval(bool),
    AdminsAdd(bool),
}

pub(super) fn check_subject(subject: &str) -> Result<(), Refused> {
    let fits = !subject.trim().is_empty() && subject.chars().count() <= SUBJECT_CHARACTERS_MAX;
    if fits { Ok(()) } else { Err(Refused(406)) }
}

pub(super) fn check_description(id: &str, text: Option<&str>) -> Result<(), Refused> {
    let fits = id.len() <= DESCRIPTION_ID_CHARACTERS_MAX
        && text.is_none_or(|text| text.chars().count() <= DESCRIPTION_CHARACTERS_MAX);
    if fits { Ok(()) } else { Err(Refused(406)) }
}

pub(super) fn check_ephemeral(seconds: u32) -> Result<(), Refused> {
    if EPHEMERAL.contains(&seconds) { Ok(()) } else { Err(Refused(406)) }
}

pub(crate) fn set(state: &mut State, by: Number, id: GroupId, setting: Setting) -> Result<(), Refused> {
    let group = seen(state, by, id)?;
    let for_admins = match setting {
        Setting::Subject(_) | Setting::Description { .. } | Setting::Ephemeral(_) => group.locked,
        Setting::Announce(_) | Setting::Locked(_) | Setting::Approval(_) | Setting::AdminsAdd(_) => true,
    };
    if for_admins && !group.is_admin(by) {
        return Err(Refused(403));
    }
    let now = crate::now();
    let change = match setting {
        Setting::Subject(text) => {
            check_subject(&text)?;
            let subject = Written { text, by, at: now };
            state.change_group(id, |group| group.subject = subject.clone());
            notice::subject(state, &subject)
        }
        Setting::Description { id: description, text, previous } => {
            check_description(&description, text.as_deref())?;
            if group.description.as_ref().map(|known| known.id.as_str()) != previous.as_deref() {
                return Err(Refused(409));
            }
            let content = match &text {
                Some(text) => notice::body(text),
                None => node("delete").build(),
            };
            let change = node("description").attr("id", description.as_str()).children([content]).build();
            let new = text.map(|text| Description { id: description, written: Written { text, by, at: now } });
            state.change_group(id, |group| group.description = new);
            change
        }
        Setting::Announce(on) => {
            state.change_group(id, |group| group.announce = on);
            node(if on { "announcement" } else { "not_announcement" }).build()
        }
        Setting::Locked(on) => {
            state.change_group(id, |group| group.locked = on);
            node(if on { "locked" } else { "unlocked" }).build()
        }
        Setting::Ephemeral(seconds) => {
            check_ephemeral(seconds)?;
            state.change_group(id, |group| group.ephemeral = seconds);
            notice::ephemeral(seconds)
        }
        Setting::Approval(on) => {
            state.change_group(id, |group| group.approval = on);
            notice::approval(on)
        }
        Setting::AdminsAdd(on) => {
            state.change_group(id, |group| group.admins_add = on);
            notice::add_mode(on)
        }
    };
    notice::tell_all(state, id, by, change);
    Ok(())
}
