//! `/webhook`, the session's first, and `/webhooks`, all of them.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    payload::{Fields, Given, Invalid, Name, Payload, Result},
    subscription,
};

/// Characters in a webhook's URL.
const URL_MAX: usize = 2_048;
/// Characters in the secret that signs deliveries.
const SECRET_MAX: usize = 256;
/// Extra request headers of one webhook.
const HEADERS_MAX: usize = 20;
/// Characters in one header's value.
const HEADER_MAX: usize = 2_048;
/// Characters in one header's name.
const HEADER_NAME_MAX: usize = 128;

/// Chats that one webhook is limited to.
const CHATS_MAX: usize = 100;
/// Characters in one of them.
const CHAT_MAX: usize = 128;

/// Header names that a delivery sets itself, or that would break its framing. Prefixes end in `-`.
const RESERVED: &[&str] = &[
    "host",
    "content-length",
    "content-type",
    "connection",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "keep-alive",
    "x-hmac-signature",
    "proxy-",
    "webhook-",
    "x-wago-",
];

const WEBHOOK_URL: Name = Name { field: "WebhookURL", aliases: &["webhook", "url"] };
const EVENTS: Name = Name { field: "Events", aliases: &["Subscribe"] };

/// The body that a webhook receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// WaGo's form: `token` and `jsonData`.
    Form,
    Json,
}

/// `POST /webhook`: what is `None` stays as it is.
pub struct SetWebhook {
    /// Empty removes the webhook.
    pub url: String,
    pub events: Option<Vec<String>>,
    pub format: Option<Format>,
    /// Empty removes the secret.
    pub secret: Option<String>,
    /// Names in lower case.
    pub headers: Option<Vec<(String, String)>>,
}

impl Payload for SetWebhook {
    fn read(mut fields: Fields) -> Result<Self> {
        let Some(url) = fields.given(WEBHOOK_URL) else {
            return Err(fields.missing(WEBHOOK_URL));
        };
        Ok(Self {
            url: check_url(url.text(URL_MAX)?.trim())?,
            events: subscription::read(&mut fields, EVENTS)?,
            format: fields.text("Format", 16)?.as_deref().map(read_format).transpose()?,
            secret: fields.given("Secret").map(|given| check_secret(given.text(SECRET_MAX)?)).transpose()?,
            headers: fields
                .given("Headers")
                .map(|given| check_headers(given.map(HEADERS_MAX, HEADER_MAX)?))
                .transpose()?,
        })
    }
}

/// `POST /webhooks` and `PATCH /webhooks/{id}`: what is `None` stays as it is.
pub struct ChangeWebhook {
    /// Not empty.
    pub url: Option<String>,
    /// `Some(None)`: what the session subscribes to.
    pub events: Option<Option<Vec<String>>>,
    /// As written; empty for all.
    pub chats: Option<Vec<String>>,
    pub format: Option<Format>,
    /// Empty removes the secret.
    pub secret: Option<String>,
    /// Names in lower case.
    pub headers: Option<Vec<(String, String)>>,
    /// False pauses it, true resumes it.
    pub active: Option<bool>,
}

impl Payload for ChangeWebhook {
    fn read(mut fields: Fields) -> Result<Self> {
        let events = match fields.given(EVENTS) {
            Some(given) => {
                let names = subscription::known(given.words(200, 64)?, EVENTS.field)?;
                Some((!names.is_empty()).then_some(names))
            }
            None => None,
        };
        let url = fields.given(WEBHOOK_URL).map(|given| check_url(given.text(URL_MAX)?.trim())).transpose()?;
        if url.as_deref() == Some("") {
            return Err(fields.missing(WEBHOOK_URL));
        }
        Ok(Self {
            url,
            events,
            chats: fields.given("Chats").map(|given| given.words(CHATS_MAX, CHAT_MAX)).transpose()?,
            format: fields.text("Format", 16)?.as_deref().map(read_format).transpose()?,
            secret: fields.given("Secret").map(|given| check_secret(given.text(SECRET_MAX)?)).transpose()?,
            headers: fields
                .given("Headers")
                .map(|given| check_headers(given.map(HEADERS_MAX, HEADER_MAX)?))
                .transpose()?,
            active: fields.given("Active").map(Given::flag).transpose()?,
        })
    }
}

