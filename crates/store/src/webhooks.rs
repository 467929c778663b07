use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{Any, Row as _, Transaction, any::AnyRow};

use crate::{
    Error, Result, SecretKey, SessionId, Store,
    sessions::{subscription as words, subscription_text},
};

const SECRET: &str = "webhooks.secret";
const COLUMNS: &str = "id, session_id, url, format, secret, headers, events, chats, old_secret, old_secret_until, \
     failing_since, paused_at, paused_reason, created_at";
/// Webhooks of one session.
pub const WEBHOOKS_MAX: usize = 20;
/// How long a secret that was replaced still signs.
const OLD_SECRET_MS: i64 = 24 * 3_600_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WebhookId(pub i64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookFormat {
    /// WaGo's form body: `token`, `jsonData`.
    Form,
    Json,
}

impl WebhookFormat {
    fn name(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::Json => "json",
        }
    }
}

#[derive(Debug, Clone)]
pub struct Webhook {
    pub id: WebhookId,
    pub session: SessionId,
    pub url: String,
    pub format: WebhookFormat,
    /// Signs deliveries; stored encrypted.
    pub secret: Option<SecretString>,
    /// The secret before it, and until when (unix ms) it signs too.
    pub old_secret: Option<(SecretString, i64)>,
    /// Extra request headers.
    pub headers: Vec<(String, String)>,
    /// Types or topics it wants; `None`: what the session subscribes to.
    pub events: Option<Vec<String>>,
    /// Chats it wants, or such as `*@g.us` for all of a kind; empty: all. Events of no chat it gets in any case.
    pub chats: Vec<String>,
    /// Since when (unix ms) no attempt succeeded.
    pub failing_since: Option<i64>,
    pub paused: Option<Paused>,
    /// Unix milliseconds.
    pub created_at_ms: i64,
}

/// A webhook that is not delivered to until it is resumed. What it would get waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paused {
    /// Unix milliseconds.
    pub at_ms: i64,
    pub reason: String,
}

impl Webhook {
    fn read(row: &AnyRow, secret_key: &SecretKey) -> Result<Self> {
        let id: i64 = row.try_get("id")?;
        let damaged = |column, reason: &str| Error::Damaged {
            table: "webhooks",
            column,
            row: id.to_string(),
            reason: reason.into(),
        };
        let secret = |column: &'static str| {
            let sealed = row.try_get::<Option<Vec<u8>>, _>(column)?;
            let open = |sealed: Vec<u8>| {
                let opened = secret_key.open(SECRET, &sealed);
                opened.ok_or_else(|| damaged(column, "it was not encrypted with this secret key"))
            };
            sealed.map(open).transpose()
        };
        let headers = serde_json::from_str(&row.try_get::<String, _>("headers")?)
            .map_err(|_| damaged("headers", "it is not JSON"))?;
        let format = match row.try_get::<String, _>("format")?.as_str() {
            "form" => WebhookFormat::Form,
            "json" => WebhookFormat::Json,
            _ => return Err(damaged("format", "it is neither form nor json")),
        };
        let paused_reason = row.try_get::<Option<String>, _>("paused_reason")?.unwrap_or_default();
        Ok(Self {
            id: WebhookId(id),
            session: SessionId(row.try_get("session_id")?),
            url: row.try_get("url")?,
            format,
            secret: secret("secret")?,
            old_secret: secret("old_secret")?.zip(row.try_get::<Option<i64>, _>("old_secret_until")?),
            headers,
            events: row.try_get::<Option<String>, _>("events")?.map(|text| words(&text)),
            chats: words(&row.try_get::<String, _>("chats")?),
            failing_since: row.try_get("failing_since")?,
            paused: row.try_get::<Option<i64>, _>("paused_at")?.map(|at_ms| Paused { at_ms, reason: paused_reason }),
            created_at_ms: row.try_get("created_at")?,
        })
    }
}

/// What is named changes; the rest stays as it is.
#[derive(Debug, Clone, Default)]
pub struct WebhookChange {
    /// `Some("")` removes the webhook, its waiting deliveries with it.
    pub url: Option<String>,
    pub format: Option<WebhookFormat>,
    /// `Some(None)` removes the secret, at once. A new one leaves the old one in force for 24 h beside it.
    pub secret: Option<Option<SecretString>>,
    pub headers: Option<Vec<(String, String)>>,
    /// `Some(None)`: from now on what the session subscribes to.
    pub events: Option<Option<Vec<String>>>,
    pub chats: Option<Vec<String>>,
    /// `Some(Some(reason))` pauses it, `Some(None)` resumes it.
    pub paused: Option<Option<String>>,
    /// The session's subscription.
    pub subscribe: Option<Vec<String>>,
}

