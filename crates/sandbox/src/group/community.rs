//! Communities: a group that others belong to, and one among those for what its admins announce to all.
//!
//! Whoever is in one of its groups is in the community, and hears its announcements.

use serde::{Deserialize, Serialize};
use wacore_binary::{Jid, Node};

use super::{
    Group, GroupId, Member, Role,
    act::{self, Refused, enter, ruled, seen, tell_of_entry},
    notice,
};
use crate::{account::Number, stanza::read::node, state::State};

/// Groups in one community, beside its announcements.
const GROUPS_MAX: usize = 100;

/// What a community has that other groups do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Community {
    /// Its admins let people in.
    pub closed: bool,
    /// Who is no admin makes groups in it, too.
    pub members_make: bool,
}

/// What a new group is to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Kind {
    #[default]
    Alone,
    Community(Community),
    /// In that community from the start.
    Within(GroupId),
}

/// What a group is to its community.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    pub community: GroupId,
    /// It is the one for announcements.
    pub announcements: bool,
}

/// What became of one group of several.
pub(crate) struct Linked {
    pub named: Jid,
    pub result: Result<(), Refused>,
}

/// The community, in the hands of one of its admins.
fn governed(state: &State, by: Number, id: GroupId) -> Result<&Group, Refused> {
    let group = ruled(state, by, id)?;
    if group.community.is_some() { Ok(group) } else { Err(Refused(406)) }
}

/// The community, seen by one who is in it.
fn entered(state: &State, by: Number, id: GroupId) -> Result<&Group, Refused> {
    let group = seen(state, by, id)?;
    if group.community.is_some() { Ok(group) } else { Err(Refused(406)) }
}

/// Whether somebody may make a group in the community.
pub(super) fn check_place(state: &State, by: Number, community: GroupId) -> Result<(), Refused> {
    let group = entered(state, by, community)?;
    let members_make = group.community.is_some_and(|community| community.members_make);
    if !group.is_admin(by) && !members_make {
        return Err(Refused(403));
    }
    if groups(state, community).len() > GROUPS_MAX { Err(Refused(419)) } else { Ok(()) }
}

/// The announcements first.
pub(crate) fn groups(state: &State, community: GroupId) -> Vec<&Group> {
    let mut groups: Vec<&Group> =
        state.groups.all().filter(|group| group.place.is_some_and(|place| place.community == community)).collect();
    groups.sort_by_key(|group| group.place.is_some_and(|place| !place.announcements));
    groups
}

fn announcements(state: &State, community: GroupId) -> Option<GroupId> {
    groups(state, community)
        .first()
        .filter(|group| group.place.is_some_and(|place| place.announcements))
        .map(|group| group.id)
}

/// What comes with a new community.
pub(super) fn begin(state: &mut State, by: Number, community: GroupId) {
    let Some(subject) = state.groups.get(community).map(|group| group.subject.text.clone()) else { return };
    let now = crate::now();
    let id = state.free_group_id();
    let mut group = Group::new(id, by, subject, now);
    group.announce = true;
    group.place = Some(Place { community, announcements: true });
    state.add_group(group);
    state.put_member(id, by, Member { role: Role::SuperAdmin, joined: now });
    let Some(group) = state.groups.get(id) else { return };
    let change = notice::created(state, group, None, Some(None));
    notice::tell_all(state, id, by, change);
}

/// Who came into a community or one of its groups is in the community, and hears its announcements.
pub(super) fn follow(state: &mut State, id: GroupId, by: Number, people: &[Number]) {
    let Some(group) = state.groups.get(id) else { return };
    let community = match (group.community, group.place) {
        (Some(_), _) => id,
        (None, Some(place)) => place.community,
        (None, None) => return,
    };
    for group in [Some(community), announcements(state, community)].into_iter().flatten() {
        let missing =
            |number: &&Number| state.groups.get(group).is_some_and(|group| !group.members.contains_key(number));
        let missing: Vec<Number> = people.iter().filter(missing).copied().collect();
        for number in &missing {
            enter(state, group, *number);
        }
        tell_of_entry(state, group, by, &missing, Some("linked_group_join"));
    }
}

pub(crate) fn link(state: &mut State, by: Number, community: GroupId, named: &[Jid]) -> Result<Vec<Linked>, Refused> {
    governed(state, by, community)?;
    let link = |jid: &Jid| Linked { named: jid.clone(), result: link_one(state, by, community, jid) };
    Ok(named.iter().map(link).collect())
}

fn link_one(state: &mut State, by: Number, community: GroupId, jid: &Jid) -> Result<(), Refused> {
    let id = GroupId::of(jid).ok_or(Refused(404))?;
    let group = ruled(state, by, id)?;
    if group.community.is_some() {
        return Err(Refused(406));
    }
    if group.place.is_some() {
        return Err(Refused(409));
    }
    if groups(state, community).len() > GROUPS_MAX {
        return Err(Refused(419));
    }
    state.change_group(id, |group| group.place = Some(Place { community, announcements: false }));
    welcome(state, by, community, id);
    Ok(())
}

/// The group belongs to the community since just now: its people do, too, and all are told.
pub(super) fn welcome(state: &mut State, by: Number, community: GroupId, id: GroupId) {
    let people = state.groups.get(id).map(Group::numbers).unwrap_or_default();
    tell_of_link(state, by, community, id, |kind| node("link").attr("link_type", kind));
    follow(state, id, by, &people);
}

