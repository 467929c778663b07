//! What one attempt sends.

use std::{path::Path, time::Duration};

use reqwest::{
    Body,
    header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use secrecy::ExposeSecret as _;
use tokio::{fs::File, io::AsyncReadExt as _};
use tokio_util::io::ReaderStream;
use wago_store::{Delivery, DeliveryFile, Webhook, WebhookFormat};

use crate::{
    attempt::Subject,
    form,
    signature::{Signer, plain_header, standard_header},
};

/// For the whole of an attempt without a file: from the look-up of the name to the end of the response.
const WHOLE_TIMEOUT: Duration = Duration::from_secs(30);
/// More time for each MiB of a file.
const MIB_TIMEOUT: Duration = Duration::from_secs(1);
const BUFFER: usize = 64 << 10;

pub(crate) struct Request {
    pub headers: HeaderMap,
    pub body: Body,
    pub timeout: Duration,
}

impl Request {
    /// An attempt made now. The error says why none can be made.
    pub async fn of(subject: &Subject, delivery: &Delivery, now_ms: i64) -> Result<Self, String> {
        let token = subject.session_token.expose_secret();
        let payload = &delivery.event.payload;
        let content = match (subject.webhook.format, &delivery.file) {
            (WebhookFormat::Json, _) => Content::whole("application/json", payload.clone()),
            (WebhookFormat::Form, None) => {
                Content::whole("application/x-www-form-urlencoded", form::body(token, payload))
            }
            (WebhookFormat::Form, Some(file)) => Content::multipart(token, delivery, file).await?,
        };
        let attempt = delivery.attempts.saturating_add(1);
        let mut headers = headers(&subject.webhook, &subject.session_name, &delivery.event.event_id, attempt);
        content.sign(&mut headers, &subject.webhook, &delivery.event.event_id, now_ms).await?;
        headers.insert(CONTENT_TYPE, text(&content.media_type));
        let timeout = match &content.file {
            Some((_, length)) => WHOLE_TIMEOUT + MIB_TIMEOUT * u32::try_from(length / (1 << 20)).unwrap_or(u32::MAX),
            None => WHOLE_TIMEOUT,
        };
        headers.insert(CONTENT_LENGTH, HeaderValue::from(content.length()));
        Ok(Self { headers, body: content.body().await?, timeout })
    }

    /// An event that does not come from the table of deliveries. `session`: its name and token.
    pub async fn once(
        webhook: &Webhook,
        session: (&str, &str),
        id: &str,
        payload: Vec<u8>,
        attempt: u32,
        now_ms: i64,
    ) -> Self {
        let (name, token) = session;
        let content = match webhook.format {
            WebhookFormat::Json => Content::whole("application/json", payload),
            WebhookFormat::Form => Content::whole("application/x-www-form-urlencoded", form::body(token, &payload)),
        };
        let mut headers = headers(webhook, name, id, attempt);
        headers.insert(CONTENT_TYPE, text(&content.media_type));
        // Without a file nothing can go wrong.
        let _ = content.sign(&mut headers, webhook, id, now_ms).await;
        Self { headers, body: Body::from(content.before), timeout: WHOLE_TIMEOUT }
    }
}

fn headers(webhook: &Webhook, session: &str, id: &str, attempt: u32) -> HeaderMap {
    let mut headers = HeaderMap::new();
    // The webhook's own come first, so that they cannot replace ours. They were checked when they were set; one that is
    // no header after all is left out.
    for (name, value) in &webhook.headers {
        if let (Ok(name), Ok(mut value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
            value.set_sensitive(true);
            headers.insert(name, value);
        }
    }
    headers.insert("x-wago-session", text(session));
    headers.insert("x-wago-attempt", HeaderValue::from(attempt));
    headers.insert("webhook-id", text(id));
    headers
}

/// A body: bytes, a file's bytes perhaps, and bytes again. A file is never held whole.
struct Content {
    media_type: String,
    before: Vec<u8>,
    /// Path and length.
    file: Option<(String, u64)>,
    after: Vec<u8>,
}

impl Content {
    fn whole(media_type: &str, body: Vec<u8>) -> Self {
        Self { media_type: media_type.to_owned(), before: body, file: None, after: Vec::new() }
    }

    async fn multipart(token: &str, delivery: &Delivery, file: &DeliveryFile) -> Result<Self, String> {
        // The id is random, so that no file has it by chance.
        let boundary = format!("wago-{}", delivery.event.event_id);
        let mut before = Vec::new();
        form::part(&mut before, &boundary, "token", None, token.as_bytes());
        form::part(&mut before, &boundary, "jsonData", None, &delivery.event.payload);
        let file = match file {
            DeliveryFile::Ready { path, name, mimetype } => {
                let length = tokio::fs::metadata(Path::new(path))
                    .await
                    .map_err(|error| format!("the event's file cannot be read: {}", error.kind()))?
                    .len();
                form::part(&mut before, &boundary, "file", Some((name, mimetype)), b"");
                // The bytes come after the head of the part, and the line's end after them.
                before.truncate(before.len() - 2);
                Some((path.clone(), length))
            }
            DeliveryFile::Failed { reason } => {
                form::part(&mut before, &boundary, "fileError", None, reason.as_bytes());
                None
            }
        };
        let mut after = if file.is_some() { b"\r\n".to_vec() } else { Vec::new() };
        after.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        Ok(Self { media_type: format!("multipart/form-data; boundary={boundary}"), before, file, after })
    }

    fn length(&self) -> u64 {
        let file = self.file.as_ref().map_or(0, |(_, length)| *length);
        (self.before.len() + self.after.len()) as u64 + file
    }

    /// Adds the time and, with a secret, the signatures of the body as it is sent.
    async fn sign(&self, headers: &mut HeaderMap, webhook: &Webhook, id: &str, now_ms: i64) -> Result<(), String> {
        let seconds = now_ms / 1_000;
        headers.insert("webhook-timestamp", HeaderValue::from(seconds));
        let Some(secret) = &webhook.secret else { return Ok(()) };
        let old = webhook.old_secret.as_ref().filter(|(_, until)| now_ms < *until).map(|(old, _)| old);
        let mut signers: Vec<_> =
            std::iter::once(secret).chain(old).map(|secret| Signer::new(secret.expose_secret(), id, seconds)).collect();
        signers.iter_mut().for_each(|signer| signer.update(&self.before));
        if let Some((path, _)) = &self.file {
            let mut file = open(path).await?;
            let mut buffer = vec![0; BUFFER];
            loop {
                let read = file.read(&mut buffer).await.map_err(unreadable)?;
                if read == 0 {
                    break;
                }
                signers.iter_mut().for_each(|signer| signer.update(&buffer[..read]));
            }
        }
        signers.iter_mut().for_each(|signer| signer.update(&self.after));
        let mut signed = signers.into_iter().map(Signer::finish);
        let new = signed.next().expect("the secret that is set signs");
        let old = signed.next();
        headers.insert("webhook-signature", text(&standard_header(&new, old.as_ref())));
        headers.insert("x-hmac-signature", text(&plain_header(&new)));
        if let Some(old) = old {
            headers.insert("x-hmac-signature-old", text(&plain_header(&old)));
        }
        Ok(())
    }

    async fn body(self) -> Result<Body, String> {
        use futures_util::{StreamExt as _, stream};
        let Some((path, length)) = self.file else {
            let mut whole = self.before;
            whole.extend_from_slice(&self.after);
            return Ok(Body::from(whole));
        };
        // As long as was announced, whatever happens to the file meanwhile.
        let file = ReaderStream::with_capacity(open(&path).await?.take(length), BUFFER);
        let around = |bytes: Vec<u8>| stream::iter([Ok::<_, std::io::Error>(bytes.into())]);
        Ok(Body::wrap_stream(around(self.before).chain(file).chain(around(self.after))))
    }
}

async fn open(path: &str) -> Result<File, String> {
    File::open(path).await.map_err(unreadable)
}

fn unreadable(error: std::io::Error) -> String {
    format!("the event's file cannot be read: {}", error.kind())
}

/// Text as it is where a header can carry it, else percent-encoded.
fn text(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| {
        let mut escaped = Vec::new();
        form::escape(text.as_bytes(), &mut escaped);
        HeaderValue::from_bytes(&escaped).expect("percent-encoded text is ASCII without control characters")
    })
}

#[cfg(test)]
mod tests;
