//! The files of sends that wait, a piece at a time: none is ever whole in memory.

use sqlx::{Any, Row as _, Transaction};

use crate::{Result, SessionId, Store};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendFileId(pub(crate) i64);

/// A file of a send, without its content; see [`Store::send_file_piece`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendFile {
    pub id: SendFileId,
    pub name: Option<String>,
    pub mimetype: Option<String>,
    /// Opaque.
    pub encoded: bool,
    /// Bytes.
    pub size: u64,
}

pub(super) async fn size(tx: &mut Transaction<'_, Any>, files: &[SendFileId]) -> Result<i64> {
    let mut size: i64 = 0;
    for file in files {
        let row = sqlx::query("SELECT size FROM outbox_files WHERE id = $1").bind(file.0).fetch_one(&mut **tx).await?;
        size = size.saturating_add(row.try_get("size")?);
    }
    Ok(size)
}

pub(super) async fn take(tx: &mut Transaction<'_, Any>, send: i64, files: &[SendFileId]) -> Result<()> {
    for file in files {
        sqlx::query("UPDATE outbox_files SET send = $2 WHERE id = $1")
            .bind(file.0)
            .bind(send)
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

pub(super) async fn of(tx: &mut Transaction<'_, Any>, send: i64) -> Result<Vec<SendFile>> {
    let rows = sqlx::query("SELECT id, name, mimetype, encoded, size FROM outbox_files WHERE send = $1 ORDER BY id")
        .bind(send)
        .fetch_all(&mut **tx)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(SendFile {
                id: SendFileId(row.try_get("id")?),
                name: row.try_get("name")?,
                mimetype: row.try_get("mimetype")?,
                encoded: row.try_get::<i64, _>("encoded")? != 0,
                size: u64::try_from(row.try_get::<i64, _>("size")?).unwrap_or_default(),
            })
        })
        .collect()
}

pub(super) async fn remove(tx: &mut Transaction<'_, Any>, send: i64) -> Result<()> {
    sqlx::query("DELETE FROM outbox_files WHERE send = $1").bind(send).execute(&mut **tx).await?;
    Ok(())
}

impl Store {
    /// Begins to keep a file for a send that is about to be queued. If it never is, the file goes away by itself.
    pub async fn keep_send_file(
        &self,
        session: SessionId,
        name: Option<&str>,
        mimetype: Option<&str>,
        encoded: bool,
        now_ms: i64,
    ) -> Result<SendFileId> {
        let row = sqlx::query(
            "INSERT INTO outbox_files (session_id, name, mimetype, encoded, size, created_at) VALUES ($1, $2, $3, $4, 0, $5) RETURNING id",
        )
        .bind(session.0)
        .bind(name)
        .bind(mimetype)
        .bind(i64::from(encoded))
        .bind(now_ms)
        .fetch_one(&self.db.write)
        .await?;
        Ok(SendFileId(row.try_get("id")?))
    }

    /// The next piece of it, `place` from 0.
    pub async fn keep_send_piece(&self, file: SendFileId, place: i64, bytes: &[u8]) -> Result<()> {
        let mut tx = self.db.write.begin().await?;
        sqlx::query("INSERT INTO outbox_pieces (file, place, bytes) VALUES ($1, $2, $3)")
            .bind(file.0)
            .bind(place)
            .bind(bytes)
            .execute(&mut *tx)
            .await?;
        sqlx::query("UPDATE outbox_files SET size = size + $2 WHERE id = $1")
            .bind(file.0)
            .bind(i64::try_from(bytes.len()).unwrap_or(i64::MAX))
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// A piece of it, `place` from 0; `None` behind the last one.
    pub async fn send_file_piece(&self, file: SendFileId, place: i64) -> Result<Option<Vec<u8>>> {
        let row = sqlx::query("SELECT bytes FROM outbox_pieces WHERE file = $1 AND place = $2")
            .bind(file.0)
            .bind(place)
            .fetch_optional(&self.db.read)
            .await?;
        Ok(row.map(|row| row.try_get("bytes")).transpose()?)
    }

    /// The send was not queued.
    pub async fn drop_send_files(&self, files: &[SendFileId]) -> Result<()> {
        for file in files {
            sqlx::query("DELETE FROM outbox_files WHERE id = $1 AND send IS NULL")
                .bind(file.0)
                .execute(&self.db.write)
                .await?;
        }
        Ok(())
    }

    /// Removes what was begun before that time (unix ms) and never queued.
    pub(super) async fn prune_send_files(&self, before_ms: i64) -> Result<u64> {
        let removed = sqlx::query("DELETE FROM outbox_files WHERE send IS NULL AND created_at < $1")
            .bind(before_ms)
            .execute(&self.db.write)
            .await?;
        Ok(removed.rows_affected())
    }
}
