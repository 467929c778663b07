//! Recording the history that a phone sends: unpacked on a thread of its own, told and kept part by part. How its chats stand
//! is stored in any case.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use chrono::Utc;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wacore_binary::Jid;
use wago_contract::history::{AskHistory, HistoryAsked, Oldest};
use wago_store::{ChatChange, SessionId};
use waproto::whatsapp as wa;

use crate::{
    Error, Result, Sessions,
    adapter::{
        error,
        history::{Chunk, Past, listed, named},
        names::{Around, Names},
        stored::past,
    },
    connection::Made,
    recipients::answered,
    record::{Record, Recorder},
};

/// Parts that wait for the store. The thread that unpacks waits with the next.
const PARTS_MAX: usize = 1;
const KIND: &str = "HistorySync";
/// Messages that are stored in one transaction.
const BATCH_MAX: usize = 200;
/// Files of one session, of half a megabyte or so each; for a newer one the oldest goes.
const FILES_MAX: usize = 1_000;

/// Whether the session's subscription names it. A store that does not answer means no.
async fn is_told(made: &Made) -> bool {
    let session = made.store.session(made.session).await;
    let names = session.ok().flatten().map(|session| session.subscribe).unwrap_or_default();
    names_it(&names)
}

fn names_it(subscription: &[String]) -> bool {
    subscription.iter().any(|name| name == KIND || name == wago_contract::subscription::ALL)
}

impl Sessions {
    /// Asks the phone for what lies before a message. It answers when it is there and likes to.
    pub async fn ask_history(&self, id: SessionId, ask: AskHistory) -> Result<HistoryAsked> {
        let AskHistory { chat, count, oldest } = ask;
        let known = self.chat(id, &chat).await.map_err(|error| match error {
            Error::Invalid { reason, .. } => {
                Error::Invalid { field: "Chat", reason: reason.replacen("chat", "Chat", 1) }
            }
            error => error,
        })?;
        let keep = &self.shared().keep;
        let row = self.store().session(id).await?.ok_or(Error::NoSession)?;
        if !(keep.messages || keep.history.is_some() || names_it(&row.subscribe)) {
            let reason =
                "Chat: nobody would get the answer: subscribe to HistorySync, or start WaGo with -storemessage";
            return Err(Error::Invalid { field: "Chat", reason: reason.to_owned() });
        }
        let oldest = match oldest {
            Some(oldest) => oldest,
            None => self.oldest(id, &known.clone().names()).await?,
        };
        self.over(id, |live| async move {
            let to = self.resolve(&live, &chat).await?;
            let (before, at_ms) = (oldest.id.as_str(), oldest.timestamp.saturating_mul(1_000));
            let count_asked = i32::try_from(count).unwrap_or(i32::MAX);
            let asked = live.client.fetch_message_history(&to, before, oldest.from_me, at_ms, count_asked);
            let asked = answered(async { asked.await.map_err(|failed| error::untyped(&failed)) }).await?;
            Ok(HistoryAsked { details: "History requested", id: asked, chat: known.jid, count, message_id: oldest.id })
        })
        .await
    }

    async fn oldest(&self, id: SessionId, chats: &[String]) -> Result<Oldest> {
        let none = || {
            Error::Invalid {
            field: "MessageID",
            reason: "MessageID, IsFromMe and Timestamp of the oldest message that you have are needed: none of the chat is stored"
                .to_owned(),
        }
        };
        let stored = if self.keeps_messages() { self.store().oldest_message(id, chats).await? } else { None };
        let oldest = stored.ok_or_else(none)?;
        Ok(Oldest { id: oldest.id, from_me: oldest.from_me, timestamp: oldest.cursor.sent_at_ms / 1_000 })
    }
}