pub(crate) fn unlink(state: &mut State, by: Number, community: GroupId, named: &[Jid]) -> Result<Vec<Linked>, Refused> {
    governed(state, by, community)?;
    let unlink = |jid: &Jid| {
        let id = GroupId::of(jid).filter(|id| {
            let place = state.groups.get(*id).and_then(|group| group.place);
            place.is_some_and(|place| place.community == community)
        });
        let is_for_all = id.is_some() && id == announcements(state, community);
        let result = match id {
            None => Err(Refused(404)),
            Some(_) if is_for_all => Err(Refused(406)),
            Some(id) => {
                free(state, by, community, id, "unlink_group");
                Ok(())
            }
        };
        Linked { named: jid.clone(), result }
    };
    Ok(named.iter().map(unlink).collect())
}

fn free(state: &mut State, by: Number, community: GroupId, id: GroupId, reason: &'static str) {
    state.change_group(id, |group| group.place = None);
    tell_of_link(state, by, community, id, |kind| {
        node("unlink").attr("unlink_type", kind).attr("unlink_reason", reason)
    });
}

/// Those in the group hear of the community, and those in the community of the group.
fn tell_of_link(
    state: &mut State,
    by: Number,
    community: GroupId,
    id: GroupId,
    change: impl Fn(&'static str) -> wacore_binary::builder::NodeBuilder,
) {
    for (told, of, kind) in [(id, community, "parent_group"), (community, id, "sub_group")] {
        let Some(of) = state.groups.get(of) else { continue };
        let change = change(kind).children([brief(of)]).build();
        notice::tell_all(state, told, by, change);
    }
}

/// A group in a few words.
fn brief(group: &Group) -> Node {
    let brief = node("group")
        .attr("jid", group.id.jid())
        .attr("id", group.id.jid().user.as_str())
        .attr("subject", group.subject.text.as_str())
        .attr("s_t", group.subject.at)
        .attr("size", group.members.len());
    match group.place {
        Some(Place { announcements: true, .. }) => brief.children([node("default_sub_group").build()]).build(),
        _ => brief.build(),
    }
}

/// The community is no more; its groups go on by themselves.
pub(crate) fn dissolve(state: &mut State, by: Number, community: GroupId) -> Result<(), Refused> {
    governed(state, by, community)?;
    let announcements = announcements(state, community);
    let others: Vec<GroupId> =
        groups(state, community).into_iter().map(|group| group.id).filter(|id| Some(*id) != announcements).collect();
    for id in others {
        free(state, by, community, id, "delete_parent");
    }
    for id in [announcements, Some(community)].into_iter().flatten() {
        let people = state.groups.get(id).map(Group::numbers).unwrap_or_default();
        notice::tell(state, id, by, &people, node("delete").attr("reason", "delete_parent").build());
        for number in people {
            state.drop_member(id, number);
        }
    }
    Ok(())
}

/// What the community is made of, for one who is in it.
pub(crate) fn list(state: &State, by: Number, community: GroupId) -> Result<Node, Refused> {
    entered(state, by, community)?;
    let groups = groups(state, community).into_iter().map(brief).collect::<Vec<_>>();
    Ok(node("sub_groups").children(groups).build())
}

/// Everybody in any of its groups.
pub(crate) fn people(state: &State, by: Number, community: GroupId) -> Result<Node, Refused> {
    entered(state, by, community)?;
    let mut people: Vec<Number> = groups(state, community).into_iter().flat_map(Group::numbers).collect();
    people.sort_unstable();
    people.dedup();
    Ok(node("linked_groups_participants").children(notice::participants(state, &people)).build())
}

/// A group of the community, as one who is in the community, and not in the group, sees it.
pub(crate) fn look(state: &State, by: Number, community: GroupId, jid: &Jid) -> Result<GroupId, Refused> {
    entered(state, by, community)?;
    let id = GroupId::of(jid).ok_or(Refused(404))?;
    let group = state.groups.get(id).ok_or(Refused(404))?;
    if group.place.is_some_and(|place| place.community == community) { Ok(id) } else { Err(Refused(404)) }
}

/// Who is in the community comes into one of its groups.
pub(crate) fn join(state: &mut State, by: Number, community: GroupId, jid: &Jid) -> Result<GroupId, Refused> {
    let id = look(state, by, community, jid)?;
    let group = state.groups.get(id).ok_or(Refused(404))?;
    if group.members.contains_key(&by) {
        return Err(Refused(409));
    }
    if group.removed.contains(&by) {
        return Err(Refused(405));
    }
    if group.members.len() >= act::MEMBERS_MAX {
        return Err(Refused(419));
    }
    enter(state, id, by);
    tell_of_entry(state, id, by, &[by], Some("linked_group_join"));
    Ok(id)
}

/// Out of the community, and out of all of its groups.
pub(crate) fn remove(
    state: &mut State,
    by: Number,
    community: GroupId,
    named: &[Jid],
) -> Result<Vec<act::Outcome>, Refused> {
    governed(state, by, community)?;
    let ids: Vec<GroupId> = groups(state, community).into_iter().map(|group| group.id).collect();
    let outcomes = act::remove(state, by, community, named)?;
    let gone: Vec<Number> =
        outcomes.iter().filter(|outcome| outcome.result.is_ok()).filter_map(|outcome| outcome.number).collect();
    for id in ids {
        let people = state.groups.get(id).map(Group::numbers).unwrap_or_default();
        let out: Vec<Number> = gone.iter().copied().filter(|number| people.contains(number)).collect();
        for number in &out {
            state.change_group(id, |group| {
                group.removed.insert(*number);
            });
            state.drop_member(id, *number);
        }
        if !out.is_empty() {
            let change = node("remove").children(notice::participants(state, &out)).build();
            notice::tell(state, id, by, &people, change);
        }
    }
    Ok(outcomes)
}
