//! Opening either engine, and what differs between them.

use std::time::Duration;

use sqlx::{
    AnyPool, Executor as _,
    any::AnyPoolOptions,
    migrate::{MigrateError, Migrator},
};

use crate::{Error, Result};

/// SQL text is shared: both engines bind `$1`, upsert with `ON CONFLICT` and return with `RETURNING`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    /// Ends a `SELECT` whose row the same transaction goes on to change. SQLite's one writer needs no lock.
    pub fn lock_row(self) -> &'static str {
        match self {
            Engine::Sqlite => "",
            Engine::Postgres => "FOR UPDATE",
        }
    }
}

/// SQLite has one writer (more would only wait for each other) and readers beside it; PostgreSQL has one pool.
pub(crate) struct Db {
    pub engine: Engine,
    pub read: AnyPool,
    pub write: AnyPool,
}

const SQLITE_READERS: u32 = 4;
const POSTGRES_CONNECTIONS: u32 = 16;
/// How long a caller waits for a connection before it is told that the database is too busy.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);

static SQLITE: Migrator = sqlx::migrate!("./migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("./migrations/postgres");

impl Db {
    pub async fn open(url: &str) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let engine = match url.split(':').next() {
            Some("sqlite") => Engine::Sqlite,
            Some("postgres" | "postgresql") => Engine::Postgres,
            _ => {
                return Err(Error::Open("the URL must begin with sqlite:// or postgres://".into()));
            }
        };
        // A failed look at the URL must not put a password into a log.
        let opened = |error: sqlx::Error| match error {
            sqlx::Error::Configuration(_) => Error::Open("the database URL is not valid".into()),
            error => Error::Open(error.to_string()),
        };
        let db = match engine {
            Engine::Sqlite => {
                let mut url = url.to_owned();
                if !url.contains('?') {
                    url.push_str("?mode=rwc");
                }
                let write = sqlite_pool(1).connect(&url).await.map_err(opened)?;
                // A database in memory belongs to its one connection.
                let read = if url.contains(":memory:") {
                    write.clone()
                } else {
                    sqlite_pool(SQLITE_READERS).connect(&url).await.map_err(opened)?
                };
                Self { engine, read, write }
            }
            Engine::Postgres => {
                let pool = AnyPoolOptions::new()
                    .max_connections(POSTGRES_CONNECTIONS)
                    .acquire_timeout(ACQUIRE_TIMEOUT)
                    .connect(url)
                    .await
                    .map_err(opened)?;
                Self { engine, read: pool.clone(), write: pool }
            }
        };
        db.migrate().await?;
        Ok(db)
    }

    async fn migrate(&self) -> Result<()> {
        let migrator = match self.engine {
            Engine::Sqlite => &SQLITE,
            Engine::Postgres => &POSTGRES,
        };
        let known = migrator.iter().map(|m| m.version).max().unwrap_or(0);
        migrator.run(&self.write).await.map_err(|error| match error {
            MigrateError::VersionMissing(found) => Error::NewerSchema { found, known },
            error => Error::Open(format!("the schema could not be brought up to date: {error}")),
        })
    }

    pub async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }
}

fn sqlite_pool(connections: u32) -> AnyPoolOptions {
    AnyPoolOptions::new().max_connections(connections).min_connections(1).acquire_timeout(ACQUIRE_TIMEOUT).idle_timeout(None).max_lifetime(None).after_connect(
        |connection, _| {
            Box::pin(async move {
                // FULL: a commit is on disk when it returns, even if the power goes.
                connection
                    .execute(
                        "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -4096;",
                    )
                    .await?;
                Ok(())
            })
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_come_in_pairs() {
        let names =
            |migrator: &Migrator| migrator.iter().map(|m| (m.version, m.description.to_string())).collect::<Vec<_>>();
        assert_eq!(names(&SQLITE), names(&POSTGRES));
    }
}
