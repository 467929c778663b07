//! Ways into a group that begin outside it: links, requests that admins decide, and invitations to one person.

use wacore_binary::{Jid, Node};

use super::{
    Group, GroupId, Method, Request,
    act::{self, Failed, MEMBERS_MAX, Outcome, Refused},
    notice,
};
use crate::{account::Number, stanza::read::node, state::State};

/// Further requests wait for room.
const REQUESTS_MAX: usize = 1_000;

/// What came of a link.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Joined {
    In(GroupId),
    /// The admins are asked.
    Asked(GroupId),
}

/// The code of the group's link, made when first asked for.
pub(crate) fn invite(state: &mut State, by: Number, id: GroupId, reset: bool) -> Result<String, Refused> {
    let group = act::seen(state, by, id)?;
    if !group.is_admin(by) {
        return Err(Refused(401));
    }
    let known = group.invite.clone();
    if let Some(code) = known.clone().filter(|_| !reset) {
        return Ok(code);
    }
    let code = state.new_invite(id);
    if known.is_some() {
        notice::tell_all(state, id, by, node("invite").attr("code", code.as_str()).build());
    }
    Ok(code)
}

/// The group that a link leads to. 406: no such link; 410: it was reset.
pub(crate) fn by_link<'a>(state: &'a State, code: &str) -> Result<&'a Group, Refused> {
    let group = state.groups.by_code(code).ok_or(Refused(406))?;
    if group.invite.as_deref() == Some(code) { Ok(group) } else { Err(Refused(410)) }
}

pub(crate) fn join(state: &mut State, by: Number, code: &str) -> Result<Joined, Refused> {
    let group = by_link(state, code)?;
    let id = group.id;
    if group.members.contains_key(&by) {
        return Err(Refused(409));
    }
    if group.removed.contains(&by) {
        return Err(Refused(405));
    }
    if group.members.len() >= MEMBERS_MAX {
        return Err(Refused(419));
    }
    if group.approval {
        if group.requests.len() >= REQUESTS_MAX {
            return Err(Refused(419));
        }
        ask(state, id, by, &[by], Method::InviteLink);
        return Ok(Joined::Asked(id));
    }
    act::enter(state, id, by);
    act::tell_of_entry(state, id, by, &[by], Some("invite"));
    Ok(Joined::In(id))
}

/// The admins hear that people want in. Who asked before is not announced again.
pub(super) fn ask(state: &mut State, id: GroupId, by: Number, people: &[Number], method: Method) {
    let Some(group) = state.groups.get(id) else { return };
    let room = REQUESTS_MAX.saturating_sub(group.requests.len());
    let new: Vec<Number> =
        people.iter().copied().filter(|number| !group.requests.contains_key(number)).take(room).collect();
    if new.is_empty() {
        return;
    }
    let admins = group.admins();
    let at = crate::now();
    state.change_group(id, |group| {
        group.requests.extend(new.iter().map(|number| (*number, Request { at, method, by })));
    });
    let users =
        new.iter().map(|number| Node { tag: "requested_user".into(), ..notice::participant(state, *number).build() });
    let change = node("created_membership_requests").attr("request_method", method.word()).children(users).build();
    notice::tell(state, id, by, &admins, change);
}

pub(crate) fn requests(state: &State, by: Number, id: GroupId) -> Result<Vec<(Number, Request)>, Refused> {
    let group = act::ruled(state, by, id)?;
    Ok(group.requests.iter().map(|(number, request)| (*number, request.clone())).collect())
}

/// An admin lets people in who asked for it, or does not.
pub(crate) fn decide(
    state: &mut State,
    by: Number,
    id: GroupId,
    named: &[Jid],
    approve: bool,
) -> Result<Vec<Outcome>, Refused> {
    act::ruled(state, by, id)?;
    let mut decided = Vec::new();
    let mut outcomes = Vec::new();
    for (named, number) in act::people(state, named) {
        let asked =
            number.filter(|number| state.groups.get(id).is_some_and(|group| group.requests.contains_key(number)));
        let full = state.groups.get(id).is_none_or(|group| group.members.len() >= MEMBERS_MAX);
        let result = match asked {
            None => Err(Failed::Code(404)),
            Some(_) if approve && full => Err(Failed::Code(419)),
            Some(number) => {
                state.change_group(id, |group| {
                    group.requests.remove(&number);
                });
                if approve {
                    act::enter(state, id, number);
                }
                decided.push(number);
                Ok(())
            }
        };
        outcomes.push(Outcome { named, number, result });
    }
    if approve {
        act::tell_of_entry(state, id, by, &decided, Some("invite"));
    } else {
        tell_of_revocation(state, by, id, &decided);
    }
    Ok(outcomes)
}

/// Somebody does not want in any more.
pub(crate) fn withdraw(state: &mut State, by: Number, id: GroupId, named: &[Jid]) -> Result<Vec<Outcome>, Refused> {
    let group = state.groups.get(id).ok_or(Refused(404))?;
    let mine = |number: Number| group.requests.get(&number).is_some_and(|request| request.by == by || number == by);
    let outcomes: Vec<Outcome> = act::people(state, named)
        .into_iter()
        .map(|(named, number)| {
            let result = if number.is_some_and(mine) { Ok(()) } else { Err(Failed::Code(404)) };
            Outcome { named, number, result }
        })
        .collect();
    let gone: Vec<Number> =
        outcomes.iter().filter(|outcome| outcome.result.is_ok()).filter_map(|outcome| outcome.number).collect();
    state.change_group(id, |group| {
        for number in &gone {
            group.requests.remove(number);
        }
    });
    tell_of_revocation(state, by, id, &gone);
    Ok(outcomes)
}

fn tell_of_revocation(state: &mut State, by: Number, id: GroupId, people: &[Number]) {
    if people.is_empty() {
        return;
    }
    let change = node("revoked_membership_requests").children(notice::participants(state, people)).build();
    let mut listeners = state.groups.get(id).map(Group::admins).unwrap_or_default();
    listeners.extend(people);
    notice::tell(state, id, by, &listeners, change);
}

/// Somebody who may not be added takes up an admin's invitation.
pub(crate) fn accept(state: &mut State, by: Number, id: GroupId, code: &str) -> Result<(), Refused> {
    let group = state.groups.get(id).ok_or(Refused(404))?;
    if group.members.contains_key(&by) {
        return Err(Refused(409));
    }
    let invitation = group.invitations.get(&by).filter(|invitation| invitation.code == code).ok_or(Refused(406))?;
    if invitation.expires <= crate::now() || !group.is_admin(invitation.admin) {
        return Err(Refused(410));
    }
    if group.members.len() >= MEMBERS_MAX {
        return Err(Refused(419));
    }
    let admin = invitation.admin;
    act::enter(state, id, by);
    act::tell_of_entry(state, id, admin, &[by], Some("invite"));
    Ok(())
}

/// An admin takes invitations to single people back.
pub(crate) fn uninvite(state: &mut State, by: Number, id: GroupId, named: &[Jid]) -> Result<Vec<Outcome>, Refused> {
    act::ruled(state, by, id)?;
    let mut outcomes = Vec::new();
    for (named, number) in act::people(state, named) {
        let mut known = false;
        state.change_group(id, |group| {
            known = number.is_some_and(|number| group.invitations.remove(&number).is_some());
        });
        outcomes.push(Outcome { named, number, result: if known { Ok(()) } else { Err(Failed::Code(404)) } });
    }
    Ok(outcomes)
}
