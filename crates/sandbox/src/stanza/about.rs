//! `xmlns="status"`: what a person says of itself. And how long messages stay in the chats that it begins.

use wacore_binary::Node;

use super::{
    notice,
    read::{Read as _, node, refusal, result},
};
use crate::{account::Disappearing, device::DeviceId, group::act::Refused, privacy, state::State};

const ABOUT_CHARACTERS_MAX: usize = 139;
/// Seconds that WhatsApp offers.
const DISAPPEARING: [u32; 4] = [0, 86_400, 604_800, 7_776_000];

pub(super) fn set(state: &mut State, from: DeviceId, id: &str, iq: &Node) -> Node {
    let about = iq.child("status").map(|status| String::from_utf8_lossy(&status.content()).into_owned());
    match about.ok_or(Refused(400)).and_then(|about| set_about(state, from, &about)) {
        Ok(()) => result(id, []),
        Err(refused) => refusal(id, refused.0, refused.text()),
    }
}

/// As a device of the account does; whoever is shown it is told.
pub(crate) fn set_about(state: &mut State, by: DeviceId, about: &str) -> Result<(), Refused> {
    if about.chars().count() > ABOUT_CHARACTERS_MAX {
        return Err(Refused(406));
    }
    let own = state.change_account(by.number, |account| {
        account.about = about.to_owned();
        account.about_at = crate::now();
        (account.jid(), account.name.clone())
    });
    let Some((own, name)) = own else { return Err(Refused(404)) };
    let text = node("set").string_content(about).build();
    let told = notice::notification(state, &own, "status").attr("notify", name).children([text]).build();
    let people = privacy::audience(state, by.number, "status");
    notice::tell(state, people, None, &told);
    notice::tell_own(state, by, node("status").build());
    Ok(())
}

pub(super) fn set_disappearing(state: &mut State, from: DeviceId, id: &str, iq: &Node) -> Node {
    let seconds = iq.child("disappearing_mode").and_then(|mode| mode.text("duration")?.parse::<u32>().ok());
    let Some(seconds) = seconds else { return refusal(id, 400, "bad-request") };
    if !DISAPPEARING.contains(&seconds) {
        return refusal(id, 406, "not-acceptable");
    }
    let mode = Disappearing { seconds, set_at: crate::now() };
    let own = state.change_account(from.number, |account| {
        account.disappearing = mode;
        account.jid()
    });
    let Some(own) = own else { return refusal(id, 404, "item-not-found") };
    let told = notice::notification(state, &own, "disappearing_mode").children([disappearing(mode)]).build();
    let mut people = state.peers(from.number);
    people.push(from.number);
    notice::tell(state, people, Some(from), &told);
    result(id, [])
}

pub(super) fn disappearing(mode: Disappearing) -> Node {
    node("disappearing_mode").attr("duration", mode.seconds).attr("t", mode.set_at).build()
}
