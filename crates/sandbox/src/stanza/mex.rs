//! `xmlns="w:mex"`: GraphQL, by the numbers of documents that clients have stored. WhatsApp changes the numbers with its
//! clients and takes the old ones for long, so there are several for one question.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use wacore::iq::mex_operations as known;
use wacore_binary::Node;

use super::read::{Read as _, refusal, result};
use crate::{
    account::Number,
    business::catalog,
    device::DeviceId,
    newsletter::{
        NewsletterId,
        act::{self, Refused, Update},
        notice,
    },
    stanza::read::node,
    state::State,
};

/// Numbers in other clients than the engine's.
mod other {
    pub const CREATE: &str = "8823471724422422";
    pub const FETCH: &str = "6563316087068696";
    pub const FOLLOWERS: &str = "9783111038412085";
    pub const MUTE: &str = "29766401636284406";
    pub const UNMUTE: &str = "9864994326891137";
}

type Answer = Result<(&'static str, Value), Refused>;

pub(crate) fn receive(state: &mut State, from: DeviceId, id: &str, iq: &Node) -> Node {
    let Some(query) = iq.child("query") else { return refusal(id, 400, "bad-request") };
    let document = query.text("query_id").unwrap_or_default();
    let asked: Value = serde_json::from_slice(&query.content()).unwrap_or_default();
    let of_catalogs = catalog::answer(state, from.number, &document, &asked["variables"]);
    let other = |refused: Refused| (refused.0.into(), refused.text());
    let answer = of_catalogs.or_else(|| Some(answer(state, from, &document, &asked["variables"])?.map_err(other)));
    let Some(answer) = answer else {
        state.counters.count(format!("graphql unknown: {document}"));
        return refusal(id, 400, "bad-request");
    };
    let answer = match answer {
        Ok((name, value)) => json!({"data": {name: value}}),
        Err((code, text)) => {
            state.counters.count(format!("graphql refused: {code}"));
            let extensions = json!({
                "error_code": code, "is_summary": false, "is_retryable": false, "severity": "WARNING",
            });
            json!({"data": null, "errors": [{"message": text, "extensions": extensions}]})
        }
    };
    result(id, [node("result").bytes(answer.to_string().into_bytes()).build()])
}

/// `None`: there is no such document.
fn answer(state: &mut State, from: DeviceId, document: &str, variables: &Value) -> Option<Answer> {
    let by = from.number;
    let named = || variables["newsletter_id"].as_str().and_then(NewsletterId::parse).ok_or(Refused(404));
    let brief = |id: NewsletterId, kind: &str| json!({"id": id.jid().to_string(), "state": {"type": kind}});
    Some(match document {
        known::fetch_newsletter::DOC_ID | other::FETCH => fetch(state, by, &variables["input"]),
        known::fetch_all_newsletters_metadata::DOC_ID => {
            let all: Vec<Value> = state.newsletters.of(by).map(|one| notice::describe(one, by)).collect();
            Ok(("xwa2_newsletter_subscribed", json!(all)))
        }
        known::create_newsletter::DOC_ID | other::CREATE => create(state, by, &variables["input"]),
        known::update_newsletter::DOC_ID => named()
            .and_then(|id| change(state, by, id, &variables["updates"]))
            .map(|told| ("xwa2_newsletter_update", told)),
        known::join_newsletter::DOC_ID => named().and_then(|id| {
            act::follow(state, from, id)?;
            Ok(("xwa2_newsletter_join_v2", notice::describe(act::seen(state, id)?, by)))
        }),
        known::leave_newsletter::DOC_ID => named().and_then(|id| {
            act::unfollow(state, from, id)?;
            Ok(("xwa2_newsletter_leave_v2", brief(id, "ACTIVE")))
        }),
        known::delete_newsletter::DOC_ID => named().and_then(|id| {
            act::delete(state, by, id)?;
            Ok(("xwa2_newsletter_delete_v2", brief(id, "DELETED")))
        }),
        known::update_newsletter_user_setting::DOC_ID => set(state, from, &variables["input"]),
        other::MUTE | other::UNMUTE => named().and_then(|id| {
            let on = document == other::MUTE;
            act::mute(state, from, id, on)?;
            let name = if on { "xwa2_newsletter_mute_v2" } else { "xwa2_newsletter_unmute_v2" };
            Ok((name, notice::describe(act::seen(state, id)?, by)))
        }),
        other::FOLLOWERS => named().and_then(|id| {
            let count = act::seen(state, id)?.followers.len();
            Ok(("xwa2_newsletter_subscribers", json!({"subscribers": count})))
        }),
        _ => return None,
    })
}

fn fetch(state: &State, by: Number, input: &Value) -> Answer {
    let key = input["key"].as_str().unwrap_or_default();
    let newsletter = match input["type"].as_str() {
        Some("JID") => NewsletterId::parse(key).and_then(|id| state.newsletters.get(id)),
        Some("INVITE") => state.newsletters.by_invite(key),
        _ => return Err(Refused(400)),
    };
    Ok(("xwa2_newsletter", notice::describe(newsletter.ok_or(Refused(404))?, by)))
}

fn create(state: &mut State, by: Number, input: &Value) -> Answer {
    let text = |name: &str| input[name].as_str().unwrap_or_default();
    let id = act::create(state, by, text("name"), text("description"))?;
    if let Some(picture) = picture(&input["picture"])?.filter(|picture| !picture.is_empty()) {
        act::update(state, by, id, Update { picture: Some(picture), ..Update::default() })?;
    }
    Ok(("xwa2_newsletter_create", notice::describe(act::seen(state, id)?, by)))
}

fn change(state: &mut State, by: Number, id: NewsletterId, updates: &Value) -> Result<Value, Refused> {
    let text = |name: &str| updates[name].as_str().map(str::to_owned);
    let update =
        Update { name: text("name"), description: text("description"), picture: picture(&updates["picture"])? };
    act::update(state, by, id, update)?;
    Ok(notice::describe(act::seen(state, id)?, by))
}

/// A JPEG in base64; empty takes it away.
fn picture(value: &Value) -> Result<Option<Vec<u8>>, Refused> {
    value.as_str().map(|text| BASE64_STANDARD.decode(text).map_err(|_| Refused(400))).transpose()
}

fn set(state: &mut State, from: DeviceId, input: &Value) -> Answer {
    let id = input["newsletter_id"].as_str().and_then(NewsletterId::parse).ok_or(Refused(404))?;
    let on = match input["value"].as_str() {
        Some("ON") => true,
        Some("OFF") => false,
        _ => return Err(Refused(400)),
    };
    match input["type"].as_str() {
        Some("MUTE_FOLLOWER_ACTIVITY" | "MUTE_ADMIN_ACTIVITY") => act::mute(state, from, id, on)?,
        _ => return Err(Refused(400)),
    }
    let told = notice::describe(act::seen(state, id)?, from.number);
    Ok(("xwa2_newsletter_update_user_setting", told))
}
