//! What people do in groups. Each checks that they may, changes the group, and tells who is to hear of it.

use std::collections::BTreeSet;

use wacore_binary::Jid;

use super::{
    Description, Group, GroupId, Invitation, Member, Method, Role, Written,
    community::{self, Kind, Place},
    notice, setting,
};
use crate::{account::Number, privacy, refusal, stanza::read::node, state::State};

/// More groups than this are no use to anyone, and would fill the memory.
const GROUPS_MAX: usize = 20_000;
/// People in one group.
pub(crate) const MEMBERS_MAX: usize = 1_024;
/// In seconds: who left is not added again before.
const LEFT_RECENTLY: u64 = 86_400;
/// In seconds, as WhatsApp's invitations to a single person.
const INVITATION_LASTS: u64 = 3 * 86_400;

/// WhatsApp's code for what it does not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused(pub u16);

impl Refused {
    pub fn text(self) -> &'static str {
        refusal::word(self.0)
    }
}

/// What became of one person of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// As it was named.
    pub named: Jid,
    /// `None`: nobody on this network.
    pub number: Option<Number>,
    pub result: Result<(), Failed>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failed {
    Code(u16),
    /// The person wants to be asked first: this code lets it in until then (unix seconds).
    Ask {
        code: String,
        expires: u64,
    },
}

impl Failed {
    pub fn code(&self) -> u16 {
        match self {
            Self::Code(code) => *code,
            Self::Ask { .. } => 403,
        }
    }
}

pub(crate) struct New {
    pub subject: String,
    pub participants: Vec<Jid>,
    pub description: Option<(String, String)>,
    pub ephemeral: u32,
    pub approval: bool,
    pub admins_add: bool,
    /// Chosen by the device that makes it, to know it again when it hears of it.
    pub key: Option<String>,
    pub kind: Kind,
}

/// The group, seen by one of its members.
pub(crate) fn seen(state: &State, by: Number, id: GroupId) -> Result<&Group, Refused> {
    let group = state.groups.get(id).ok_or(Refused(404))?;
    if group.members.contains_key(&by) { Ok(group) } else { Err(Refused(403)) }
}

/// The group, in the hands of one of its admins.
pub(crate) fn ruled(state: &State, by: Number, id: GroupId) -> Result<&Group, Refused> {
    let group = seen(state, by, id)?;
    if group.is_admin(by) { Ok(group) } else { Err(Refused(403)) }
}

pub(crate) fn create(state: &mut State, by: Number, new: New) -> Result<(GroupId, Vec<Outcome>), Refused> {
    setting::check_subject(&new.subject)?;
    setting::check_ephemeral(new.ephemeral)?;
    if new.participants.len() >= MEMBERS_MAX {
        return Err(Refused(406));
    }
    if state.groups.all().len() >= GROUPS_MAX {
        return Err(Refused(419));
    }
    if let Kind::Within(community) = new.kind {
        community::check_place(state, by, community)?;
    }
    let now = crate::now();
    let id = state.free_group_id();
    let mut group = Group::new(id, by, new.subject, now);
    match new.kind {
        Kind::Alone => {}
        Kind::Community(community) => group.community = Some(community),
        // Before anybody is told of the group: they are told whose it is.
        Kind::Within(community) => group.place = Some(Place { community, announcements: false }),
    }
    group.ephemeral = new.ephemeral;
    group.approval = new.approval;
    group.admins_add = new.admins_add;
    if let Some((description_id, text)) = new.description {
        setting::check_description(&description_id, Some(&text))?;
        group.description = Some(Description { id: description_id, written: Written { text, by, at: now } });
    }
    state.add_group(group);
    state.put_member(id, by, Member { role: Role::SuperAdmin, joined: now });
    let outcomes: Vec<Outcome> = people(state, &new.participants)
        .into_iter()
        .filter(|(_, number)| *number != Some(by))
        .map(|(named, number)| admit(state, id, by, named, number))
        .collect();
    let group = state.groups.get(id).ok_or(Refused(500))?;
    let change = notice::created(state, group, None, Some(new.key.as_deref()));
    notice::tell_all(state, id, by, change);
    match new.kind {
        Kind::Alone => {}
        Kind::Community(_) => community::begin(state, by, id),
        Kind::Within(community) => community::welcome(state, by, community, id),
    }
    state.counters.count("group created");
    Ok((id, outcomes))
}

