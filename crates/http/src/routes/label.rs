//! `/label/*` and `/unlabel/*`.

use axum::extract::State;
use http::request::Parts;
use wago_contract::label::{EditLabel, Label, LabelChat, LabelMessage, Labelled, Labels};

use crate::{
    app::App,
    body::Body,
    credentials::Session,
    error::ApiError,
    page::Page,
    query::parameter,
    reply::{Answer, Reply, Result, done},
};

/// WhatsApp lets an account have twenty.
const LABELS_MAX: u64 = 1_000;

/// All; with `?labelid=` that one, and what has it (`?page=`, `?limit=`).
pub(crate) async fn list(
    Session(session): Session,
    State(app): State<App>,
    page: Page,
    parts: Parts,
) -> Result<Reply<Labels>> {
    let wanted = parameter(&parts, "labelid");
    let mut labels: Vec<Label> = app.store.labels(session.id, LABELS_MAX).await?.into_iter().map(shown).collect();
    let Some(wanted) = wanted else { return Ok(Reply(Labels { labels })) };
    labels.retain(|label| label.id == wanted);
    let Some(label) = labels.first_mut() else {
        return Err(ApiError::not_found("there is no label with this labelid"));
    };
    let mut found = app.store.labelled(session.id, &wanted, page.offset, page.limit + 1).await?;
    let more = found.len() as u64 > page.limit;
    if more {
        found.pop();
    }
    label.next = more.then(|| page.offset / page.limit + 2);
    label.labelled = Some(found.into_iter().map(|one| Labelled { jid: one.chat, messageid: one.message }).collect());
    Ok(Reply(Labels { labels }))
}

fn shown(label: wago_store::Label) -> Label {
    Label {
        id: label.id,
        name: label.name,
        color: label.color,
        predefined_id: label.predefined_id,
        chat_count: label.chats,
        message_count: label.messages,
        labelled: None,
        next: None,
    }
}

pub(crate) async fn edit(Session(session): Session, State(app): State<App>, Body(edit): Body<EditLabel>) -> Answer {
    let details = if edit.look.is_some() { "Label edited" } else { "Label deleted" };
    app.sessions.edit_label(session.id, edit).await?;
    done(details)
}

pub(crate) async fn chat(session: Session, app: State<App>, Body(wish): Body<LabelChat>) -> Answer {
    set_chat(session, app, wish).await
}

pub(crate) async fn unlabel_chat(session: Session, app: State<App>, Body(wish): Body<LabelChat>) -> Answer {
    set_chat(session, app, LabelChat { on: false, ..wish }).await
}

async fn set_chat(Session(session): Session, State(app): State<App>, wish: LabelChat) -> Answer {
    let details = if wish.on { "Label added" } else { "Label removed" };
    app.sessions.label_chat(session.id, wish).await?;
    done(details)
}

pub(crate) async fn message(session: Session, app: State<App>, Body(wish): Body<LabelMessage>) -> Answer {
    set_message(session, app, wish).await
}

pub(crate) async fn unlabel_message(session: Session, app: State<App>, Body(wish): Body<LabelMessage>) -> Answer {
    set_message(session, app, LabelMessage { on: false, ..wish }).await
}

async fn set_message(Session(session): Session, State(app): State<App>, wish: LabelMessage) -> Answer {
    let details = if wish.on { "Label added" } else { "Label removed" };
    app.sessions.label_message(session.id, wish).await?;
    done(details)
}
