//! How people hear of a group: what it is, and what changed in it.

use wacore_binary::{Jid, Node, builder::NodeBuilder};

use super::{Group, GroupId, Written};
use crate::{account::Number, stanza::read::node, state::State};

/// A larger group is not listed to everybody who is told that it has them now: that would be the square of its size.
/// They are told the size, and ask.
const LISTED_MAX: usize = 256;

/// The JIDs of a person: LID and number.
fn names(state: &State, number: Number) -> (Jid, Jid) {
    match state.accounts.get(&number) {
        Some(account) => (account.lid_jid(), account.jid()),
        None => (Jid::pn(number.to_string()), Jid::pn(number.to_string())),
    }
}

/// A person as one of a group: groups go by LID.
pub(crate) fn participant(state: &State, number: Number) -> NodeBuilder {
    let (lid, pn) = names(state, number);
    node("participant").attr("jid", lid).attr("phone_number", pn)
}

pub(crate) fn participants(state: &State, numbers: &[Number]) -> Vec<Node> {
    numbers.iter().map(|number| participant(state, *number).build()).collect()
}

fn members(state: &State, group: &Group) -> Vec<Node> {
    let member = |(number, member): (&Number, &super::Member)| {
        let person = participant(state, *number);
        match member.role.word() {
            Some(role) => person.attr("type", role).build(),
            None => person.build(),
        }
    };
    group.members.iter().map(member).collect()
}

/// All of a group, or without the parts that nobody asked for.
pub(crate) fn describe(state: &State, group: &Group, with_members: bool, with_description: bool) -> Node {
    let mut children = if with_members { members(state, group) } else { Vec::new() };
    children.extend(settings(group));
    if let Some(description) = group.description.as_ref().filter(|_| with_description) {
        let (by, by_pn) = names(state, description.written.by);
        children.push(
            node("description")
                .attr("id", description.id.as_str())
                .attr("participant", by)
                .attr("participant_pn", by_pn)
                .attr("t", description.written.at)
                .children([body(&description.written.text)])
                .build(),
        );
    }
    let (creator, creator_pn) = names(state, group.creator);
    let (owner, owner_pn) = names(state, group.subject.by);
    node("group")
        .attr("id", group.id.jid().user.as_str())
        .attr("subject", group.subject.text.as_str())
        .attr("creation", group.created)
        .attr("creator", creator)
        .attr("creator_pn", creator_pn)
        .attr("s_t", group.subject.at)
        .attr("s_o", owner)
        .attr("s_o_pn", owner_pn)
        .attr("addressing_mode", "lid")
        .attr("size", group.members.len())
        .children(children)
        .build()
}

fn settings(group: &Group) -> Vec<Node> {
    let mut settings = Vec::new();
    if group.locked {
        settings.push(node("locked").build());
    }
    if group.announce {
        settings.push(node("announcement").build());
    }
    if group.ephemeral > 0 {
        settings.push(ephemeral(group.ephemeral));
    }
    if group.approval {
        settings.push(approval(true));
    }
    if let Some(community) = group.community {
        let parent = node("parent");
        settings.push(match community.closed {
            true => parent.attr("default_membership_approval_mode", "request_required").build(),
            false => parent.build(),
        });
        if community.members_make {
            settings.push(node("allow_non_admin_sub_group_creation").build());
        }
    }
    if let Some(place) = group.place {
        settings.push(node("linked_parent").attr("jid", place.community.jid()).build());
        if place.announcements {
            settings.push(node("default_sub_group").build());
        }
    }
    settings.push(add_mode(group.admins_add));
    settings.push(node("member_link_mode").string_content("admin_link").build());
    settings
}

pub(crate) fn ephemeral(seconds: u32) -> Node {
    match seconds {
        0 => node("not_ephemeral").build(),
        seconds => node("ephemeral").attr("expiration", seconds).attr("trigger", 0).build(),
    }
}

pub(crate) fn approval(on: bool) -> Node {
    let state = if on { "on" } else { "off" };
    node("membership_approval_mode").children([node("group_join").attr("state", state).build()]).build()
}

pub(crate) fn add_mode(admins: bool) -> Node {
    node("member_add_mode").string_content(if admins { "admin_add" } else { "all_member_add" }).build()
}

pub(crate) fn subject(state: &State, subject: &Written) -> Node {
    let (by, by_pn) = names(state, subject.by);
    node("subject")
        .attr("subject", subject.text.as_str())
        .attr("s_t", subject.at)
        .attr("s_o", by)
        .attr("s_o_pn", by_pn)
        .build()
}

pub(crate) fn body(text: &str) -> Node {
    node("body").bytes(text.as_bytes().to_vec()).build()
}

/// To people who are in a group since just now.
pub(crate) fn created(state: &State, group: &Group, reason: Option<&'static str>, new: Option<Option<&str>>) -> Node {
    let mut create = node("create");
    if let Some(reason) = reason {
        create = create.attr("reason", reason);
    }
    if let Some(key) = new {
        create = create.attr("type", "new");
        if let Some(key) = key {
            create = create.attr("key", key);
        }
    }
    create.children([describe(state, group, group.members.len() <= LISTED_MAX, true)]).build()
}

/// Tells all devices of these people what somebody did. It waits for those that are away.
pub(crate) fn tell(state: &mut State, group: GroupId, by: Number, people: &[Number], change: Node) {
    let (participant, participant_pn) = names(state, by);
    let name = state.accounts.get(&by).map(|account| account.name.clone()).unwrap_or_default();
    let notification = node("notification")
        .attr("from", group.jid())
        .attr("type", "w:gp2")
        .attr("id", state.random_id())
        .attr("participant", participant)
        .attr("participant_pn", participant_pn)
        .attr("addressing_mode", "lid")
        .attr("notify", name)
        .attr("t", crate::now())
        .children([change])
        .build();
    for person in people {
        for device in state.devices_of(*person).map(|(id, _)| id).collect::<Vec<_>>() {
            state.deliver(device, notification.clone());
        }
    }
}

/// Tells everybody who is in the group.
pub(crate) fn tell_all(state: &mut State, group: GroupId, by: Number, change: Node) {
    let people = state.groups.get(group).map(Group::numbers).unwrap_or_default();
    tell(state, group, by, &people, change);
}