impl ChangeWebhook {
    /// For a new one.
    pub fn url(&self) -> Result<&str> {
        let missing = || Invalid::Missing { field: WEBHOOK_URL.field.to_owned() };
        self.url.as_deref().ok_or_else(missing)
    }
}

/// Only the text's form; where it leads is the delivery's business.
fn check_url(url: &str) -> Result<String> {
    let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    let known = matches!(scheme.as_deref(), Some("http" | "https"));
    if !url.is_empty()
        && (!known || url.contains(|character: char| character.is_control() || character.is_whitespace()))
    {
        return Err(Invalid::field(WEBHOOK_URL.field, "an http or https URL"));
    }
    Ok(url.to_owned())
}

fn read_format(format: &str) -> Result<Format> {
    match format.to_ascii_lowercase().as_str() {
        "form" => Ok(Format::Form),
        "json" => Ok(Format::Json),
        _ => Err(Invalid::field("Format", "form or json")),
    }
}

fn check_secret(secret: String) -> Result<String> {
    if secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(secret);
    }
    Err(Invalid::field("Secret", format!("at most {SECRET_MAX} printable ASCII characters without spaces")))
}

fn check_headers(headers: Vec<(String, String)>) -> Result<Vec<(String, String)>> {
    headers
        .into_iter()
        .map(|(name, value)| Ok((check_header_name(&name)?, check_header_value(&name, value)?)))
        .collect()
}

fn check_header_name(name: &str) -> Result<String> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || name.len() > HEADER_NAME_MAX || !name.bytes().all(is_token) {
        return Err(Invalid::field(
            "Headers",
            format!("named by HTTP header names of at most {HEADER_NAME_MAX} characters"),
        ));
    }
    let name = name.to_ascii_lowercase();
    let reserved = |reserved: &&str| name == *reserved || (reserved.ends_with('-') && name.starts_with(*reserved));
    if RESERVED.iter().any(reserved) {
        return Err(Invalid::field("Headers", format!("without {name}, which a delivery sets itself")));
    }
    Ok(name)
}

fn check_header_value(name: &str, value: String) -> Result<String> {
    let trimmed = value.trim();
    if trimmed.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        return Ok(trimmed.to_owned());
    }
    Err(Invalid::field(format!("Headers.{name}"), "printable ASCII"))
}

/// The reply to `GET /webhook` and `POST /webhook`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// Empty if there is none.
    pub webhook: String,
    pub subscribe: Vec<String>,
    pub format: Format,
    pub secret_set: bool,
    pub headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<Paused>,
}

/// One of `GET /webhooks`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    pub id: i64,
    pub url: String,
    /// `null`: what the session subscribes to.
    pub events: Option<Vec<String>>,
    /// Empty: all.
    pub chats: Vec<String>,
    pub format: Format,
    pub secret_set: bool,
    /// Until then (RFC 3339) the secret before this one signs too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_secret_until: Option<String>,
    pub headers: BTreeMap<String, String>,
    pub active: bool,
    pub paused: Option<Paused>,
    /// Since when (RFC 3339) no attempt has succeeded.
    pub failing_since: Option<String>,
    /// RFC 3339; `null` if it is older than this was kept.
    pub created_at: Option<String>,
}

#[derive(Serialize)]
pub struct Paused {
    /// RFC 3339.
    pub since: String,
    pub reason: String,
}

/// The reply to `POST /webhooks/{id}/test`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tested {
    pub event_id: String,
    /// It would count as delivered.
    pub delivered: bool,
    /// `null` if no response came.
    pub status: Option<u16>,
    pub latency_ms: u64,
    /// The beginning of the response.
    pub body: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
