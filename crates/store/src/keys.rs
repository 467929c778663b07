//! WhatsApp key material, per session, as opaque bytes under a kind and a key.
//!
//! One table serves all of the engine's storage traits; the session crate maps them onto it.

use sqlx::{Any, AnyConnection, Row as _, Transaction, any::AnyRow};

use crate::{Result, SessionId, Store, writer::Job};

/// Rows in one statement. SQLite's driver looks each parameter's name up among all, so that twice the rows cost four
/// times as much; far fewer would cost a statement for each.
const ROWS_PER_STATEMENT: usize = 50;

/// Which of the engine's collections a row belongs to. A small number chosen by the session crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kind(pub i16);

pub type Key = Vec<u8>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    pub key: Key,
    pub value: Vec<u8>,
    /// A number the owner can sort, compare and expire by (a time, a flag); 0 if it has no use for one.
    pub number: i64,
}

impl KeyRow {
    fn read(row: &AnyRow) -> Result<Self> {
        Ok(Self { key: row.try_get("key")?, value: row.try_get("value")?, number: row.try_get("number")? })
    }
}

#[derive(Debug, Clone)]
pub enum KeyOp {
    Put {
        kind: Kind,
        row: KeyRow,
    },
    /// Written only if no row exists.
    PutNew {
        kind: Kind,
        row: KeyRow,
    },
    /// Written if no row exists or the stored number is smaller than the row's.
    PutNewer {
        kind: Kind,
        row: KeyRow,
    },
    /// Only the number of an existing row changes; a missing row stays missing.
    SetNumber {
        kind: Kind,
        key: Key,
        number: i64,
    },
    Delete {
        kind: Kind,
        key: Key,
    },
    DeletePrefix {
        kind: Kind,
        prefix: Vec<u8>,
    },
    /// Rows of the kind whose number is below `number`.
    DeleteBelow {
        kind: Kind,
        number: i64,
    },
}

const REPLACE: &str =
    "ON CONFLICT (session_id, kind, key) DO UPDATE SET value = excluded.value, number = excluded.number";
const KEEP: &str = "ON CONFLICT (session_id, kind, key) DO NOTHING";
const REPLACE_OLDER: &str = "ON CONFLICT (session_id, kind, key) DO UPDATE SET value = excluded.value, number = excluded.number WHERE keys.number < excluded.number";

pub(crate) async fn apply(tx: &mut Transaction<'_, Any>, session: SessionId, ops: &[KeyOp]) -> Result<()> {
    let mut at = 0;
    while at < ops.len() {
        // A run of plain writes (the pre-keys of a new device are hundreds) goes out in few statements. A statement may
        // not touch one row twice, so a key seen again ends the run.
        let mut seen = std::collections::HashSet::new();
        let some = &ops[at..ops.len().min(at + ROWS_PER_STATEMENT)];
        let puts = some
            .iter()
            .take_while(|op| matches!(op, KeyOp::Put { kind, row } if seen.insert((kind.0, row.key.as_slice()))))
            .count();
        let numbered = numbered_alike(some);
        if puts > 1 {
            put_many(tx, session, &some[..puts]).await?;
            at += puts;
        } else if numbered.len() > 1 {
            set_numbers(tx, session, &numbered).await?;
            at += numbered.len();
        } else {
            apply_one(tx, session, &ops[at]).await?;
            at += 1;
        }
    }
    Ok(())
}

/// The first ops, as far as they give the same number to keys of one kind (a new device's pre-keys, once uploaded).
fn numbered_alike(ops: &[KeyOp]) -> Vec<(Kind, &[u8], i64)> {
    let mut alike: Vec<(Kind, &[u8], i64)> = Vec::new();
    for op in ops {
        match op {
            KeyOp::SetNumber { kind, key, number }
                if alike.first().is_none_or(|first| (first.0, first.2) == (*kind, *number)) =>
            {
                alike.push((*kind, key, *number));
            }
            _ => break,
        }
    }
    alike
}

async fn set_numbers(tx: &mut Transaction<'_, Any>, session: SessionId, alike: &[(Kind, &[u8], i64)]) -> Result<()> {
    let Some((kind, _, number)) = alike.first() else { return Ok(()) };
    let places: Vec<String> = (0..alike.len()).map(|i| format!("${}", i + 4)).collect();
    let sql =
        format!("UPDATE keys SET number = $3 WHERE session_id = $1 AND kind = $2 AND key IN ({})", places.join(", "));
    let mut query =
        sqlx::query(sqlx::AssertSqlSafe(sql)).persistent(false).bind(session.0).bind(i64::from(kind.0)).bind(*number);
    for (_, key, _) in alike {
        query = query.bind(*key);
    }
    query.execute(&mut **tx).await?;
    Ok(())
}

