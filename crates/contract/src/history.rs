//! `/session/history`: older messages of a chat, from the account's phone.

use serde::Serialize;

use crate::{
    payload::{Fields, Name, Payload, Result},
    send::message_id,
    session::PHONE_MAX,
};

/// Messages in one request; phones send fewer if they like.
const COUNT_MAX: i64 = 500;

/// `POST /session/history`
pub struct AskHistory {
    /// As written.
    pub chat: String,
    pub count: i64,
    /// The oldest message that one has; what lies before it is asked for. `None`: the oldest that is stored.
    pub oldest: Option<Oldest>,
}

pub struct Oldest {
    pub id: String,
    pub from_me: bool,
    /// Unix seconds.
    pub timestamp: i64,
}

impl Payload for AskHistory {
    fn read(mut fields: Fields) -> Result<Self> {
        const CHAT: Name = Name { field: "Chat", aliases: &["Phone", "jid", "number", "to", "chat_jid"] };
        const ID: Name = Name { field: "MessageID", aliases: &["Id", "oldest_msg_id"] };
        const FROM_ME: Name = Name { field: "IsFromMe", aliases: &["oldest_msg_from_me"] };
        let chat = fields.required(CHAT)?.text(PHONE_MAX)?;
        let count = fields.integer("Count", 1..=COUNT_MAX)?.unwrap_or(50);
        let oldest = match message_id(&mut fields, ID)? {
            None => None,
            Some(id) => {
                // WuzAPI's is in milliseconds.
                let milliseconds = fields.integer("oldest_msg_timestamp", 0..=i64::MAX)?;
                let timestamp = match milliseconds {
                    Some(milliseconds) => milliseconds / 1_000,
                    None => fields.required("Timestamp")?.integer(0..=i64::MAX / 1_000)?,
                };
                Some(Oldest { id, from_me: fields.flag(FROM_ME)?, timestamp })
            }
        };
        Ok(Self { chat, count, oldest })
    }
}

/// The messages come as a `HistorySync` event whose `peerDataRequestSessionID` is this `Id`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct HistoryAsked {
    pub details: &'static str,
    pub id: String,
    pub chat: String,
    pub count: i64,
    /// What lies before this message is asked for.
    #[serde(rename = "MessageID")]
    pub message_id: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<AskHistory> {
        AskHistory::read(Fields::parse(body.as_bytes()).unwrap())
    }

    #[test]
    fn what_lies_before_a_message_is_asked_for() {
        let asked = read(r#"{"Chat":"1"}"#).unwrap();
        assert!((asked.count, asked.oldest.is_none()) == (50, true));
        let ours = r#"{"chat":"1","count":5,"messageid":"A","isfromme":true,"timestamp":1700000000}"#;
        let theirs =
            r#"{"chat_jid":"1","oldest_msg_id":"A","oldest_msg_from_me":true,"oldest_msg_timestamp":1700000000123}"#;
        for body in [ours, theirs] {
            let oldest = read(body).unwrap().oldest.unwrap();
            assert_eq!((oldest.id.as_str(), oldest.from_me, oldest.timestamp), ("A", true, 1_700_000_000));
        }
        let said = |body| read(body).err().map(|error| error.to_string()).unwrap();
        assert_eq!(said("{}"), "missing Chat in payload");
        assert_eq!(said(r#"{"chat":"1","messageid":"A"}"#), "missing Timestamp in payload");
        assert!(said(r#"{"chat":"1","count":501}"#).starts_with("Count should be"));
    }
}