/// The people behind JIDs, each once.
pub(super) fn people(state: &State, named: &[Jid]) -> Vec<(Jid, Option<Number>)> {
    let mut seen = BTreeSet::new();
    named
        .iter()
        .map(|jid| (jid.to_non_ad(), state.account_of(jid).map(|account| account.number)))
        .filter(|(_, number)| number.is_none_or(|number| seen.insert(number)))
        .collect()
}

/// Takes one person in, if it and the group allow that.
fn admit(state: &mut State, id: GroupId, by: Number, named: Jid, number: Option<Number>) -> Outcome {
    let result = match number {
        None => Err(Failed::Code(404)),
        Some(number) => match refusal(state, id, by, number) {
            None => {
                enter(state, id, number);
                Ok(())
            }
            Some(403) => Err(invite_alone(state, id, by, number)),
            Some(code) => Err(Failed::Code(code)),
        },
    };
    Outcome { named, number, result }
}

/// Why a person cannot be added by somebody. 403: it wants to be asked first.
fn refusal(state: &State, id: GroupId, by: Number, number: Number) -> Option<u16> {
    let (group, account) = (state.groups.get(id)?, state.accounts.get(&number)?);
    let asks_first = || !privacy::shows(state, number, "groupadd", by);
    if group.members.contains_key(&number) {
        Some(409)
    } else if account.blocked.contains(&by) {
        Some(401)
    } else if group.members.len() >= MEMBERS_MAX {
        Some(419)
    } else if group.left.get(&number).is_some_and(|left| left + LEFT_RECENTLY > crate::now()) {
        Some(408)
    } else {
        asks_first().then_some(403)
    }
}

fn invite_alone(state: &mut State, id: GroupId, admin: Number, number: Number) -> Failed {
    let (code, expires) = (state.random_id(), crate::now() + INVITATION_LASTS);
    let invitation = Invitation { code: code.clone(), admin, expires };
    state.change_group(id, |group| {
        group.invitations.insert(number, invitation);
    });
    Failed::Ask { code, expires }
}

pub(super) fn enter(state: &mut State, id: GroupId, number: Number) {
    state.put_member(id, number, Member { role: Role::Member, joined: crate::now() });
    state.change_group(id, |group| {
        group.requests.remove(&number);
        group.invitations.remove(&number);
        group.removed.remove(&number);
        group.left.remove(&number);
    });
}

/// Those who came hear what they are in now, and the others who came.
pub(super) fn tell_of_entry(
    state: &mut State,
    id: GroupId,
    by: Number,
    entered: &[Number],
    reason: Option<&'static str>,
) {
    if entered.is_empty() {
        return;
    }
    let Some(group) = state.groups.get(id) else { return };
    let others: Vec<Number> = group.numbers().into_iter().filter(|number| !entered.contains(number)).collect();
    let create = notice::created(state, group, reason, None);
    let mut add = node("add");
    if let Some(reason) = reason {
        add = add.attr("reason", reason);
    }
    let add = add.children(notice::participants(state, entered)).build();
    notice::tell(state, id, by, entered, create);
    notice::tell(state, id, by, &others, add);
    community::follow(state, id, by, entered);
}

fn done(outcomes: &[Outcome]) -> Vec<Number> {
    outcomes.iter().filter(|outcome| outcome.result.is_ok()).filter_map(|outcome| outcome.number).collect()
}

pub(crate) fn add(state: &mut State, by: Number, id: GroupId, named: &[Jid]) -> Result<Vec<Outcome>, Refused> {
    let group = seen(state, by, id)?;
    let admin = group.is_admin(by);
    if !admin && group.admins_add {
        return Err(Refused(403));
    }
    let ask = !admin && group.approval;
    let people = people(state, named);
    if ask {
        return Ok(ask_for(state, by, id, people));
    }
    let outcomes: Vec<Outcome> =
        people.into_iter().map(|(named, number)| admit(state, id, by, named, number)).collect();
    tell_of_entry(state, id, by, &done(&outcomes), None);
    Ok(outcomes)
}

