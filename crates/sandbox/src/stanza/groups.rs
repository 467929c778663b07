//! `xmlns="w:g2"`: questions about groups, and what people do in them.

use wacore_binary::{Jid, Node, Server};

use super::read::{Read as _, node, refusal};
use crate::{
    account::Number,
    device::DeviceId,
    group::{
        Group, GroupId,
        act::{self, Failed, New, Outcome, Refused},
        admission::{self, Joined},
        community::{self, Community, Kind, Linked},
        notice,
        setting::{self, Setting},
    },
    state::State,
};

/// Groups in one question.
const GROUPS_MAX: usize = 10_000;

type Answer = Result<Vec<Node>, Refused>;

pub(crate) fn receive(state: &mut State, from: DeviceId, id: &str, kind: &str, iq: &Node) -> Node {
    let to = iq.jid("to").unwrap_or_else(|| Jid::new("", Server::Group));
    let by = from.number;
    let answer = match (GroupId::of(&to), kind) {
        (Some(group), "get") => ask(state, by, group, iq),
        (Some(group), "set") => set(state, by, group, iq),
        (None, "get") if to.server == Server::Group && to.user.is_empty() => ask_all(state, by, iq),
        (None, "set") if to.server == Server::Group && to.user.is_empty() => set_any(state, by, iq),
        // A group of an older form of id could be none of this network's.
        (None, _) if to.server == Server::Group => Err(Refused(404)),
        _ => Err(Refused(400)),
    };
    match answer {
        Ok(children) => node("iq").attr("from", to).attr("type", "result").attr("id", id).children(children).build(),
        Err(refused) => {
            state.counters.count(format!("group iq refused: {}", refused.0));
            let mut answer = refusal(id, refused.0, refused.text());
            answer.attrs.insert("from", to);
            answer
        }
    }
}

fn ask(state: &mut State, by: Number, id: GroupId, iq: &Node) -> Answer {
    if let Some(query) = iq.child("query") {
        let group = act::seen(state, by, id)?;
        let unchanged = query.text("phash").is_some_and(|known| hash(state, group).as_deref() == Some(known.as_str()));
        return Ok(if unchanged { Vec::new() } else { vec![notice::describe(state, group, true, true)] });
    }
    if iq.child("invite").is_some() {
        let code = admission::invite(state, by, id, false)?;
        return Ok(vec![node("invite").attr("code", code).build()]);
    }
    if iq.child("membership_approval_requests").is_some() {
        let requests = admission::requests(state, by, id)?;
        let requests = requests.into_iter().map(|(number, request)| {
            let person = notice::participant(state, number)
                .attr("request_method", request.method.word())
                .attr("request_time", request.at)
                .build();
            Node { tag: "membership_approval_request".into(), ..person }
        });
        return Ok(vec![node("membership_approval_requests").children(requests.collect::<Vec<_>>()).build()]);
    }
    if iq.child("sub_groups").is_some() {
        return Ok(vec![community::list(state, by, id)?]);
    }
    if iq.child("linked_groups_participants").is_some() {
        return Ok(vec![community::people(state, by, id)?]);
    }
    if let Some(wanted) = iq.child("query_linked").and_then(|query| query.jid("jid")) {
        let group = community::look(state, by, id, &wanted)?;
        return linked_group(state, group);
    }
    unknown(state, iq)
}

fn linked_group(state: &State, id: GroupId) -> Answer {
    let group = state.groups.get(id).ok_or(Refused(404))?;
    Ok(vec![node("linked_group").children([notice::describe(state, group, true, true)]).build()])
}

fn linked(all: &[Linked]) -> Vec<Node> {
    let group = |one: &Linked| {
        let group = node("group").attr("jid", &one.named);
        match one.result {
            Ok(()) => group.build(),
            Err(refused) => group.attr("error", refused.0).build(),
        }
    };
    all.iter().map(group).collect()
}

fn groups(list: &Node) -> Vec<Jid> {
    list.nodes().iter().filter(|child| child.tag == "group").filter_map(|child| child.jid("jid")).collect()
}

/// Of the people in the group, as clients compute it of those that they know.
fn hash(state: &State, group: &Group) -> Option<String> {
    let people: Vec<Jid> = group
        .members
        .keys()
        .filter_map(|number| state.accounts.get(number))
        .map(crate::account::Account::lid_jid)
        .collect();
    wacore::messages::MessageUtils::participant_list_hash(&people).ok()
}

