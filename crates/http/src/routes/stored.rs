//! The stored messages: `/messages`, and how far one came: `/message/status`.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use http::request::Parts;
use serde_json::Value;
use wago_contract::{
    message::Download,
    payload::{Fields, Payload as _, moment},
    send::media::Kind,
    stored::{AskStatus, Message, Messages, Recipient, Status, WholeMessage},
};
use wago_session::Origin;
use wago_store::{MessageCursor, MessageFilter, Search, SessionId};

use crate::{
    app::App,
    body::Body,
    credentials::Session,
    error::ApiError,
    page::number,
    query::parameter,
    reply::{Reply, Result},
};

const LIMIT_MAX: u64 = 500;
const LIMIT: u64 = 50;
/// Characters of `?q=`.
const QUERY_MAX: usize = 500;

/// `?chat=`, `?before=` and `?after=` (a cursor or a time), `?q=`, `?limit=`.
pub(crate) async fn list(Session(session): Session, State(app): State<App>, parts: Parts) -> Result<Reply<Messages>> {
    is_kept(&app)?;
    let chats = chats(&app, session.id, &parts).await?;
    let search = match parameter(&parts, "q") {
        None => None,
        Some(text) if text.chars().count() > QUERY_MAX => {
            return Err(ApiError::invalid("q", format!("q should be at most {QUERY_MAX} characters long")));
        }
        Some(text) => match Search::read(&text) {
            None => return Err(ApiError::invalid("q", "q should have a word in it")),
            search => search,
        },
    };
    let filter = MessageFilter { chats, before: cursor(&parts, "before")?, after: cursor(&parts, "after")?, search };
    let limit = number(&parts, "limit", LIMIT_MAX)?.unwrap_or(LIMIT);
    let mut messages = app.store.messages(session.id, &filter, limit + 1).await?;
    let more = messages.len() as u64 > limit;
    if more {
        messages.pop();
    }
    let next = messages.last().filter(|_| more).map(|last| written(last.cursor));
    Ok(Reply(Messages { messages: messages.into_iter().map(shown).collect(), next }))
}

/// One, with all of its content. `?chat=` tells it from one of the same id in another chat.
pub(crate) async fn show(
    Session(session): Session,
    Path(id): Path<String>,
    State(app): State<App>,
    parts: Parts,
) -> Result<Reply<WholeMessage>> {
    is_kept(&app)?;
    let chats = chats(&app, session.id, &parts).await?;
    let found = app.store.message(session.id, &id, &chats).await?;
    let (message, payload) = found.ok_or_else(ApiError::unknown_message)?;
    let event = serde_json::from_slice(&payload).unwrap_or(Value::Null);
    Ok(Reply(WholeMessage { message: shown(message), event }))
}

/// What a stored message says of its file, and which message it is.
pub(super) async fn file(
    app: &App,
    session: SessionId,
    kind: Kind,
    id: &str,
    chat: Option<&str>,
) -> Result<(Download, Origin)> {
    is_kept(app)?;
    let chats = match chat {
        Some(chat) => app.sessions.chat(session, chat).await?.names(),
        None => Vec::new(),
    };
    let (message, payload) = app.store.message(session, id, &chats).await?.ok_or_else(ApiError::unknown_message)?;
    let event: Value = serde_json::from_slice(&payload).unwrap_or_default();
    let members: &[&str] = match kind {
        Kind::Image => &["imageMessage"],
        Kind::Video => &["videoMessage", "ptvMessage"],
        Kind::Audio => &["audioMessage"],
        Kind::Document => &["documentMessage"],
        Kind::Sticker => &["stickerMessage"],
    };
    let described = members.iter().map(|member| &event["Message"][*member]).find(|described| described.is_object());
    let no_file = || ApiError::invalid("Id", "Id should be that of a message with such a file");
    let described = described.ok_or_else(no_file)?.to_string();
    let file = Fields::parse(described.as_bytes()).and_then(Download::read).map_err(|_| no_file())?;
    let sender = is_of_many(&message.chat).then_some(message.sender);
    Ok((file, Origin { id: message.id, chat: message.chat, sender, from_me: message.from_me }))
}