/// A member who is no admin adds people to a group whose admins let people in: they are asked.
fn ask_for(state: &mut State, by: Number, id: GroupId, people: Vec<(Jid, Option<Number>)>) -> Vec<Outcome> {
    let mut asked = Vec::new();
    let outcomes = people
        .into_iter()
        .map(|(named, number)| {
            let result = match number.map(|number| (number, refusal(state, id, by, number))) {
                None => Err(Failed::Code(404)),
                Some((number, None)) => {
                    asked.push(number);
                    Ok(())
                }
                Some((_, Some(code))) => Err(Failed::Code(code)),
            };
            Outcome { named, number, result }
        })
        .collect();
    super::admission::ask(state, id, by, &asked, Method::NonAdminAdd);
    outcomes
}

/// Does the same with each of several people, and tells everybody, those who are gone by it too.
fn with_each(
    state: &mut State,
    by: Number,
    id: GroupId,
    named: &[Jid],
    word: &'static str,
    mut change: impl FnMut(&mut State, Number, Member) -> Result<(), Failed>,
) -> Result<Vec<Outcome>, Refused> {
    let everybody = ruled(state, by, id)?.numbers();
    let outcomes: Vec<Outcome> = people(state, named)
        .into_iter()
        .map(|(named, number)| {
            let member = number.and_then(|number| {
                let member = *state.groups.get(id)?.members.get(&number)?;
                Some((number, member))
            });
            let result = match member {
                None => Err(Failed::Code(404)),
                Some((number, member)) => change(state, number, member),
            };
            Outcome { named, number, result }
        })
        .collect();
    let changed = done(&outcomes);
    if !changed.is_empty() {
        let change = node(word).children(notice::participants(state, &changed)).build();
        notice::tell(state, id, by, &everybody, change);
    }
    Ok(outcomes)
}

pub(crate) fn remove(state: &mut State, by: Number, id: GroupId, named: &[Jid]) -> Result<Vec<Outcome>, Refused> {
    with_each(state, by, id, named, "remove", |state, number, member| {
        // One leaves; and nobody shows out who made the group.
        if member.role == Role::SuperAdmin || number == by {
            return Err(Failed::Code(406));
        }
        state.change_group(id, |group| {
            group.removed.insert(number);
        });
        state.drop_member(id, number);
        Ok(())
    })
}

pub(crate) fn promote(state: &mut State, by: Number, id: GroupId, named: &[Jid]) -> Result<Vec<Outcome>, Refused> {
    with_each(state, by, id, named, "promote", |state, number, member| {
        if member.role == Role::Member {
            state.put_member(id, number, Member { role: Role::Admin, ..member });
        }
        Ok(())
    })
}

pub(crate) fn demote(state: &mut State, by: Number, id: GroupId, named: &[Jid]) -> Result<Vec<Outcome>, Refused> {
    with_each(state, by, id, named, "demote", |state, number, member| {
        if member.role == Role::SuperAdmin {
            return Err(Failed::Code(406));
        }
        state.put_member(id, number, Member { role: Role::Member, ..member });
        Ok(())
    })
}

/// A group without an admin gets the one who is in it longest. Who leaves a community leaves all of its groups.
pub(crate) fn leave(state: &mut State, by: Number, id: GroupId) -> Result<(), Refused> {
    let everybody = seen(state, by, id)?.numbers();
    let within = community::groups(state, id).into_iter().filter(|group| group.members.contains_key(&by));
    for group in within.map(|group| group.id).collect::<Vec<_>>() {
        leave(state, by, group)?;
    }
    state.change_group(id, |group| {
        group.left.insert(by, crate::now());
    });
    state.drop_member(id, by);
    let change = node("remove").children(notice::participants(state, &[by])).build();
    notice::tell(state, id, by, &everybody, change);
    let heir = state.groups.get(id).filter(|group| group.admins().is_empty()).and_then(|group| {
        group.members.iter().min_by_key(|(_, member)| member.joined).map(|(number, member)| (*number, *member))
    });
    if let Some((heir, member)) = heir {
        state.put_member(id, heir, Member { role: Role::Admin, ..member });
        let change = node("promote").children(notice::participants(state, &[heir])).build();
        notice::tell_all(state, id, heir, change);
    }
    Ok(())
}