impl WebhookChange {
    /// The webhook after the change, from the one before it or an empty one.
    fn apply(self, webhook: &mut Webhook, now_ms: i64) {
        let Self { url, format, secret, headers, events, chats, paused, subscribe: _ } = self;
        if let Some(url) = url {
            webhook.url = url;
        }
        if let Some(format) = format {
            webhook.format = format;
        }
        if let Some(secret) = secret {
            let expose =
                |secret: &Option<SecretString>| secret.as_ref().map(|secret| secret.expose_secret().to_owned());
            if secret.is_none() {
                webhook.old_secret = None;
            } else if expose(&secret) != expose(&webhook.secret) {
                webhook.old_secret = webhook.secret.take().map(|old| (old, now_ms + OLD_SECRET_MS));
            }
            webhook.secret = secret;
        }
        if let Some(headers) = headers {
            webhook.headers = headers;
        }
        if let Some(events) = events {
            webhook.events = events;
        }
        if let Some(chats) = chats {
            webhook.chats = chats;
        }
        match paused {
            Some(Some(reason)) if webhook.paused.is_none() => webhook.paused = Some(Paused { at_ms: now_ms, reason }),
            Some(None) if webhook.paused.take().is_some() => webhook.failing_since = None,
            _ => {}
        }
    }
}