fn ask_all(state: &mut State, by: Number, iq: &Node) -> Answer {
    if let Some(wanted) = iq.child("participating") {
        let (members, description) = (wanted.child("participants").is_some(), wanted.child("description").is_some());
        let groups = state.groups.of(by).map(|group| notice::describe(state, group, members, description));
        return Ok(vec![node("groups").children(groups.collect::<Vec<_>>()).build()]);
    }
    if let Some(code) = iq.child("invite").and_then(|invite| invite.text("code")) {
        let group = admission::by_link(state, &code)?;
        return Ok(vec![notice::describe(state, group, false, true)]);
    }
    if let Some(query) = iq.child("query") {
        if query.nodes().len() > GROUPS_MAX {
            return Err(Refused(406));
        }
        let groups = query.nodes().iter().filter_map(|group| group.jid("jid")).map(|jid| {
            match GroupId::of(&jid).ok_or(Refused(404)).and_then(|id| act::seen(state, by, id)) {
                Ok(group) => notice::describe(state, group, true, true),
                Err(refused) => node("group").attr("id", jid.user.as_str()).attr("error", refused.0).build(),
            }
        });
        return Ok(vec![node("groups").children(groups.collect::<Vec<_>>()).build()]);
    }
    unknown(state, iq)
}

fn set_any(state: &mut State, by: Number, iq: &Node) -> Answer {
    if let Some(create) = iq.child("create") {
        let (id, outcomes) = act::create(state, by, new(create)?)?;
        let group = state.groups.get(id).ok_or(Refused(500))?;
        let mut described = notice::describe(state, group, true, true);
        let failed: Vec<Node> =
            outcomes.iter().filter(|outcome| outcome.result.is_err()).map(|outcome| person(state, outcome)).collect();
        if let Some(wacore_binary::NodeContent::Nodes(children)) = &mut described.content {
            children.extend(failed);
        }
        return Ok(vec![described]);
    }
    if let Some(leave) = iq.child("leave") {
        let mut left = Vec::new();
        let mut first_refusal = None;
        for jid in leave.nodes().iter().filter_map(|group| group.jid("id")) {
            let done = GroupId::of(&jid).ok_or(Refused(404)).and_then(|id| act::leave(state, by, id));
            let group = node("group").attr("id", &jid);
            left.push(match done {
                Ok(()) => group.build(),
                Err(refused) => {
                    first_refusal = first_refusal.or(Some(refused));
                    group.attr("error", refused.0).build()
                }
            });
        }
        return match (left.len(), first_refusal) {
            (0, _) => Err(Refused(400)),
            (1, Some(refused)) => Err(refused),
            _ => Ok(vec![node("leave").children(left).build()]),
        };
    }
    if let Some(code) = iq.child("invite").and_then(|invite| invite.text("code")) {
        return Ok(vec![match admission::join(state, by, &code)? {
            Joined::In(id) => node("group").attr("jid", id.jid()).build(),
            Joined::Asked(id) => node("membership_approval_request").attr("jid", id.jid()).build(),
        }]);
    }
    unknown(state, iq)
}

fn new(create: &Node) -> Result<New, Refused> {
    let description = create.child("description").map(|description| {
        let id = description.text("id").unwrap_or_default();
        (id, description.child("body").map(text).unwrap_or_default())
    });
    let ephemeral = match create.child("ephemeral").and_then(|ephemeral| ephemeral.text("expiration")) {
        Some(seconds) => seconds.parse().map_err(|_| Refused(400))?,
        None => 0,
    };
    Ok(New {
        subject: create.text("subject").ok_or(Refused(400))?,
        participants: named(create),
        description,
        ephemeral,
        approval: create.child("membership_approval_mode").is_some_and(is_on),
        admins_add: create.child("member_add_mode").is_some_and(|mode| text(mode) == "admin_add"),
        key: create.text("key"),
        kind: match (create.child("parent"), create.child("linked_parent")) {
            (None, None) => Kind::Alone,
            (Some(parent), None) => Kind::Community(Community {
                closed: parent.text("default_membership_approval_mode").as_deref() == Some("request_required"),
                members_make: create.child("allow_non_admin_sub_group_creation").is_some(),
            }),
            (None, Some(parent)) => {
                Kind::Within(parent.jid("jid").and_then(|jid| GroupId::of(&jid)).ok_or(Refused(404))?)
            }
            (Some(_), Some(_)) => return Err(Refused(400)),
        },
    })
}

fn text(node: &Node) -> String {
    String::from_utf8_lossy(&node.content()).into_owned()
}

fn is_on(mode: &Node) -> bool {
    mode.child("group_join").and_then(|join| join.text("state")).as_deref() == Some("on")
}

fn named(list: &Node) -> Vec<Jid> {
    list.nodes().iter().filter(|child| child.tag == "participant").filter_map(|child| child.jid("jid")).collect()
}

fn person(state: &State, outcome: &Outcome) -> Node {
    let person = match outcome.number {
        Some(number) => notice::participant(state, number),
        None => node("participant").attr("jid", &outcome.named),
    };
    match &outcome.result {
        Ok(()) => person.build(),
        Err(Failed::Code(code)) => person.attr("error", *code).build(),
        Err(Failed::Ask { code, expires }) => person
            .attr("error", 403)
            .children([node("add_request").attr("code", code.as_str()).attr("expiration", *expires).build()])
            .build(),
    }
}

fn people(state: &State, word: &'static str, outcomes: &[Outcome]) -> Node {
    node(word).children(outcomes.iter().map(|outcome| person(state, outcome)).collect::<Vec<_>>()).build()
}

