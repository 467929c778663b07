//! `/newsletters`, and what a person does with a phone in them.

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse as _, Response},
};
use buffa::Message as _;
use http::StatusCode;
use wacore::proto_helpers::MessageExt as _;
use wacore_binary::Jid;
use wago_contract::phone::newsletter as shape;
use waproto::whatsapp as wa;

use super::{
    Control,
    answer::{Answer, Body, number},
};
use crate::{
    Error, Number, Result,
    device::DeviceId,
    newsletter::{
        Newsletter, NewsletterId, Post,
        act::{self, New, Refused, Update},
    },
    phone,
    state::State as Net,
};

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        match refused.0 {
            404 => Self::UnknownNewsletter,
            code => Self::NewsletterRefused { code, word: refused.text() },
        }
    }
}

fn pn(number: Number) -> String {
    Jid::pn(number.to_string()).to_string()
}

fn described(newsletter: &Newsletter, whole: bool) -> shape::Newsletter {
    let post = |post: &Post| {
        let message = wa::Message::decode_from_slice(&post.body).unwrap_or_default();
        shape::Post {
            server_id: post.server_id,
            id: post.id.clone(),
            text: message.text_content().map(str::to_owned),
            kind: post.kind.clone(),
            timestamp: post.at,
            edited: post.edited,
            revoked: post.revoked,
            reactions: post.counts().into_iter().map(|(code, count)| (code.to_owned(), count)).collect(),
            views: post.views.len(),
        }
    };
    shape::Newsletter {
        jid: newsletter.id.jid().to_string(),
        name: newsletter.name.text.clone(),
        description: newsletter.description.text.clone(),
        owner: pn(newsletter.owner),
        invite: newsletter.invite.clone(),
        picture: newsletter.picture.is_some(),
        followers: newsletter.followers.keys().copied().map(pn).collect(),
        posts: if whole { newsletter.posts.values().map(post).collect() } else { Vec::new() },
    }
}

pub(super) async fn list(State(control): State<Control>) -> Json<Vec<shape::Newsletter>> {
    Json(control.core.step(|state| state.newsletters.all().map(|one| described(one, false)).collect()))
}

pub(super) async fn create(
    State(control): State<Control>,
    Body(new): Body<shape::NewNewsletter>,
) -> Answer<(StatusCode, Json<shape::Newsletter>)> {
    let made = control.core.step(|state| {
        let owner = phone::outbound::recipient(state, "owner", new.owner.as_deref())?;
        let name = new.name.ok_or(Error::Invalid { field: "name", expected: "is missing" })?;
        let id = act::create(state, owner, &name, new.description.as_deref().unwrap_or_default())?;
        Ok::<_, Error>(described(act::seen(state, id)?, true))
    })?;
    Ok((StatusCode::CREATED, Json(made)))
}

fn newsletter_id(text: &str) -> Result<NewsletterId> {
    NewsletterId::parse(text).ok_or(Error::UnknownNewsletter)
}

pub(super) async fn one(
    State(control): State<Control>,
    Path(newsletter): Path<String>,
) -> Answer<Json<shape::Newsletter>> {
    let id = newsletter_id(&newsletter)?;
    Ok(Json(control.core.step(|state| Ok::<_, Error>(described(act::seen(state, id)?, true)))?))
}

pub(super) async fn act(
    State(control): State<Control>,
    Path((phone, newsletter, action)): Path<(String, String, String)>,
    Body(body): Body<shape::NewsletterAction>,
) -> Answer<Response> {
    let (number, id) = (number(Path(phone))?, newsletter_id(&newsletter)?);
    let done = control.core.step(|state| {
        state.phones.get(number)?;
        perform(state, number, id, &action, body)
    });
    Ok(done?)
}

fn perform(
    state: &mut Net,
    by: Number,
    id: NewsletterId,
    action: &str,
    body: shape::NewsletterAction,
) -> Result<Response> {
    let from = DeviceId::phone(by);
    let server_id = body.server_id.ok_or(Error::Invalid { field: "serverId", expected: "is missing" });
    let words = |text: Option<String>| {
        let text =
            text.filter(|text| !text.is_empty()).ok_or(Error::Invalid { field: "text", expected: "is missing" })?;
        Ok::<_, Error>(wa::Message { conversation: Some(text), ..Default::default() }.encode_to_vec())
    };
    let post = |state: &Net, server_id: u64| {
        act::seen(state, id)?.posts.get(&server_id).map(|post| post.id.clone()).ok_or(Refused(404))
    };
    match action {
        "follow" => act::follow(state, from, id)?,
        "unfollow" => act::unfollow(state, from, id)?,
        "mute" => act::mute(state, from, id, body.on.unwrap_or(true))?,
        "post" => {
            let own = state.random_id();
            let new =
                New { id: own.clone(), kind: "text".to_owned(), media: None, file: None, body: words(body.text)? };
            let server_id = act::post(state, from, id, new)?;
            return Ok(Json(shape::Posted { server_id, id: own }).into_response());
        }
        "edit" => {
            let (post, words) = (post(state, server_id?)?, words(body.text)?);
            act::change(state, from, id, &post, Some(words))?;
        }
        "revoke" => {
            let post = post(state, server_id?)?;
            act::change(state, from, id, &post, None)?;
        }
        "react" => act::react(state, by, id, server_id?, &body.emoji.unwrap_or_default())?,
        "view" => act::view(state, by, id, &[server_id?])?,
        "update" => {
            let update = Update { name: body.name, description: body.description, picture: None };
            act::update(state, by, id, update)?;
        }
        "delete" => act::delete(state, by, id)?,
        _ => {
            return Err(Error::Invalid {
                field: "action",
                expected: "must be follow, unfollow, mute, post, edit, revoke, react, view, update or delete",
            });
        }
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}
