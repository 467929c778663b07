//! Everything WaGo keeps: one database, SQLite or PostgreSQL, behind one [`Store`].
//!
//! Only this crate knows SQL. Payloads and WhatsApp's key material are opaque bytes to it.

mod deliveries;
mod error;
mod events;
mod idempotency;
mod keys;
mod secret;
mod sessions;
mod settings;
mod webhooks;

pub use deliveries::{Attempt, Delivery, Outcome};
pub use error::Error;
pub use events::{Event, NewEvent, Recorded};
pub use idempotency::{Claim, StoredReply};
pub use keys::{Key, KeyOp, KeyRow, Kind};
pub use secret::SecretKey;
pub use sessions::{NewSession, Session, SessionId};
pub use webhooks::{Webhook, WebhookChange, WebhookFormat, WebhookId};

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A cheap handle on the open database.
#[derive(Clone)]
pub struct Store {}

impl Store {
    /// Opens `sqlite://path` (or `sqlite::memory:`) or `postgres://…`, and brings the schema up to date.
    /// A schema newer than this binary is [`Error::NewerSchema`].
    pub async fn open(_url: &str, _secret: SecretKey) -> Result<Self> {
        unreachable!()
    }

    /// Finishes queued writes and closes the pool.
    pub async fn close(&self) {
        unreachable!()
    }

    /// Answers whether the database can be reached now (readiness).
    pub async fn ping(&self) -> Result<()> {
        unreachable!()
    }
}
