use secrecy::SecretString;
use sqlx::{Row as _, any::AnyRow};

use crate::{Error, Result, SecretKey, Store};

const TOKEN: &str = "sessions.token";
const PROXY: &str = "sessions.proxy";
const COLUMNS: &str = "id, name, token, os_name, subscribe, jid, lid, wanted, health, pacing, created_at";

/// A session's row number; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub i64);

#[derive(Debug, Clone)]
pub struct NewSession {
    pub name: String,
    /// Spaces already removed.
    pub token: SecretString,
    pub os_name: String,
}

/// One row of `sessions`.
#[derive(Debug, Clone)]
pub struct Session {
    pub id: SessionId,
    pub name: String,
    pub token: SecretString,
    pub os_name: String,
    /// Event types the session asked for; `["All"]` until it says otherwise.
    pub subscribe: Vec<String>,
    /// WhatsApp identities once linked: phone-number JID with device, and LID with device.
    pub jid: Option<String>,
    pub lid: Option<String>,
    /// The user wants it connected (so it is brought back at start).
    pub wanted: bool,
    /// Why it was logged out or stopped for good, and when: survives restarts so that status stays truthful.
    /// An opaque JSON text of the session crate.
    pub health: Option<String>,
    /// How it paces its sends: an opaque JSON text of the http crate. `None`: not at all.
    pub pacing: Option<String>,
    /// Unix milliseconds.
    pub created_at: i64,
}

impl Session {
    fn read(row: &AnyRow, secret: &SecretKey) -> Result<Self> {
        let id: i64 = row.try_get("id")?;
        let sealed: Vec<u8> = row.try_get("token")?;
        let token = open_token(secret, SessionId(id), &sealed)?;
        Ok(Self {
            id: SessionId(id),
            name: row.try_get("name")?,
            token,
            os_name: row.try_get("os_name")?,
            subscribe: subscription(&row.try_get::<String, _>("subscribe")?),
            jid: row.try_get("jid")?,
            lid: row.try_get("lid")?,
            wanted: row.try_get::<i64, _>("wanted")? != 0,
            health: row.try_get("health")?,
            pacing: row.try_get("pacing")?,
            created_at: row.try_get("created_at")?,
        })
    }
}

pub(crate) fn open_token(secret: &SecretKey, id: SessionId, sealed: &[u8]) -> Result<SecretString> {
    secret.open(TOKEN, sealed).ok_or_else(|| damaged("token", id))
}

fn damaged(column: &'static str, id: SessionId) -> Error {
    let reason = "it was not encrypted with this secret key".into();
    Error::Damaged { table: "sessions", column, row: id.0.to_string(), reason }
}

/// Kept between commas (`,Message,Call,`) so that SQL can match one name exactly.
pub(crate) fn subscription_text(names: &[String]) -> String {
    names.iter().fold(String::from(","), |text, name| text + name + ",")
}