fn set(state: &mut State, by: Number, id: GroupId, iq: &Node) -> Answer {
    let Some(change) = iq.nodes().first() else { return Err(Refused(400)) };
    let setting = match change.tag.as_ref() {
        "add" => return on_people(state, change, "add", |state, named| act::add(state, by, id, named)),
        "remove" if change.text("linked_groups").as_deref() == Some("true") => {
            return on_people(state, change, "remove", |state, named| community::remove(state, by, id, named));
        }
        "remove" => return on_people(state, change, "remove", |state, named| act::remove(state, by, id, named)),
        "links" => {
            let link = change.child("link").filter(|link| link.text("link_type").as_deref() == Some("sub_group"));
            let all = community::link(state, by, id, &groups(link.ok_or(Refused(400))?))?;
            let link = node("link").attr("link_type", "sub_group").children(linked(&all)).build();
            return Ok(vec![node("links").children([link]).build()]);
        }
        "unlink" => {
            let all = community::unlink(state, by, id, &groups(change))?;
            return Ok(vec![node("unlink").attr("unlink_type", "sub_group").children(linked(&all)).build()]);
        }
        "delete_parent" => {
            community::dissolve(state, by, id)?;
            return Ok(Vec::new());
        }
        "join_linked_group" => {
            let wanted = change.jid("jid").ok_or(Refused(400))?;
            let group = community::join(state, by, id, &wanted)?;
            return linked_group(state, group);
        }
        "promote" => return on_people(state, change, "promote", |state, named| act::promote(state, by, id, named)),
        "demote" => return on_people(state, change, "demote", |state, named| act::demote(state, by, id, named)),
        "revoke" => {
            return on_people(state, change, "revoke", |state, named| admission::uninvite(state, by, id, named));
        }
        "cancel_membership_requests" => {
            return on_people(state, change, "cancel_membership_requests", |state, named| {
                admission::withdraw(state, by, id, named)
            });
        }
        "membership_requests_action" => return decide(state, by, id, change),
        "invite" => {
            let code = admission::invite(state, by, id, true)?;
            return Ok(vec![node("invite").attr("code", code).build()]);
        }
        "accept" => {
            let code = change.text("code").ok_or(Refused(400))?;
            admission::accept(state, by, id, &code)?;
            return Ok(vec![node("group").attr("jid", id.jid()).build()]);
        }
        "ack" => {
            act::seen(state, by, id)?;
            return Ok(Vec::new());
        }
        "subject" => Setting::Subject(text(change)),
        "description" => {
            let deleted = change.text("delete").as_deref() == Some("true");
            Setting::Description {
                // Who takes it away need not name the nothing that follows it.
                id: change.text("id").or_else(|| deleted.then(String::new)).ok_or(Refused(400))?,
                text: if deleted { None } else { Some(change.child("body").map(text).ok_or(Refused(400))?) },
                previous: change.text("prev"),
            }
        }
        "announcement" | "not_announcement" => Setting::Announce(change.tag == "announcement"),
        "locked" | "unlocked" => Setting::Locked(change.tag == "locked"),
        "not_ephemeral" => Setting::Ephemeral(0),
        "ephemeral" => {
            let seconds = change.text("expiration").and_then(|seconds| seconds.parse().ok());
            Setting::Ephemeral(seconds.ok_or(Refused(400))?)
        }
        "member_add_mode" => match text(change).as_str() {
            "admin_add" => Setting::AdminsAdd(true),
            "all_member_add" => Setting::AdminsAdd(false),
            _ => return Err(Refused(400)),
        },
        "membership_approval_mode" => Setting::Approval(is_on(change)),
        _ => return unknown(state, iq),
    };
    setting::set(state, by, id, setting)?;
    Ok(Vec::new())
}

fn on_people(
    state: &mut State,
    change: &Node,
    word: &'static str,
    act: impl FnOnce(&mut State, &[Jid]) -> Result<Vec<Outcome>, Refused>,
) -> Answer {
    let named = named(change);
    if named.is_empty() {
        return Err(Refused(400));
    }
    let outcomes = act(state, &named)?;
    Ok(vec![people(state, word, &outcomes)])
}

fn decide(state: &mut State, by: Number, id: GroupId, change: &Node) -> Answer {
    let (word, list) = match (change.child("approve"), change.child("reject")) {
        (Some(list), None) => ("approve", list),
        (None, Some(list)) => ("reject", list),
        _ => return Err(Refused(400)),
    };
    let outcomes = admission::decide(state, by, id, &named(list), word == "approve")?;
    Ok(vec![node("membership_requests_action").children([people(state, word, &outcomes)]).build()])
}

fn unknown(state: &mut State, iq: &Node) -> Answer {
    let word = iq.nodes().first().map(|child| child.tag.to_string()).unwrap_or_default();
    state.counters.count(format!("group iq unknown: {word}"));
    Err(Refused(501))
}
