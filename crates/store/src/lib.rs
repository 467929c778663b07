//! Everything WaGo keeps: one database, SQLite or PostgreSQL, behind one [`Store`].
//!
//! Only this crate knows SQL. Payloads and WhatsApp's key material are opaque bytes to it. All sessions share one pool,
//! so a session costs the store no memory, no thread and no file handle of its own: only rows.

mod calls;
mod chats;
mod db;
mod deliveries;
mod error;
mod events;
mod idempotency;
mod kept;
mod keys;
mod media;
mod messages;
mod outbox;
mod replay;
mod retention;
mod search;
mod secret;
mod sessions;
mod settings;
mod shelf;
mod signals;
mod webhooks;
mod writer;

use std::sync::Arc;

pub use calls::Recording;
pub use chats::{Chat, ChatChange, Contact, Facet, Label, Labelled, LastMessage, Newest};
pub use deliveries::{Attempt, Delivery, DeliveryFile, DeliveryRecord, DeliveryState, Due, Outcome};
pub use error::Error;
pub use events::{Event, EventFilter, EventPage, NewEvent, Recorded};
pub use idempotency::{Claim, StoredReply};
pub use kept::{EventFile, KeepJob, Keeping, KeptFile};
pub use keys::{Key, KeyOp, KeyRow, Kind};
pub use media::{MediaJob, MediaOutcome, NewMedia};
pub use messages::{
    Author, Message, MessageChange, MessageCursor, MessageFilter, MessageReceipt, NewMessage, Reach, Until,
};
pub use outbox::{Cancelled, Enqueued, NewSend, QueuedSend, SendFile, SendFileId, SendOutcome, SendRequest, SendState};
pub use replay::{Replay, Replayed};
pub use search::Search;
pub use secret::SecretKey;
pub use sessions::{NewSession, Session, SessionId};
pub use shelf::{Bucket, Shelf, ShelfError};
pub use webhooks::{Paused, WEBHOOKS_MAX, Webhook, WebhookChange, WebhookFormat, WebhookId};

use db::{Db, Engine};
use signals::Signals;
use writer::{POSTGRES_WRITERS, Writer};

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A cheap handle on the open database.
#[derive(Clone)]
pub struct Store {
    db: Arc<Db>,
    writer: Writer,
    secret: SecretKey,
    signals: Arc<Signals>,
}

impl Store {
    /// Opens `sqlite://path` (or `sqlite::memory:`) or `postgres://…`, and brings the schema up to date.
    ///
    /// A schema newer than this binary is [`Error::NewerSchema`]; a secret other than the one that the database was
    /// made with is [`Error::WrongSecret`].
    pub async fn open(url: &str, secret: SecretKey) -> Result<Self> {
        let db = Arc::new(Db::open(url).await?);
        let writers = match db.engine {
            Engine::Sqlite => 1,
            Engine::Postgres => POSTGRES_WRITERS,
        };
        let signals = Arc::<Signals>::default();
        let writer = Writer::start(db.clone(), signals.clone(), writers);
        let store = Self { db, writer, secret, signals };
        store.check_secret().await?;
        Ok(store)
    }

    /// Closes the pool. Writes already accepted are finished first, since each holds a connection.
    pub async fn close(&self) {
        self.db.close().await;
    }

    /// Answers whether the database can be reached now.
    pub async fn ping(&self) -> Result<()> {
        sqlx::query("SELECT 1").execute(&self.db.read).await?;
        Ok(())
    }
}
