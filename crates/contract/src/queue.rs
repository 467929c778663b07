//! Sends that wait: `SendAt` of any send, and `/queue`.

use serde::Serialize;

use crate::payload::{Fields, Name, PHONE, Result};

const RECIPIENT: Name = Name { field: PHONE.field, aliases: &["number", "to", "jid", "chat", "group"] };

/// What a send says of its time, read before its route reads the rest.
pub struct Schedule {
    /// Unix milliseconds.
    pub send_at_ms: Option<i64>,
    /// The recipient as written, if the body names one.
    pub phone: Option<String>,
}

impl Schedule {
    /// Takes out `SendAt`; the recipient stays for the route to read.
    pub fn take(fields: &mut Fields) -> Result<Self> {
        Ok(Self {
            send_at_ms: fields.optional("SendAt").map(|given| given.moment()).transpose()?,
            phone: fields.peek(RECIPIENT).map(str::to_owned),
        })
    }
}

/// How many characters a person would have typed to write this body.
pub fn typed(fields: &Fields) -> usize {
    ["Body", "Caption", "Message", "Question"]
        .iter()
        .find_map(|name| fields.peek(*name))
        .map_or(0, |text| text.chars().count())
}

/// The reply to a send that waits.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Queued {
    pub details: &'static str,
    pub id: String,
    /// Unix seconds.
    pub send_at: i64,
}

/// `GET /queue`
#[derive(Serialize)]
pub struct Queue {
    pub queue: Vec<Entry>,
    /// For `?before=`, if there is more.
    pub next: Option<i64>,
}

/// A queued send. Times in unix seconds.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Entry {
    pub id: String,
    /// What was asked for: `/send/text`…
    pub route: String,
    /// The recipient's JID.
    pub phone: String,
    pub state: State,
    pub send_at: i64,
    pub attempts: u32,
    /// Why the last attempt failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    pub created: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished: Option<i64>,
}

#[derive(Serialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Waiting,
    Sending,
    Sent,
    Failed,
    Cancelled,
}

/// The event `QueuedSendFailed`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Failed {
    pub id: String,
    pub route: String,
    pub chat: String,
    /// Unix seconds.
    pub send_at: i64,
    pub attempts: u32,
    pub error: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_counts_the_words_that_are_read() {
        for (body, expected) in
            [(r#"{"body":"äöü","Phone":"1"}"#, 3), (r#"{"Image":"x","Caption":"cat"}"#, 3), ("{}", 0)]
        {
            assert_eq!(typed(&Fields::parse(body.as_bytes()).unwrap()), expected, "{body}");
        }
    }
}