/// Takes the chunks until there are no more senders, or the connection is stopped: what is left then is lost.
pub(crate) async fn record(
    mut chunks: mpsc::Receiver<Chunk>,
    names: &dyn Names,
    made: &Made,
    stop: &CancellationToken,
) {
    let folder = made.shared.keep.history.as_ref().map(|folder| folder.join(format!("user_{}", made.session.0)));
    while let Some(chunk) = chunks.recv().await {
        if stop.is_cancelled() {
            continue;
        }
        let chunk = Arc::new(chunk);
        store(chunk.clone(), names, &made.recorder, stop).await;
        let is_told = is_told(made).await;
        if !is_told && folder.is_none() {
            continue;
        }
        let (sender, mut parts) = mpsc::channel(PARTS_MAX);
        let reading = tokio::task::spawn_blocking(move || chunk.tell(|part| sender.blocking_send(part).is_ok()));
        while let Some(part) = parts.recv().await {
            if stop.is_cancelled() {
                // The thread finds nobody to listen and ends.
                break;
            }
            if let Some(folder) = &folder {
                write(folder.clone(), &part, &made.recorder).await;
            }
            if is_told && !made.recorder.insist(vec![part]).await {
                break;
            }
        }
        drop(parts);
        ended(reading.await, &made.recorder);
    }
}

fn ended(reading: Result<Result<(), String>, tokio::task::JoinError>, recorder: &Recorder) {
    match reading {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(session = recorder.name(), error, "history could not be read"),
        Err(error) => tracing::error!(session = recorder.name(), %error, "reading history failed"),
    }
}

/// Stores how the chats stand, what people call themselves, and the messages if they are kept. What cannot be stored is
/// missing, and the log says so.
async fn store(chunk: Arc<Chunk>, names: &dyn Names, recorder: &Recorder, stop: &CancellationToken) {
    let lists_chats = chunk.lists_chats();
    if !(lists_chats || recorder.keeps_messages()) {
        return;
    }
    let (sender, mut parts) = mpsc::channel(PARTS_MAX);
    let reading = tokio::task::spawn_blocking(move || chunk.each(|part| sender.blocking_send(part).is_ok()));
    let mut changes = Vec::new();
    while let Some(part) = parts.recv().await {
        if stop.is_cancelled() {
            break;
        }
        let around = Around { names, now: Utc::now() };
        let stored = async {
            match part {
                Past::Chat(chat) => {
                    if lists_chats {
                        changes.extend(listed(&chat, around));
                    }
                    if recorder.keeps_messages() {
                        store_chat(&chat, recorder, around).await?;
                    }
                }
                Past::Names(people) => changes.extend(people.iter().filter_map(|person| named(person, around))),
            }
            if changes.len() >= BATCH_MAX { change_chats(recorder, &mut changes).await } else { Ok(()) }
        };
        if let Err(error) = stored.await {
            tracing::error!(session = recorder.name(), %error, "a part of a history could not be stored");
            break;
        }
    }
    drop(parts);
    if let Err(error) = change_chats(recorder, &mut changes).await {
        tracing::error!(session = recorder.name(), %error, "chats of a history could not be listed");
    }
    ended(reading.await, recorder);
}

/// Takes them, and stores them some at a time.
async fn change_chats(recorder: &Recorder, changes: &mut Vec<ChatChange>) -> wago_store::Result<()> {
    for some in std::mem::take(changes).chunks(BATCH_MAX) {
        recorder.change_chats(some.to_vec()).await?;
    }
    Ok(())
}

async fn store_chat(chat: &wa::Conversation, recorder: &Recorder, around: Around<'_>) -> wago_store::Result<()> {
    let Ok(own) = recorder.jid().parse::<Jid>() else { return Ok(()) };
    let mut told = past::conversation(chat, &own.to_non_ad(), around).into_iter().peekable();
    while told.peek().is_some() {
        let mut changes = Vec::new();
        for mut one in told.by_ref().take(BATCH_MAX) {
            changes.extend(one.message.change());
            changes.append(&mut one.changes);
        }
        recorder.change_messages(changes).await?;
    }
    Ok(())
}

async fn write(folder: PathBuf, part: &Record, recorder: &Recorder) {
    let content = part.event().to_string();
    let name = format!("{}.json", Utc::now().format("%Y%m%dT%H%M%S%.9f"));
    let put = tokio::task::spawn_blocking(move || put(&folder, &name, content.as_bytes()));
    if let Err(error) = put.await.unwrap_or_else(|error| Err(io::Error::other(error))) {
        tracing::error!(session = recorder.name(), %error, "a part of a history could not be written");
    }
}

