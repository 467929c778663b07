/// What a caller of the store can act on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A session with that name or token exists.
    #[error("token or name already exists")]
    Taken,
    #[error(
        "the database was written by a newer WaGo (schema {found}, this binary knows {known}); start that version, or restore a backup made before it"
    )]
    NewerSchema { found: i64, known: i64 },
    #[error("the database was written with another secret key; put the secret.key back that belongs to it")]
    WrongSecret,
    #[error("the database cannot be opened: {0}")]
    Open(String),
    /// A stored value cannot be understood.
    #[error("{table}.{column} of row {row} cannot be read: {reason}")]
    Damaged { table: &'static str, column: &'static str, row: String, reason: String },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    #[error("database error")]
    Database(#[from] sqlx::Error),
}