pub(crate) async fn status(
    Session(session): Session,
    State(app): State<App>,
    Body(AskStatus { id }): Body<AskStatus>,
) -> Result<Reply<Status>> {
    is_kept(&app)?;
    let (message, _) = app.store.message(session.id, &id, &[]).await?.ok_or_else(ApiError::unknown_message)?;
    let sent = message.cursor.sent_at_ms;
    let mut recipients: BTreeMap<String, Recipient> = BTreeMap::new();
    let recipient =
        |jid: String| Recipient { jid, state: "sent", sent: seconds(sent), delivered: None, read: None, played: None };
    if message.from_me {
        if !is_of_many(&message.chat) {
            let jid = app.sessions.chat(session.id, &message.chat).await?.jid;
            recipients.insert(jid.clone(), recipient(jid));
        }
        for receipt in app.store.message_receipts(session.id, &id).await? {
            // The same person may have answered by either address.
            let jid = app.sessions.chat(session.id, &receipt.recipient).await?.jid;
            let one = recipients.entry(jid.clone()).or_insert_with(|| recipient(jid));
            let earlier = |known: Option<i64>, now: Option<i64>| known.into_iter().chain(now.map(seconds)).min();
            one.delivered = earlier(one.delivered, Some(receipt.delivered_at_ms));
            one.read = earlier(one.read, receipt.read_at_ms);
            one.played = earlier(one.played, receipt.played_at_ms);
            one.state = match (one.read, one.played) {
                (_, Some(_)) => "played",
                (Some(_), None) => "read",
                (None, None) => "delivered",
            };
        }
    }
    Ok(Reply(Status {
        id,
        chat: message.chat,
        from_me: message.from_me,
        timestamp: seconds(sent),
        recipients: recipients.into_values().collect(),
    }))
}

fn is_of_many(chat: &str) -> bool {
    ["@g.us", "@broadcast", "@newsletter"].iter().any(|server| chat.ends_with(server))
}

fn is_kept(app: &App) -> Result<()> {
    if app.sessions.keeps_messages() { Ok(()) } else { Err(ApiError::messages_not_stored()) }
}

async fn chats(app: &App, session: SessionId, parts: &Parts) -> Result<Vec<String>> {
    match parameter(parts, "chat") {
        Some(chat) => Ok(app.sessions.chat(session, &chat).await?.names()),
        None => Ok(Vec::new()),
    }
}

/// A place as [`written`], or a time.
fn cursor(parts: &Parts, name: &'static str) -> Result<Option<MessageCursor>> {
    let Some(text) = parameter(parts, name) else { return Ok(None) };
    let place = text
        .split_once('.')
        .and_then(|(at, row)| Some(MessageCursor { sent_at_ms: at.parse().ok()?, row: row.parse().ok()? }));
    let cursor = place.or_else(|| moment(&text).map(MessageCursor::at));
    match cursor {
        Some(cursor) => Ok(Some(cursor)),
        None => Err(ApiError::invalid(name, format!("{name} should be a cursor, RFC 3339 or unix seconds"))),
    }
}

fn written(cursor: MessageCursor) -> String {
    format!("{}.{}", cursor.sent_at_ms, cursor.row)
}

fn shown(message: wago_store::Message) -> Message {
    Message {
        cursor: written(message.cursor),
        id: message.id,
        chat: message.chat,
        sender: message.sender,
        from_me: message.from_me,
        kind: message.kind,
        text: message.text,
        timestamp: seconds(message.cursor.sent_at_ms),
        edited: message.edited_at_ms.map(seconds),
        revoked: message.revoked_at_ms.map(seconds),
        starred: message.starred,
        reactions: message.reactions.into_iter().collect(),
    }
}

fn seconds(ms: i64) -> i64 {
    ms.div_euclid(1000)
}
