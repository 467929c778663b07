//! Deliveries of events to webhooks: what was tried, and trying again.

use serde::Serialize;

use crate::payload::{Fields, Given, Invalid, Payload, Result};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Waiting,
    Delivered,
    /// Given up, and kept.
    Failed,
    /// Given up, and then asked for again.
    Replayed,
}

impl Status {
    pub fn read(name: &str) -> Result<Self> {
        match name.to_ascii_lowercase().as_str() {
            "waiting" => Ok(Self::Waiting),
            "delivered" => Ok(Self::Delivered),
            "failed" => Ok(Self::Failed),
            "replayed" => Ok(Self::Replayed),
            _ => Err(Invalid::field("status", "waiting, delivered, failed or replayed")),
        }
    }
}

/// One event on its way to one webhook.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    pub id: i64,
    pub webhook_id: i64,
    pub event_id: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub status: Status,
    /// RFC 3339; `null` while it waits for an earlier one of its chat or for its file, and when it waits no more.
    pub next_attempt_at: Option<String>,
    /// Oldest first.
    pub attempts: Vec<Attempt>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// RFC 3339.
    pub at: String,
    pub url: String,
    /// `null` if no response came.
    pub status: Option<u16>,
    pub latency_ms: i64,
    pub error: Option<String>,
    /// The beginning of the response.
    pub response: String,
}

#[derive(Serialize)]
pub struct Deliveries {
    pub deliveries: Vec<Delivery>,
}

/// `POST /events/{id}/replay`
pub struct ReplayEvent {
    /// `None`: all that want it.
    pub webhook: Option<i64>,
}

impl Payload for ReplayEvent {
    fn read(mut fields: Fields) -> Result<Self> {
        Ok(Self { webhook: fields.integer("Webhook", 1..=i64::MAX)? })
    }
}

/// `POST /webhooks/{id}/replay`
pub struct ReplayWebhook {
    /// All events that the webhook wants, not only those given up.
    pub all: bool,
    /// As written: RFC 3339, or Unix seconds.
    pub since: Option<Time>,
    pub until: Option<Time>,
    /// The cursor to go on from.
    pub after: i64,
}

/// A time as a user writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Time {
    UnixSeconds(i64),
    Rfc3339(String),
}

impl Payload for ReplayWebhook {
    fn read(mut fields: Fields) -> Result<Self> {
        let all = match fields.text("Status", 16)?.map(|status| status.to_ascii_lowercase()).as_deref() {
            None | Some("failed") => false,
            Some("all") => true,
            Some(_) => return Err(Invalid::field("Status", "failed or all")),
        };
        let since = fields.optional("Since").map(read_time).transpose()?;
        if all && since.is_none() {
            return Err(fields.missing("Since"));
        }
        Ok(Self {
            all,
            since,
            until: fields.optional("Until").map(read_time).transpose()?,
            after: fields.integer("After", 0..=i64::MAX)?.unwrap_or(0),
        })
    }
}

fn read_time(given: Given) -> Result<Time> {
    if given.is_number() {
        return Ok(Time::UnixSeconds(given.integer(0..=253_402_300_799)?));
    }
    Ok(Time::Rfc3339(given.text(64)?))
}

/// The reply to both.
#[derive(Serialize)]
pub struct Replayed {
    /// New deliveries.
    pub replayed: u64,
    /// The `After` to go on with, if there is more.
    pub next: Option<i64>,
}