async fn put_many(tx: &mut Transaction<'_, Any>, session: SessionId, puts: &[KeyOp]) -> Result<()> {
    let values: Vec<String> = (0..puts.len())
        .map(|i| format!("($1, ${}, ${}, ${}, ${})", 4 * i + 2, 4 * i + 3, 4 * i + 4, 4 * i + 5))
        .collect();
    let sql = format!("INSERT INTO keys (session_id, kind, key, value, number) VALUES {} {REPLACE}", values.join(", "));
    let mut query = sqlx::query(sqlx::AssertSqlSafe(sql)).persistent(false).bind(session.0);
    for put in puts {
        if let KeyOp::Put { kind, row } = put {
            query = query.bind(i64::from(kind.0)).bind(row.key.as_slice()).bind(row.value.as_slice()).bind(row.number);
        }
    }
    query.execute(&mut **tx).await?;
    Ok(())
}

async fn apply_one(tx: &mut Transaction<'_, Any>, session: SessionId, op: &KeyOp) -> Result<()> {
    match op {
        KeyOp::Put { kind, row } => put(tx, session, *kind, row, REPLACE).await,
        KeyOp::PutNew { kind, row } => put(tx, session, *kind, row, KEEP).await,
        KeyOp::PutNewer { kind, row } => put(tx, session, *kind, row, REPLACE_OLDER).await,
        KeyOp::SetNumber { kind, key, number } => {
            sqlx::query("UPDATE keys SET number = $4 WHERE session_id = $1 AND kind = $2 AND key = $3")
                .bind(session.0)
                .bind(i64::from(kind.0))
                .bind(key.as_slice())
                .bind(*number)
                .execute(&mut **tx)
                .await?;
            Ok(())
        }
        KeyOp::Delete { kind, key } => {
            sqlx::query("DELETE FROM keys WHERE session_id = $1 AND kind = $2 AND key = $3")
                .bind(session.0)
                .bind(i64::from(kind.0))
                .bind(key.as_slice())
                .execute(&mut **tx)
                .await?;
            Ok(())
        }
        KeyOp::DeletePrefix { kind, prefix } => {
            let (text, end) =
                prefix_range("DELETE FROM keys WHERE session_id = $1 AND kind = $2 AND key >= $3", prefix);
            let mut query = sqlx::query(text).bind(session.0).bind(i64::from(kind.0)).bind(prefix.as_slice());
            if let Some(end) = end {
                query = query.bind(end);
            }
            query.execute(&mut **tx).await?;
            Ok(())
        }
        KeyOp::DeleteBelow { kind, number } => delete_below(tx, session, *kind, *number).await.map(|_| ()),
    }
}

