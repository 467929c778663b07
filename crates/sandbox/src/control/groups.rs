//! `/groups`, and what a person does with a phone in them.

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse as _, Response},
};
use http::StatusCode;
use wacore_binary::{Jid, Server};
use wago_contract::phone::group as shape;

use super::{
    Control,
    answer::{Answer, Body, number},
};
use crate::{
    Error, Number, Result,
    group::{
        Group, GroupId,
        act::{self, Failed, New, Outcome, Refused},
        admission::{self, Joined},
        community::{self, Community, Kind},
        setting::{self, Setting},
    },
    phone,
    state::State as Net,
};

const LINK: &str = "https://chat.whatsapp.com/";

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        Self::GroupRefused { code: refused.0, word: refused.text() }
    }
}

fn pn(number: Number) -> String {
    Jid::pn(number.to_string()).to_string()
}

fn lid(state: &Net, number: Number) -> String {
    state.accounts.get(&number).map(|account| account.lid_jid().to_string()).unwrap_or_default()
}

fn described(state: &Net, group: &Group, whole: bool) -> shape::Group {
    let participant = |(number, member): (&Number, &crate::group::Member)| shape::Participant {
        jid: pn(*number),
        lid: lid(state, *number),
        role: member.role.word().unwrap_or("member").to_owned(),
    };
    shape::Group {
        jid: group.id.jid().to_string(),
        subject: group.subject.text.clone(),
        description: group.description.as_ref().map(|description| description.written.text.clone()),
        owner: pn(group.creator),
        created: group.created,
        announce: group.announce,
        locked: group.locked,
        ephemeral: group.ephemeral,
        approval: group.approval,
        admins_add: group.admins_add,
        invite: group.invite.clone(),
        community: group.community.is_some(),
        parent: group.place.map(|place| place.community.jid().to_string()),
        announcements: group.place.is_some_and(|place| place.announcements),
        size: group.members.len(),
        participants: if whole { group.members.iter().map(participant).collect() } else { Vec::new() },
        failed: Vec::new(),
    }
}

fn outcome(outcome: &Outcome) -> shape::Outcome {
    shape::Outcome {
        jid: outcome.number.map_or_else(|| outcome.named.to_string(), pn),
        code: outcome.result.as_ref().err().map_or(200, Failed::code),
        invitation: match &outcome.result {
            Err(Failed::Ask { code, .. }) => Some(code.clone()),
            _ => None,
        },
    }
}

fn outcomes(all: &[Outcome]) -> Response {
    Json(all.iter().map(outcome).collect::<Vec<_>>()).into_response()
}

/// A group's JID, or the digits of it.
fn group_id(text: &str) -> Result<GroupId> {
    GroupId::parse(text.strip_suffix("@g.us").unwrap_or(text)).ok_or(Error::UnknownGroup)
}

/// Numbers or JIDs of people, who need not be on the network.
fn people(field: &'static str, texts: Option<Vec<String>>) -> Result<Vec<Jid>> {
    let person = |text: &String| {
        let jid = match Number::parse(text) {
            Some(number) => Some(Jid::pn(number.to_string())),
            None => text.parse::<Jid>().ok().filter(|jid| matches!(jid.server, Server::Pn | Server::Lid)),
        };
        jid.ok_or(Error::Invalid { field, expected: "must be phone numbers or JIDs of people" })
    };
    texts.unwrap_or_default().iter().map(person).collect()
}

fn needed<T>(field: &'static str, value: Option<T>) -> Result<T> {
    value.ok_or(Error::Invalid { field, expected: "is missing" })
}

pub(super) async fn list(State(control): State<Control>) -> Json<Vec<shape::Group>> {
    Json(control.core.step(|state| state.groups.all().map(|group| described(state, group, false)).collect()))
}

pub(super) async fn one(State(control): State<Control>, Path(group): Path<String>) -> Answer<Json<shape::Group>> {
    let id = group_id(&group)?;
    let group = control.core.step(|state| state.groups.get(id).map(|group| described(state, group, true)));
    Ok(Json(group.ok_or(Error::UnknownGroup)?))
}

pub(super) async fn create(
    State(control): State<Control>,
    Body(new): Body<shape::NewGroup>,
) -> Answer<(StatusCode, Json<shape::Group>)> {
    let subject = needed("subject", new.subject)?;
    let participants = people("participants", new.participants)?;
    let group = control.core.step(|state| {
        let owner = phone::outbound::recipient(state, "owner", new.owner.as_deref())?;
        let kind = match (new.community.unwrap_or_default(), new.parent) {
            (false, None) => Kind::Alone,
            (true, None) => Kind::Community(Community { closed: false, members_make: false }),
            (false, Some(parent)) => Kind::Within(group_id(&parent)?),
            (true, Some(_)) => {
                return Err(Error::Invalid {
                    field: "parent",
                    expected: "must be absent: no community belongs to one",
                });
            }
        };
        let new = New {
            subject,
            participants,
            description: None,
            ephemeral: 0,
            approval: false,
            admins_add: false,
            key: None,
            kind,
        };
        let (id, all) = act::create(state, owner, new)?;
        let group = state.groups.get(id).ok_or(Error::UnknownGroup)?;
        let failed = all.iter().filter(|one| one.result.is_err()).map(outcome).collect();
        Ok::<_, Error>(shape::Group { failed, ..described(state, group, true) })
    })?;
    Ok((StatusCode::CREATED, Json(group)))
}