/// Whole files only: each is written under another name first.
fn put(folder: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let part = folder.join(format!("{name}.part"));
    std::fs::write(&part, content)?;
    std::fs::rename(part, folder.join(name))?;
    let files = std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let mut files = files.collect::<io::Result<Vec<PathBuf>>>()?;
    // Their names begin with the time.
    files.sort();
    for old in files.iter().rev().skip(FILES_MAX) {
        std::fs::remove_file(old)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use wago_store::{MessageFilter, NewSession, SecretKey, Store};
    use waproto::buffa::MessageField;

    use super::*;
    use crate::adapter::names::{Nobody, around};

    fn message(id: &str, from_me: bool, text: &str) -> wa::HistorySyncMsg {
        let key = wa::MessageKey { id: Some(id.into()), from_me: Some(from_me), ..Default::default() };
        let content = wa::Message { conversation: Some(text.into()), ..Default::default() };
        let mut message = wa::WebMessageInfo {
            key: MessageField::some(key),
            message: MessageField::some(content),
            message_timestamp: Some(1_700_000_000),
            ..Default::default()
        };
        if from_me {
            let receipt = wa::UserReceipt {
                user_jid: "15550000002@s.whatsapp.net".into(),
                read_timestamp: Some(1_700_000_009),
                ..Default::default()
            };
            let reaction = wa::Reaction {
                key: MessageField::some(wa::MessageKey::default()),
                text: Some("👍".into()),
                ..Default::default()
            };
            message.user_receipt.push(receipt);
            message.reactions.push(reaction);
        }
        wa::HistorySyncMsg { message: MessageField::some(message), ..Default::default() }
    }

    #[tokio::test]
    async fn a_history_is_stored_like_what_comes_live() {
        let store = Store::open("sqlite::memory:", SecretKey::from_bytes([1; 32])).await.unwrap();
        let new = NewSession { name: "a".into(), token: "t".into(), os_name: "linux".into() };
        let session = store.create_session(new, 0).await.unwrap().id;
        let jid = Some("15550000001:1@s.whatsapp.net".to_owned());
        let recorder = Recorder::new(store.clone(), session, "a".into(), jid, crate::record::WantedFiles::default())
            .keeping_messages(true);
        let chat = wa::Conversation {
            id: "100000000000002@lid".into(),
            pn_jid: Some("15550000002@s.whatsapp.net".into()),
            messages: vec![message("2", true, "hi there"), message("1", false, "hello")],
            ..Default::default()
        };
        store_chat(&chat, &recorder, around(&Nobody)).await.unwrap();
        store_chat(&chat, &recorder, around(&Nobody)).await.unwrap();
        let messages = store.messages(session, &MessageFilter::default(), 9).await.unwrap();
        let bob = "15550000002@s.whatsapp.net";
        let told: Vec<_> = messages
            .iter()
            .map(|one| (one.id.as_str(), one.chat.as_str(), one.sender.as_str(), one.from_me, one.text.as_str()))
            .collect();
        assert_eq!(told, [("2", bob, "15550000001@s.whatsapp.net", true, "hi there"), ("1", bob, bob, false, "hello")]);
        assert_eq!(messages[0].reactions, [(bob.to_owned(), "👍".to_owned())]);
        let receipts = store.message_receipts(session, "2").await.unwrap();
        assert_eq!((receipts[0].recipient.as_str(), receipts[0].read_at_ms), (bob, Some(1_700_000_009_000)));
    }

    #[test]
    fn only_the_newest_files_stay() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("user_1");
        for n in 0..FILES_MAX + 3 {
            put(&folder, &format!("{n:04}.json"), b"{}").unwrap();
        }
        let names = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.collect();
        names.sort();
        assert_eq!((names.len(), names[0].to_str()), (FILES_MAX, Some("0003.json")));
    }
}