pub(crate) fn subscription(text: &str) -> Vec<String> {
    text.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

fn taken(error: sqlx::Error) -> Error {
    match error.as_database_error() {
        Some(database) if database.is_unique_violation() => Error::Taken,
        _ => error.into(),
    }
}

impl Store {
    /// [`Error::Taken`] if the name or the token is in use.
    pub async fn create_session(&self, new: NewSession, now_ms: i64) -> Result<Session> {
        let sql = format!(
            "INSERT INTO sessions (name, token_hash, token, os_name, subscribe, created_at) VALUES ($1, $2, $3, $4, $5, $6) RETURNING {COLUMNS}"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(new.name)
            .bind(self.secret.hash(&new.token))
            .bind(self.secret.seal(TOKEN, &new.token))
            .bind(new.os_name)
            .bind(subscription_text(&["All".into()]))
            .bind(now_ms)
            .fetch_one(&self.db.write)
            .await
            .map_err(taken)?;
        Session::read(&row, &self.secret)
    }

    pub async fn session(&self, id: SessionId) -> Result<Option<Session>> {
        let sql = format!("SELECT {COLUMNS} FROM sessions WHERE id = $1");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id.0).fetch_optional(&self.db.read).await?;
        row.map(|row| Session::read(&row, &self.secret)).transpose()
    }

    pub async fn session_by_token(&self, token: &SecretString) -> Result<Option<Session>> {
        let sql = format!("SELECT {COLUMNS} FROM sessions WHERE token_hash = $1");
        let row =
            sqlx::query(sqlx::AssertSqlSafe(sql)).bind(self.secret.hash(token)).fetch_optional(&self.db.read).await?;
        row.map(|row| Session::read(&row, &self.secret)).transpose()
    }

    /// In order of creation. `linked_only`: those with a JID.
    pub async fn list_sessions(&self, linked_only: bool, offset: u64, limit: u64) -> Result<Vec<Session>> {
        let sql =
            format!("SELECT {COLUMNS} FROM sessions WHERE $1 = 0 OR jid IS NOT NULL ORDER BY id LIMIT $2 OFFSET $3");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(i64::from(linked_only))
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .bind(i64::try_from(offset).unwrap_or(i64::MAX))
            .fetch_all(&self.db.read)
            .await?;
        rows.iter().map(|row| Session::read(row, &self.secret)).collect()
    }

    /// Sessions to bring back at start: wanted and linked.
    pub async fn wanted_sessions(&self) -> Result<Vec<Session>> {
        let sql = format!("SELECT {COLUMNS} FROM sessions WHERE wanted = 1 AND jid IS NOT NULL ORDER BY id");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&self.db.read).await?;
        rows.iter().map(|row| Session::read(row, &self.secret)).collect()
    }

    pub async fn set_subscribe(&self, id: SessionId, subscribe: &[String]) -> Result<()> {
        sqlx::query("UPDATE sessions SET subscribe = $2 WHERE id = $1")
            .bind(id.0)
            .bind(subscription_text(subscribe))
            .execute(&self.db.write)
            .await?;
        Ok(())
    }

    pub async fn set_wanted(&self, id: SessionId, wanted: bool) -> Result<()> {
        sqlx::query("UPDATE sessions SET wanted = $2 WHERE id = $1")
            .bind(id.0)
            .bind(i64::from(wanted))
            .execute(&self.db.write)
            .await?;
        Ok(())
    }

    pub async fn set_identity(&self, id: SessionId, jid: Option<&str>, lid: Option<&str>) -> Result<()> {
        sqlx::query("UPDATE sessions SET jid = $2, lid = $3 WHERE id = $1")
            .bind(id.0)
            .bind(jid)
            .bind(lid)
            .execute(&self.db.write)
            .await?;
        Ok(())
    }

    pub async fn set_health(&self, id: SessionId, health: Option<&str>) -> Result<()> {
        sqlx::query("UPDATE sessions SET health = $2 WHERE id = $1")
            .bind(id.0)
            .bind(health)
            .execute(&self.db.write)
            .await?;
        Ok(())
    }

    /// The old token stops at once. [`Error::Taken`] if another session has the new one.
    pub async fn rotate_token(&self, id: SessionId, token: &SecretString) -> Result<()> {
        sqlx::query("UPDATE sessions SET token_hash = $2, token = $3 WHERE id = $1")
            .bind(id.0)
            .bind(self.secret.hash(token))
            .bind(self.secret.seal(TOKEN, token))
            .execute(&self.db.write)
            .await
            .map_err(taken)?;
        Ok(())
    }

    /// The URL of what the session reaches WhatsApp through. `None`: nothing, or no such session.
    pub async fn proxy(&self, id: SessionId) -> Result<Option<SecretString>> {
        let sql = "SELECT proxy FROM sessions WHERE id = $1";
        let row = sqlx::query(sql).bind(id.0).fetch_optional(&self.db.read).await?;
        let sealed = row.map(|row| row.try_get::<Option<Vec<u8>>, _>("proxy")).transpose()?.flatten();
        sealed.map(|sealed| self.secret.open(PROXY, &sealed).ok_or_else(|| damaged("proxy", id))).transpose()
    }

    pub async fn set_proxy(&self, id: SessionId, url: Option<&SecretString>) -> Result<()> {
        sqlx::query("UPDATE sessions SET proxy = $2 WHERE id = $1")
            .bind(id.0)
            .bind(url.map(|url| self.secret.seal(PROXY, url)))
            .execute(&self.db.write)
            .await?;
        Ok(())
    }

    /// One transaction: all of the session's WhatsApp keys, its identity and `wanted` go; the row, its webhook and its events stay.
    pub async fn wipe_keys(&self, id: SessionId) -> Result<()> {
        let mut tx = self.db.write.begin().await?;
        sqlx::query("DELETE FROM keys WHERE session_id = $1").bind(id.0).execute(&mut *tx).await?;
        sqlx::query("UPDATE sessions SET jid = NULL, lid = NULL, wanted = 0 WHERE id = $1")
            .bind(id.0)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// One transaction: the row and everything that belongs to it. False if there was none.
    pub async fn delete_session(&self, id: SessionId) -> Result<bool> {
        let deleted = sqlx::query("DELETE FROM sessions WHERE id = $1").bind(id.0).execute(&self.db.write).await?;
        Ok(deleted.rows_affected() > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_survives_being_kept() {
        for names in [vec![], vec!["All"], vec!["Message", "ReadReceipt"]] {
            let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
            assert_eq!(subscription(&subscription_text(&names)), names);
        }
    }
}
