//! What is forgotten beside the log: stored messages, and the sends that are done with.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wago_store::{Error, Store};

use crate::now_ms;

const PERIOD: Duration = Duration::from_secs(10 * 60);
/// Between two parts, so that others get to write.
const PAUSE: Duration = Duration::from_millis(100);
/// How long a queued send is told of when it is done with. The pacing counts those of a day.
const SENDS_KEPT: Duration = Duration::from_secs(7 * 86_400);

/// The running job. Dropping it ends nothing; the token it was started with does.
pub struct Forgetting {
    task: JoinHandle<()>,
}

impl Forgetting {
    /// Looks at once, and then every ten minutes, until `stop`. `message_age`: how long messages are kept, for ever
    /// without it.
    pub fn start(store: Store, message_age: Option<Duration>, stop: CancellationToken) -> Self {
        let run = async move {
            loop {
                if let Err(error) = sweep(&store, message_age, now_ms()).await {
                    tracing::error!(%error, "old messages could not be removed");
                }
                tokio::time::sleep(PERIOD).await;
            }
        };
        Self { task: tokio::spawn(async move { stop.run_until_cancelled(run).await.unwrap_or(()) }) }
    }

    pub async fn ended(self) {
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the removal of old messages ended early");
        }
    }
}

async fn sweep(store: &Store, message_age: Option<Duration>, now_ms: i64) -> Result<(), Error> {
    let before = |age: Duration| now_ms.saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
    if let Some(age) = message_age {
        while store.prune_messages(before(age)).await? > 0 {
            tokio::time::sleep(PAUSE).await;
        }
    }
    while store.prune_sends(before(SENDS_KEPT)).await? > 0 {
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use wago_store::{MessageChange, MessageFilter, NewMessage, NewSession, SecretKey};

    use super::*;

    #[tokio::test]
    async fn messages_grow_as_old_as_they_may() {
        let store = Store::open("sqlite::memory:", SecretKey::from_bytes([1; 32])).await.unwrap();
        let new = NewSession { name: "a".into(), token: "t".into(), os_name: "linux".into() };
        let session = store.create_session(new, 0).await.unwrap().id;
        let message = |n: i64| {
            MessageChange::New(NewMessage {
                chat: "x".into(),
                id: n.to_string(),
                sender: "x".into(),
                from_me: false,
                kind: "text".into(),
                text: "hello".into(),
                payload: b"null".into(),
                sent_at_ms: n * 1_000,
            })
        };
        store.change_messages(session, (0..10).map(message).collect()).await.unwrap();
        for (age, left) in [(None, 10), (Some(9), 10), (Some(7), 8)] {
            sweep(&store, age.map(Duration::from_secs), 9_000).await.unwrap();
            let kept = store.messages(session, &MessageFilter::default(), 99).await.unwrap();
            assert_eq!(kept.len(), left, "{age:?}");
        }
    }
}