pub(super) async fn join(
    State(control): State<Control>,
    path: Path<String>,
    Body(join): Body<shape::Join>,
) -> Answer<Json<shape::Joined>> {
    let number = number(path)?;
    let code = needed("code", join.code)?;
    let joined = control.core.step(|state| {
        state.phones.get(number)?;
        Ok::<_, Error>(admission::join(state, number, code.strip_prefix(LINK).unwrap_or(&code))?)
    })?;
    let (id, pending) = match joined {
        Joined::In(id) => (id, false),
        Joined::Asked(id) => (id, true),
    };
    Ok(Json(shape::Joined { jid: id.jid().to_string(), pending }))
}

pub(super) async fn requests(
    State(control): State<Control>,
    Path((phone, group)): Path<(String, String)>,
) -> Answer<Json<Vec<shape::Request>>> {
    let (number, id) = (number(Path(phone))?, group_id(&group)?);
    let requests = control.core.step(|state| {
        state.phones.get(number)?;
        let requests = admission::requests(state, number, id)?;
        let request = |(who, request): (Number, crate::group::Request)| shape::Request {
            jid: pn(who),
            lid: lid(state, who),
            at: request.at,
        };
        Ok::<_, Error>(requests.into_iter().map(request).collect::<Vec<_>>())
    })?;
    Ok(Json(requests))
}

pub(super) async fn act(
    State(control): State<Control>,
    Path((phone, group, action)): Path<(String, String, String)>,
    Body(body): Body<shape::GroupAction>,
) -> Answer<Response> {
    let (number, id) = (number(Path(phone))?, group_id(&group)?);
    let done = control.core.step(|state| {
        state.phones.get(number)?;
        perform(state, number, id, &action, body)
    });
    Ok(done?)
}

fn perform(state: &mut Net, by: Number, id: GroupId, action: &str, body: shape::GroupAction) -> Result<Response> {
    let on = body.on.unwrap_or(true);
    let setting = match action {
        "link" | "unlink" => {
            let named = body.groups.unwrap_or_default();
            let named = named.iter().map(|group| group_id(group).map(GroupId::jid)).collect::<Result<Vec<_>>>()?;
            let all = match action {
                "link" => community::link(state, by, id, &named)?,
                _ => community::unlink(state, by, id, &named)?,
            };
            let outcome = |one: &community::Linked| shape::Outcome {
                jid: one.named.to_string(),
                code: one.result.err().map_or(200, |refused| refused.0),
                invitation: None,
            };
            return Ok(Json(all.iter().map(outcome).collect::<Vec<_>>()).into_response());
        }
        "dissolve" => {
            community::dissolve(state, by, id)?;
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
        "add" | "remove" | "promote" | "demote" | "approve" | "reject" => {
            let named = people("participants", body.participants)?;
            if named.is_empty() {
                return Err(Error::Invalid { field: "participants", expected: "is missing" });
            }
            let all = match action {
                "add" => act::add(state, by, id, &named)?,
                "remove" => act::remove(state, by, id, &named)?,
                "promote" => act::promote(state, by, id, &named)?,
                "demote" => act::demote(state, by, id, &named)?,
                _ => admission::decide(state, by, id, &named, action == "approve")?,
            };
            return Ok(outcomes(&all));
        }
        "leave" => {
            act::leave(state, by, id)?;
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
        "invite" => {
            let code = admission::invite(state, by, id, body.reset.unwrap_or(false))?;
            let link = format!("{LINK}{code}");
            return Ok(Json(shape::Invite { code, link }).into_response());
        }
        "accept" => {
            admission::accept(state, by, id, &needed("code", body.code)?)?;
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
        "subject" => Setting::Subject(needed("subject", body.subject)?),
        "description" => Setting::Description {
            id: state.random_id(),
            text: Some(needed("description", body.description)?).filter(|text| !text.is_empty()),
            previous: state.groups.get(id).and_then(|group| group.description.as_ref()).map(|known| known.id.clone()),
        },
        "announce" => Setting::Announce(on),
        "locked" => Setting::Locked(on),
        "approval" => Setting::Approval(on),
        "admins-add" => Setting::AdminsAdd(on),
        "ephemeral" => Setting::Ephemeral(needed("ephemeral", body.ephemeral)?),
        _ => {
            return Err(Error::Invalid {
                field: "action",
                expected: "must be add, remove, promote, demote, approve, reject, leave, invite, accept, subject, \
                           description, announce, locked, approval, admins-add, ephemeral, link, unlink or dissolve",
            });
        }
    };
    setting::set(state, by, id, setting)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
