//! `/chat/*`: what is set of a chat, and the list of chats.

use axum::extract::State;
use http::request::Parts;
use wago_contract::chat::{Archive, Chat, Chats, Clear, MarkUnread, Mute, Timer, Which};

use crate::{
    app::App,
    body::Body,
    credentials::Session,
    page::number,
    reply::{Answer, Reply, Result, done},
};

const LIMIT: u64 = 100;
const LIMIT_MAX: u64 = 1_000;
const PAGE_MAX: u64 = 1_000_000;
const MILLISECONDS: i64 = 1_000;

/// `?page=` and `?limit=`.
pub(crate) async fn list(Session(session): Session, State(app): State<App>, parts: Parts) -> Result<Reply<Chats>> {
    let limit = number(&parts, "limit", LIMIT_MAX)?.unwrap_or(LIMIT);
    let page = number(&parts, "page", PAGE_MAX)?.unwrap_or(1);
    let mut found = app.store.chats(session.id, (page - 1) * limit, limit + 1).await?;
    let more = found.len() as u64 > limit;
    if more {
        found.pop();
    }
    let mut chats = Vec::with_capacity(found.len());
    for chat in found {
        let addresses = app.sessions.chat(session.id, &chat.chat).await?;
        let muted = chat.muted_until_ms;
        chats.push(Chat {
            is_group: addresses.jid.ends_with("@g.us"),
            jid: addresses.jid,
            lid: addresses.alias,
            name: chat.name,
            last_message_at: Some(chat.last_message_at_ms / MILLISECONDS).filter(|at| *at > 0),
            unread_count: chat.unread,
            marked_unread: chat.marked_unread,
            pinned: chat.pinned,
            muted: muted < 0 || muted > app.now_ms(),
            muted_until: (muted != 0).then_some(if muted < 0 { muted } else { muted / MILLISECONDS }),
            archived: chat.archived,
            labels: chat.labels,
        });
    }
    Ok(Reply(Chats { chats, next: more.then_some(page + 1) }))
}

pub(crate) async fn pin(Session(session): Session, State(app): State<App>, Body(which): Body<Which>) -> Answer {
    app.sessions.pin_chat(session.id, &which.chat, true).await?;
    done("Chat pinned")
}

pub(crate) async fn unpin(Session(session): Session, State(app): State<App>, Body(which): Body<Which>) -> Answer {
    app.sessions.pin_chat(session.id, &which.chat, false).await?;
    done("Chat unpinned")
}

pub(crate) async fn mute(Session(session): Session, State(app): State<App>, Body(mute): Body<Mute>) -> Answer {
    app.sessions.mute_chat(session.id, mute).await?;
    done("Chat muted")
}

pub(crate) async fn unmute(Session(session): Session, State(app): State<App>, Body(which): Body<Which>) -> Answer {
    app.sessions.unmute_chat(session.id, &which.chat).await?;
    done("Chat unmuted")
}

pub(crate) async fn archive(Session(session): Session, State(app): State<App>, Body(archive): Body<Archive>) -> Answer {
    app.sessions.archive_chat(session.id, &archive.chat, archive.on).await?;
    done(if archive.on { "Chat archived" } else { "Chat unarchived" })
}

pub(crate) async fn unarchive(Session(session): Session, State(app): State<App>, Body(which): Body<Which>) -> Answer {
    app.sessions.archive_chat(session.id, &which.chat, false).await?;
    done("Chat unarchived")
}

pub(crate) async fn mark_unread(
    Session(session): Session,
    State(app): State<App>,
    Body(mark): Body<MarkUnread>,
) -> Answer {
    let details = if mark.on { "Chat marked as unread" } else { "Chat marked as read" };
    app.sessions.mark_chat(session.id, mark).await?;
    done(details)
}

pub(crate) async fn clear(Session(session): Session, State(app): State<App>, Body(clear): Body<Clear>) -> Answer {
    app.sessions.clear_chat(session.id, clear).await?;
    done("Chat cleared")
}

pub(crate) async fn delete(Session(session): Session, State(app): State<App>, Body(which): Body<Which>) -> Answer {
    app.sessions.delete_chat(session.id, &which.chat).await?;
    done("Chat deleted")
}

pub(crate) async fn ephemeral(Session(session): Session, State(app): State<App>, Body(timer): Body<Timer>) -> Answer {
    app.sessions.set_timer(session.id, timer).await?;
    done("Disappearing timer set")
}
