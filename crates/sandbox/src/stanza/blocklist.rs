//! `xmlns="blocklist"`: whom somebody does not want to hear of. People on it go by LID.

use wacore_binary::{Node, Server};

use super::{
    notice,
    read::{Read as _, node, refusal, result},
};
use crate::{account::Number, device::DeviceId, group::act::Refused, privacy, state::State};

pub(super) fn get(state: &State, from: DeviceId, id: &str, iq: &Node) -> Node {
    let known = iq.child("item").and_then(|item| item.text("dhash"));
    result(id, [list(state, from.number, known.as_deref())])
}

/// The whole list, or that it is the one that is known.
fn list(state: &State, number: Number, known: Option<&str>) -> Node {
    let blocked = state.accounts.get(&number).map(|account| account.blocked.clone()).unwrap_or_default();
    let version = privacy::version(&blocked);
    let matched = known == Some(version.as_str());
    let list = node("list").attr("matched", if matched { "true" } else { "false" }).attr("dhash", version);
    if matched {
        return list.build();
    }
    let people = blocked.iter().filter_map(|number| state.accounts.get(number));
    let items = people.map(|person| node("item").attr("jid", person.lid_jid()).attr("pn_jid", person.jid()).build());
    list.attr("addressing_mode", "lid").children(items.collect::<Vec<_>>()).build()
}

pub(super) fn set(state: &mut State, from: DeviceId, id: &str, iq: &Node) -> Node {
    let known = iq.child("item").and_then(|item| item.text("dhash"));
    // A device that had the newest version knows what its own change makes of it.
    let knew = known.is_some_and(|known| {
        state.accounts.get(&from.number).is_some_and(|account| privacy::version(&account.blocked) == known)
    });
    match change(state, from, iq) {
        Ok(()) => {
            let version = state.accounts.get(&from.number).map(|account| privacy::version(&account.blocked));
            result(id, [list(state, from.number, version.as_deref().filter(|_| knew))])
        }
        Err(refused) => refusal(id, refused.0, refused.text()),
    }
}

fn change(state: &mut State, from: DeviceId, iq: &Node) -> Result<(), Refused> {
    let item = iq.child("item").ok_or(Refused(400))?;
    let block = match item.text("action").as_deref() {
        Some("block") => true,
        Some("unblock") => false,
        _ => return Err(Refused(400)),
    };
    // Everybody has a LID here, and goes by it; who is blocked must be named by the number, too, or be said to have none.
    let jid = item.jid("jid").filter(|jid| jid.server == Server::Lid).ok_or(Refused(400))?;
    let named = item.jid("pn_jid");
    if block && named.is_none() && item.text("unknown_identifier").as_deref() != Some("true") {
        return Err(Refused(400));
    }
    let number = state.account_of(&jid).ok_or(Refused(404))?.number;
    if named.is_some_and(|named| state.account_of(&named).is_none_or(|account| account.number != number)) {
        return Err(Refused(400));
    }
    set_blocked(state, from, number, block)
}

/// As a device of the account does; the others are told.
pub(crate) fn set_blocked(state: &mut State, by: DeviceId, number: Number, block: bool) -> Result<(), Refused> {
    if number == by.number {
        return Err(Refused(406));
    }
    let Some((lid, pn)) = state.accounts.get(&number).map(|account| (account.lid_jid(), account.jid())) else {
        return Err(Refused(404));
    };
    let before = state.accounts.get(&by.number).map(|account| privacy::version(&account.blocked)).unwrap_or_default();
    let changed = state.change_account(by.number, |account| {
        if block { account.blocked.insert(number) } else { account.blocked.remove(&number) }
    });
    if changed != Some(true) {
        return Ok(());
    }
    let after = state.accounts.get(&by.number).map(|account| privacy::version(&account.blocked)).unwrap_or_default();
    let item = node("item").attr("jid", lid).attr("pn_jid", pn).attr("action", if block { "block" } else { "unblock" });
    let change = node("blocklist").attr("dhash", after).attr("prev_dhash", before).children([item.build()]);
    notice::tell_own(state, by, change.build());
    super::presence::show_again(state, by.number);
    Ok(())
}