impl Store {
    pub async fn webhook(&self, id: WebhookId) -> Result<Option<Webhook>> {
        let sql = format!("SELECT {COLUMNS} FROM webhooks WHERE id = $1");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id.0).fetch_optional(&self.db.read).await?;
        row.map(|row| Webhook::read(&row, &self.secret)).transpose()
    }

    /// In order of creation.
    pub async fn webhooks(&self, session: SessionId) -> Result<Vec<Webhook>> {
        let sql = format!("SELECT {COLUMNS} FROM webhooks WHERE session_id = $1 ORDER BY id");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(session.0).fetch_all(&self.db.read).await?;
        rows.iter().map(|row| Webhook::read(row, &self.secret)).collect()
    }

    /// The session's first webhook.
    pub async fn session_webhook(&self, session: SessionId) -> Result<Option<Webhook>> {
        let sql = format!("SELECT {COLUMNS} FROM webhooks WHERE session_id = $1 ORDER BY id LIMIT 1");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(session.0).fetch_optional(&self.db.read).await?;
        row.map(|row| Webhook::read(&row, &self.secret)).transpose()
    }

    /// Changes the session's first webhook, makes it if there is none, and removes it for an empty URL; all in one
    /// transaction with the subscription. Answers the webhook as it is now, `None` when the session has none.
    pub async fn change_webhook(
        &self,
        session: SessionId,
        change: WebhookChange,
        now_ms: i64,
    ) -> Result<Option<Webhook>> {
        let mut tx = self.db.write.begin().await?;
        if let Some(subscribe) = &change.subscribe {
            sqlx::query("UPDATE sessions SET subscribe = $2 WHERE id = $1")
                .bind(session.0)
                .bind(subscription_text(subscribe))
                .execute(&mut *tx)
                .await?;
        }
        let current = self.locked(&mut tx, "session_id", session.0).await?.into_iter().next();
        let webhook = match (current, &change.url) {
            (None, None) => None,
            (None, Some(url)) if url.is_empty() => None,
            (Some(webhook), Some(url)) if url.is_empty() => {
                sqlx::query("DELETE FROM webhooks WHERE id = $1").bind(webhook.id.0).execute(&mut *tx).await?;
                None
            }
            (Some(webhook), _) => Some(self.write_webhook(&mut tx, webhook, change, now_ms).await?),
            (None, Some(_)) => {
                let webhook = insert(&mut tx, session, now_ms).await?;
                Some(self.write_webhook(&mut tx, webhook, change, now_ms).await?)
            }
        };
        tx.commit().await?;
        self.signals.due(webhook.iter().map(|webhook| webhook.id));
        Ok(webhook)
    }

    /// One more webhook of the session; `None` if it has [`WEBHOOKS_MAX`].
    pub async fn create_webhook(
        &self,
        session: SessionId,
        change: WebhookChange,
        now_ms: i64,
    ) -> Result<Option<Webhook>> {
        let mut tx = self.db.write.begin().await?;
        if self.locked(&mut tx, "session_id", session.0).await?.len() >= WEBHOOKS_MAX {
            return Ok(None);
        }
        let webhook = insert(&mut tx, session, now_ms).await?;
        let webhook = self.write_webhook(&mut tx, webhook, change, now_ms).await?;
        tx.commit().await?;
        Ok(Some(webhook))
    }

    /// Changes a webhook of the session; `None` if it has none with that id.
    pub async fn update_webhook(
        &self,
        session: SessionId,
        id: WebhookId,
        change: WebhookChange,
        now_ms: i64,
    ) -> Result<Option<Webhook>> {
        let mut tx = self.db.write.begin().await?;
        let current = self.locked(&mut tx, "id", id.0).await?.into_iter().find(|webhook| webhook.session == session);
        let Some(webhook) = current else { return Ok(None) };
        let webhook = self.write_webhook(&mut tx, webhook, change, now_ms).await?;
        tx.commit().await?;
        self.signals.due([webhook.id]);
        Ok(Some(webhook))
    }

    /// With what waits for it. False if the session has no such webhook.
    pub async fn delete_webhook(&self, session: SessionId, id: WebhookId) -> Result<bool> {
        let deleted = sqlx::query("DELETE FROM webhooks WHERE id = $1 AND session_id = $2")
            .bind(id.0)
            .bind(session.0)
            .execute(&self.db.write)
            .await?;
        Ok(deleted.rows_affected() > 0)
    }

    async fn locked(&self, tx: &mut Transaction<'_, Any>, by: &str, value: i64) -> Result<Vec<Webhook>> {
        let sql = format!("SELECT {COLUMNS} FROM webhooks WHERE {by} = $1 ORDER BY id {}", self.db.engine.lock_row());
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(value).fetch_all(&mut **tx).await?;
        rows.iter().map(|row| Webhook::read(row, &self.secret)).collect()
    }

    async fn write_webhook(
        &self,
        tx: &mut Transaction<'_, Any>,
        mut webhook: Webhook,
        change: WebhookChange,
        now_ms: i64,
    ) -> Result<Webhook> {
        change.apply(&mut webhook, now_ms);
        let seal = |secret: &SecretString| self.secret.seal(SECRET, secret);
        let (old_secret, old_secret_until) =
            webhook.old_secret.as_ref().map(|(old, until)| (seal(old), *until)).unzip();
        let (paused_at, paused_reason) =
            webhook.paused.as_ref().map(|paused| (paused.at_ms, paused.reason.clone())).unzip();
        sqlx::query(
            "UPDATE webhooks SET url = $2, format = $3, secret = $4, headers = $5, events = $6, chats = $7, old_secret = $8, \
             old_secret_until = $9, failing_since = $10, paused_at = $11, paused_reason = $12 WHERE id = $1",
        )
        .bind(webhook.id.0)
        .bind(webhook.url.as_str())
        .bind(webhook.format.name())
        .bind(webhook.secret.as_ref().map(seal))
        .bind(serde_json::to_string(&webhook.headers).expect("pairs of strings are JSON"))
        .bind(webhook.events.as_deref().map(subscription_text))
        .bind(subscription_text(&webhook.chats))
        .bind(old_secret)
        .bind(old_secret_until)
        .bind(webhook.failing_since)
        .bind(paused_at)
        .bind(paused_reason)
        .execute(&mut **tx)
        .await?;
        Ok(webhook)
    }
}

/// A row to be written in the same transaction.
async fn insert(tx: &mut Transaction<'_, Any>, session: SessionId, now_ms: i64) -> Result<Webhook> {
    let row = sqlx::query(
        "INSERT INTO webhooks (session_id, url, format, headers, created_at) VALUES ($1, '', 'form', '[]', $2) RETURNING id",
    )
    .bind(session.0)
    .bind(now_ms)
    .fetch_one(&mut **tx)
    .await?;
    Ok(Webhook {
        id: WebhookId(row.try_get("id")?),
        session,
        url: String::new(),
        format: WebhookFormat::Form,
        secret: None,
        old_secret: None,
        headers: Vec::new(),
        events: None,
        chats: Vec::new(),
        failing_since: None,
        paused: None,
        created_at_ms: now_ms,
    })
}