async fn put(
    tx: &mut Transaction<'_, Any>,
    session: SessionId,
    kind: Kind,
    row: &KeyRow,
    conflict: &str,
) -> Result<()> {
    let sql = format!("INSERT INTO keys (session_id, kind, key, value, number) VALUES ($1, $2, $3, $4, $5) {conflict}");
    sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(session.0)
        .bind(i64::from(kind.0))
        .bind(row.key.as_slice())
        .bind(row.value.as_slice())
        .bind(row.number)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

async fn delete_below(connection: &mut AnyConnection, session: SessionId, kind: Kind, number: i64) -> Result<u64> {
    let done = sqlx::query("DELETE FROM keys WHERE session_id = $1 AND kind = $2 AND number < $3")
        .bind(session.0)
        .bind(i64::from(kind.0))
        .bind(number)
        .execute(connection)
        .await?;
    Ok(done.rows_affected())
}

/// Completes a statement that selects keys from `$3` on, so that it ends where the prefix ends.
fn prefix_range(statement: &'static str, prefix: &[u8]) -> (sqlx::AssertSqlSafe<String>, Option<Vec<u8>>) {
    let end = after_prefix(prefix);
    let bound = if end.is_some() { " AND key < $4" } else { "" };
    (sqlx::AssertSqlSafe(format!("{statement}{bound}")), end)
}

/// The first key after all that begin with the prefix; `None` if there is no such key.
fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

impl Store {
    /// Applies all in order, or none. Concurrent calls of different sessions share a commit.
    pub async fn write_keys(&self, session: SessionId, ops: Vec<KeyOp>) -> Result<()> {
        if ops.is_empty() {
            return Ok(());
        }
        self.writer.write(session, Job::Keys(ops)).await.map(|_| ())
    }

    pub async fn key(&self, session: SessionId, kind: Kind, key: &[u8]) -> Result<Option<KeyRow>> {
        let row = sqlx::query("SELECT key, value, number FROM keys WHERE session_id = $1 AND kind = $2 AND key = $3")
            .bind(session.0)
            .bind(i64::from(kind.0))
            .bind(key)
            .fetch_optional(&self.db.read)
            .await?;
        row.as_ref().map(KeyRow::read).transpose()
    }

    /// Those of the keys that exist, in no order.
    pub async fn keys(&self, session: SessionId, kind: Kind, keys: &[Key]) -> Result<Vec<KeyRow>> {
        let mut found = Vec::with_capacity(keys.len());
        for some in keys.chunks(ROWS_PER_STATEMENT) {
            let places: Vec<String> = (0..some.len()).map(|i| format!("${}", i + 3)).collect();
            let sql = format!(
                "SELECT key, value, number FROM keys WHERE session_id = $1 AND kind = $2 AND key IN ({})",
                places.join(", ")
            );
            let mut query =
                sqlx::query(sqlx::AssertSqlSafe(sql)).persistent(false).bind(session.0).bind(i64::from(kind.0));
            for key in some {
                query = query.bind(key.as_slice());
            }
            for row in query.fetch_all(&self.db.read).await? {
                found.push(KeyRow::read(&row)?);
            }
        }
        Ok(found)
    }

    /// All rows of a kind with the key prefix (empty for all), ordered by key, at most `limit`.
    pub async fn keys_with_prefix(
        &self,
        session: SessionId,
        kind: Kind,
        prefix: &[u8],
        limit: u64,
    ) -> Result<Vec<KeyRow>> {
        let (text, end) = prefix_range(
            "SELECT key, value, number FROM keys WHERE session_id = $1 AND kind = $2 AND key >= $3",
            prefix,
        );
        let sql = format!("{} ORDER BY key LIMIT {limit}", text.0);
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(session.0).bind(i64::from(kind.0)).bind(prefix);
        if let Some(end) = end {
            query = query.bind(end);
        }
        query.fetch_all(&self.db.read).await?.iter().map(KeyRow::read).collect()
    }

    pub async fn count_keys(&self, session: SessionId, kind: Kind) -> Result<u64> {
        let row = sqlx::query("SELECT COUNT(*) AS n FROM keys WHERE session_id = $1 AND kind = $2")
            .bind(session.0)
            .bind(i64::from(kind.0))
            .fetch_one(&self.db.read)
            .await?;
        Ok(u64::try_from(row.try_get::<i64, _>("n")?).unwrap_or(0))
    }

    /// Deletes and returns, atomically.
    pub async fn take_key(&self, session: SessionId, kind: Kind, key: &[u8]) -> Result<Option<KeyRow>> {
        let row = sqlx::query(
            "DELETE FROM keys WHERE session_id = $1 AND kind = $2 AND key = $3 RETURNING key, value, number",
        )
        .bind(session.0)
        .bind(i64::from(kind.0))
        .bind(key)
        .fetch_optional(&self.db.write)
        .await?;
        row.as_ref().map(KeyRow::read).transpose()
    }

    /// Reads one row, lets `change` decide its replacement (`None` leaves it), and writes that, atomically.
    pub async fn update_key<F>(&self, session: SessionId, kind: Kind, key: &[u8], change: F) -> Result<()>
    where
        F: FnOnce(Option<KeyRow>) -> Option<KeyRow> + Send,
    {
        let mut tx = self.db.write.begin().await?;
        let lock = self.db.engine.lock_row();
        let sql =
            format!("SELECT key, value, number FROM keys WHERE session_id = $1 AND kind = $2 AND key = $3 {lock}");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(session.0)
            .bind(i64::from(kind.0))
            .bind(key)
            .fetch_optional(&mut *tx)
            .await?;
        if let Some(changed) = change(row.as_ref().map(KeyRow::read).transpose()?) {
            put(&mut tx, session, kind, &changed, REPLACE).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Number of rows deleted: rows of the kind whose number is below `number`.
    pub async fn delete_keys_below(&self, session: SessionId, kind: Kind, number: i64) -> Result<u64> {
        let mut connection = self.db.write.acquire().await?;
        delete_below(&mut connection, session, kind, number).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_where_the_next_key_begins() {
        assert_eq!(after_prefix(b"ab"), Some(b"ac".to_vec()));
        assert_eq!(after_prefix(&[1, 255]), Some(vec![2]));
        assert_eq!(after_prefix(&[255, 255]), None);
        assert_eq!(after_prefix(b""), None);
    }
}
