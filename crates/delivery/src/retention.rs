//! The log forgets what is too old or too much, in the background and a little at a time.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wago_store::{Error, Store};

use crate::now_ms;

const PERIOD: Duration = Duration::from_secs(10 * 60);
/// Between two parts, so that others get to write.
const PAUSE: Duration = Duration::from_millis(100);

/// What the log keeps. Events that a webhook still waits for are kept in any case, unless it is paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionLimits {
    /// `None`: events grow as old as they may.
    pub age: Option<Duration>,
    /// Bytes of payload; `None`: no limit.
    pub bytes: Option<u64>,
}

/// The running job. Dropping it ends nothing; the token it was started with does.
pub struct Retention {
    task: JoinHandle<()>,
}

impl Retention {
    /// Looks at once, and then every ten minutes, until `stop`.
    pub fn start(store: Store, limits: RetentionLimits, stop: CancellationToken) -> Self {
        let run = async move {
            loop {
                match sweep(&store, limits, now_ms()).await {
                    Ok(0) => {}
                    Ok(removed) => tracing::info!(removed, "old events were removed from the log"),
                    Err(error) => tracing::error!(%error, "old events could not be removed from the log"),
                }
                tokio::time::sleep(PERIOD).await;
            }
        };
        Self { task: tokio::spawn(async move { stop.run_until_cancelled(run).await.unwrap_or(()) }) }
    }

    pub async fn ended(self) {
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the retention of events ended early");
        }
    }
}

async fn sweep(store: &Store, limits: RetentionLimits, now_ms: i64) -> Result<u64, Error> {
    let by_age = limits.age.map(|age| now_ms.saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX)));
    let by_size = match limits.bytes {
        Some(bytes) if store.events_bytes().await? > bytes => store.events_older_than_the_last(bytes).await?,
        _ => None,
    };
    let Some(before_ms) = by_age.max(by_size) else { return Ok(0) };
    let mut removed = 0;
    loop {
        match store.prune_events(before_ms).await? {
            0 => return Ok(removed),
            part => removed += part,
        }
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use wago_store::{NewEvent, NewSession, SecretKey};

    use super::*;

    #[tokio::test]
    async fn the_stricter_limit_counts() {
        let store = Store::open("sqlite::memory:", SecretKey::from_bytes([1; 32])).await.unwrap();
        let new = NewSession { name: "a".into(), token: "t".into(), os_name: "linux".into() };
        let session = store.create_session(new, 0).await.unwrap().id;
        let event = |n: i64| NewEvent {
            session,
            event_id: format!("e{n}"),
            dedupe: None,
            chat: String::new(),
            kind: "Message".into(),
            topic: "Message".into(),
            payload: vec![b'x'; 10],
            media: None,
            message: None,
            chats: Vec::new(),
            created_at_ms: n * 1_000,
        };
        store.record_events((0..10).map(event).collect()).await.unwrap();
        let limits = |age: Option<u64>, bytes| RetentionLimits { age: age.map(Duration::from_secs), bytes };
        for (limits, removed) in [
            (limits(None, None), 0),
            (limits(Some(9), Some(100)), 0),
            (limits(Some(7), Some(90)), 2),
            (limits(Some(7), Some(50)), 3),
            (limits(None, Some(50)), 0),
        ] {
            assert_eq!(sweep(&store, limits, 9_000).await.unwrap(), removed, "{limits:?}");
        }
    }
}
