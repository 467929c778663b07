use secrecy::SecretString;
use sqlx::{Row as _, any::AnyRow};

use crate::{Error, Result, SecretKey, SessionId, Store, sessions::subscription_text};

const SECRET: &str = "webhooks.secret";
const SELECT: &str = "SELECT id, session_id, url, format, secret, headers FROM webhooks";

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
    /// Extra request headers.
    pub headers: Vec<(String, String)>,
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
        let secret = row
            .try_get::<Option<Vec<u8>>, _>("secret")?
            .map(|sealed| {
                secret_key
                    .open(SECRET, &sealed)
                    .ok_or_else(|| damaged("secret", "it was not encrypted with this secret key"))
            })
            .transpose()?;
        let headers = serde_json::from_str(&row.try_get::<String, _>("headers")?)
            .map_err(|_| damaged("headers", "it is not JSON"))?;
        let format = match row.try_get::<String, _>("format")?.as_str() {
            "form" => WebhookFormat::Form,
            "json" => WebhookFormat::Json,
            _ => return Err(damaged("format", "it is neither form nor json")),
        };
        Ok(Self {
            id: WebhookId(id),
            session: SessionId(row.try_get("session_id")?),
            url: row.try_get("url")?,
            format,
            secret,
            headers,
        })
    }
}

/// What `POST /webhook` names; the rest stays as it is.
#[derive(Debug, Clone, Default)]
pub struct WebhookChange {
    /// `Some("")` removes the webhook, its waiting deliveries with it.
    pub url: Option<String>,
    pub format: Option<WebhookFormat>,
    /// `Some(None)` removes the secret.
    pub secret: Option<Option<SecretString>>,
    pub headers: Option<Vec<(String, String)>>,
    /// The session's subscription.
    pub subscribe: Option<Vec<String>>,
}

impl Store {
    pub async fn webhook(&self, id: WebhookId) -> Result<Option<Webhook>> {
        let sql = format!("{SELECT} WHERE id = $1");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id.0).fetch_optional(&self.db.read).await?;
        row.map(|row| Webhook::read(&row, &self.secret)).transpose()
    }

    /// The session's first webhook.
    pub async fn session_webhook(&self, session: SessionId) -> Result<Option<Webhook>> {
        let sql = format!("{SELECT} WHERE session_id = $1 ORDER BY id LIMIT 1");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(session.0).fetch_optional(&self.db.read).await?;
        row.map(|row| Webhook::read(&row, &self.secret)).transpose()
    }

    /// One transaction. Answers the webhook as it is now, `None` when the session has none.
    pub async fn change_webhook(&self, session: SessionId, change: WebhookChange) -> Result<Option<Webhook>> {
        let mut tx = self.db.write.begin().await?;
        if let Some(subscribe) = &change.subscribe {
            sqlx::query("UPDATE sessions SET subscribe = $2 WHERE id = $1")
                .bind(session.0)
                .bind(subscription_text(subscribe))
                .execute(&mut *tx)
                .await?;
        }
        let sql = format!("{SELECT} WHERE session_id = $1 ORDER BY id LIMIT 1 {}", self.db.engine.lock_row());
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(session.0).fetch_optional(&mut *tx).await?;
        let current = row.map(|row| Webhook::read(&row, &self.secret)).transpose()?;

        let url =
            change.url.or_else(|| current.as_ref().map(|webhook| webhook.url.clone())).filter(|url| !url.is_empty());
        let Some(url) = url else {
            if let Some(webhook) = &current {
                sqlx::query("DELETE FROM webhooks WHERE id = $1").bind(webhook.id.0).execute(&mut *tx).await?;
            }
            tx.commit().await?;
            return Ok(None);
        };
        let format = change.format.or(current.as_ref().map(|webhook| webhook.format)).unwrap_or(WebhookFormat::Form);
        let secret = change.secret.unwrap_or_else(|| current.as_ref().and_then(|webhook| webhook.secret.clone()));
        let headers =
            change.headers.or_else(|| current.as_ref().map(|webhook| webhook.headers.clone())).unwrap_or_default();
        let headers = serde_json::to_string(&headers).expect("pairs of strings are JSON");
        let sql = match &current {
            Some(_) => {
                "UPDATE webhooks SET url = $2, format = $3, secret = $4, headers = $5 WHERE id = $1 RETURNING id, session_id, url, format, secret, headers"
            }
            None => {
                "INSERT INTO webhooks (session_id, url, format, secret, headers) VALUES ($1, $2, $3, $4, $5) RETURNING id, session_id, url, format, secret, headers"
            }
        };
        let row = sqlx::query(sql)
            .bind(current.map_or(session.0, |webhook| webhook.id.0))
            .bind(url)
            .bind(format.name())
            .bind(secret.map(|secret| self.secret.seal(SECRET, &secret)))
            .bind(headers)
            .fetch_one(&mut *tx)
            .await?;
        let webhook = Webhook::read(&row, &self.secret)?;
        tx.commit().await?;
        Ok(Some(webhook))
    }
}
