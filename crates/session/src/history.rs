//! Histories: what phones send of their chats to a new device, or when they are asked to.

use std::{
    io,
    path::{Path, PathBuf},
};

use chrono::Utc;
use wacore::types::events::LazyHistorySync;
use wacore_binary::Jid;
use waproto::whatsapp as wa;

use crate::{
    adapter::{self, protobuf::to_json},
    record::Recorder,
};

/// Messages that are stored in one transaction.
const BATCH_MAX: usize = 200;
/// Files of one session; for a newer one the oldest goes.
const FILES_MAX: usize = 200;

impl Recorder {
    /// Stores the history's messages, if messages are kept, and writes it into the folder, if there is one. What cannot
    /// be kept is missing, and the log says so: a phone sends its history once.
    pub async fn record_history(&self, history: &LazyHistorySync, folder: Option<&Path>) {
        if self.keeps_messages() {
            let mut stream = history.stream();
            loop {
                match stream.next_conversation() {
                    Ok(Some(conversation)) => self.record_conversation(&conversation).await,
                    Ok(None) => break,
                    Err(error) => {
                        tracing::error!(session = self.name(), %error, "a part of a history cannot be read");
                        break;
                    }
                }
            }
        }
        if let Some(folder) = folder {
            let folder = folder.join(format!("user_{}", self.session().0));
            let history = history.clone();
            let write = tokio::task::spawn_blocking(move || write(&folder, &history));
            let written = write.await.unwrap_or_else(|error| Err(io::Error::other(error)));
            if let Err(error) = written {
                tracing::error!(session = self.name(), %error, "a history could not be written");
            }
        }
    }

    async fn record_conversation(&self, conversation: &wa::Conversation) {
        let Ok(own) = self.jid().parse::<Jid>() else { return };
        let mut told = adapter::history::conversation(conversation, &own.to_non_ad()).into_iter().peekable();
        while told.peek().is_some() {
            let mut changes = Vec::new();
            for mut one in told.by_ref().take(BATCH_MAX) {
                changes.extend(one.message.change());
                changes.append(&mut one.changes);
            }
            if let Err(error) = self.change_messages(changes).await {
                tracing::error!(session = self.name(), %error, "a part of a history could not be stored");
            }
        }
    }
}

/// Whole files only: each is written under another name first.
fn write(folder: &Path, history: &LazyHistorySync) -> io::Result<()> {
    let Some(content) = history.get() else {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it cannot be read"));
    };
    let name = format!("{}-{}.json", Utc::now().format("%Y%m%dT%H%M%S%.6f"), history.sync_type());
    put(folder, &name, &serde_json::to_vec(&to_json(content))?)
}

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
        let recorder = Recorder::new(store.clone(), session, "a".into(), jid).keeping_messages(true);
        let chat = wa::Conversation {
            id: "100000000000002@lid".into(),
            pn_jid: Some("15550000002@s.whatsapp.net".into()),
            messages: vec![message("1", false, "hello"), message("2", true, "hi there")],
            ..Default::default()
        };
        recorder.record_conversation(&chat).await;
        recorder.record_conversation(&chat).await;
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
