//! `xmlns="privacy"`: who is shown what.

use std::collections::BTreeSet;

use wacore_binary::{Jid, Node};

use super::{
    notice,
    read::{Read as _, node, refusal, result},
};
use crate::{
    account::Number,
    device::DeviceId,
    group::act::Refused,
    privacy::{self, ALL_CONTACTS_BUT, CATEGORIES, Category},
    state::State,
};

/// What a device names as the version of a list that it never read.
const NO_VERSION: &str = "none";

pub(super) fn get(state: &State, from: DeviceId, id: &str, iq: &Node) -> Node {
    let Some(account) = state.accounts.get(&from.number) else { return refusal(id, 404, "item-not-found") };
    let asked = iq.child("privacy");
    if let Some(list) = asked.and_then(|asked| asked.child("list")) {
        let category = list.text("name").and_then(|name| privacy::category(&name));
        let Some(category) = category.filter(|category| category.takes(ALL_CONTACTS_BUT)) else {
            return refusal(id, 400, "bad-request");
        };
        let by_lid = asked.and_then(|asked| asked.text("addressing_mode")).as_deref() == Some("lid");
        return result(id, [node("privacy").children(left_out(state, from.number, category, by_lid)).build()]);
    }
    let categories = CATEGORIES
        .iter()
        .map(|category| node("category").attr("name", category.name).attr("value", category.of(account)).build());
    result(id, [node("privacy").children(categories.collect::<Vec<_>>()).build()])
}

/// Those who are left out. Nothing unless that is the setting.
fn left_out(state: &State, number: Number, category: &Category, by_lid: bool) -> Option<Node> {
    let account = state.accounts.get(&number)?;
    if category.of(account) != ALL_CONTACTS_BUT {
        return None;
    }
    let people = account.excepted.get(category.name).cloned().unwrap_or_default();
    let users = people.iter().filter_map(|number| state.accounts.get(number)).map(|person| match by_lid {
        true => node("user").attr("jid", person.lid_jid()).attr("pn_jid", person.jid()).build(),
        false => node("user").attr("jid", person.jid()).build(),
    });
    let list = node("list")
        .attr("name", category.name)
        .attr("value", ALL_CONTACTS_BUT)
        .attr("dhash", privacy::version(&people))
        .children(users.collect::<Vec<_>>());
    Some(list.build())
}

pub(super) fn set(state: &mut State, from: DeviceId, id: &str, iq: &Node) -> Node {
    // Tokens of trust for contacts go the same way; the network trusts everybody.
    if iq.child("tokens").is_some() {
        return result(id, []);
    }
    let categories = iq.child("privacy").map(|settings| settings.nodes().to_vec()).unwrap_or_default();
    let mut changes = Vec::with_capacity(categories.len());
    for node in &categories {
        match change(state, from.number, node) {
            Ok(change) => changes.push(change),
            Err(refused) => return refusal(id, refused.0, refused.text()),
        }
    }
    if changes.is_empty() {
        return refusal(id, 400, "bad-request");
    }
    let mut answers = Vec::with_capacity(changes.len());
    for change in changes {
        match apply(state, from, change) {
            Ok(answer) => answers.push(answer),
            Err(refused) => return refusal(id, refused.0, refused.text()),
        }
    }
    result(id, [node("privacy").children(answers).build()])
}

/// A setting to be changed, all of it sound.
pub(crate) struct Change {
    pub category: &'static Category,
    pub value: String,
    pub add: BTreeSet<Number>,
    pub remove: BTreeSet<Number>,
}

fn change(state: &State, number: Number, asked: &Node) -> Result<Change, Refused> {
    let (name, value) = (asked.text("name").ok_or(Refused(400))?, asked.text("value").ok_or(Refused(400))?);
    let category = privacy::category(&name).filter(|category| category.takes(&value)).ok_or(Refused(400))?;
    let mut change = Change { category, value, add: BTreeSet::new(), remove: BTreeSet::new() };
    let users: Vec<&Node> = asked.nodes().iter().filter(|child| child.tag == "user").collect();
    if (!users.is_empty() || asked.text("dhash").is_some()) && change.value != ALL_CONTACTS_BUT {
        return Err(Refused(400));
    }
    if let Some(claimed) = asked.text("dhash") {
        let account = state.accounts.get(&number).ok_or(Refused(404))?;
        let people = account.excepted.get(category.name).cloned().unwrap_or_default();
        let unread = claimed == NO_VERSION && (people.is_empty() || category.of(account) != ALL_CONTACTS_BUT);
        if !unread && claimed != privacy::version(&people) {
            return Err(Refused(409));
        }
        // Who begins such a list anew does not go on with an older one.
        if unread {
            change.remove.extend(people);
        }
    }
    for user in users {
        let jid: Jid = user.jid("jid").ok_or(Refused(400))?;
        let person = state.account_of(&jid).ok_or(Refused(404))?.number;
        match user.text("action").as_deref() {
            None | Some("add") => {
                change.remove.remove(&person);
                change.add.insert(person)
            }
            Some("remove") => change.remove.insert(person),
            Some(_) => return Err(Refused(400)),
        };
    }
    Ok(change)
}

/// Changes a setting, as a device of the account does; the others are told.
pub(crate) fn apply(state: &mut State, by: DeviceId, change: Change) -> Result<Node, Refused> {
    let Change { category, value, add, remove } = change;
    let kept = state.change_account(by.number, |account| {
        let fits = privacy::except(account, category.name, &add, &remove);
        if fits {
            account.privacy.insert(category.name.to_owned(), value.clone());
        }
        fits
    });
    if kept != Some(true) {
        return Err(Refused(406));
    }
    let mut told = node("category").attr("name", category.name).attr("value", value.as_str()).build();
    notice::tell_own(state, by, node("privacy").children([told.clone()]).build());
    // What others see of the account may change at once.
    if matches!(category.name, "last" | "online") {
        super::presence::show_again(state, by.number);
    }
    let people = state.accounts.get(&by.number).and_then(|account| account.excepted.get(category.name));
    if let Some(people) = people.filter(|_| value == ALL_CONTACTS_BUT) {
        told.attrs.insert("dhash", privacy::version(people));
    }
    Ok(told)
}
