//! Who waits for WhatsApp's word on a message.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use wacore::types::events::ServerAck;

/// Senders that wait on one connection at a time; more are refused.
const WAITING_MAX: usize = 1024;

/// WhatsApp's answer to a message.
pub(crate) struct Ack {
    /// Unix seconds.
    pub timestamp: Option<i64>,
    pub error: Option<u16>,
}

#[derive(Default)]
pub(crate) struct Acks {
    waiting: Mutex<HashMap<String, oneshot::Sender<Ack>>>,
    ended: CancellationToken,
}

impl Acks {
    /// The receiver fails when the connection ends first. `None` if too many wait already, or one for this very id.
    pub fn expect(&self, id: &str) -> Option<oneshot::Receiver<Ack>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // Those who gave up make room.
        if waiting.len() >= WAITING_MAX {
            waiting.retain(|_, sender| !sender.is_closed());
        }
        if waiting.len() >= WAITING_MAX || waiting.get(id).is_some_and(|one| !one.is_closed()) {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        waiting.insert(id.to_owned(), sender);
        Some(receiver)
    }

    pub fn acknowledge(&self, ack: &ServerAck) {
        if ack.class.as_deref().is_some_and(|class| class != "message") {
            return;
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = waiting.remove(&ack.id) {
            let answer = Ack {
                timestamp: ack.timestamp.map(|time| time.timestamp()),
                // A refusal is a refusal, even with a code that is no number.
                error: ack.error.as_deref().map(|code| code.parse().unwrap_or(0)),
            };
            // Whoever waited may have given up.
            let _ = sender.send(answer);
        }
        if waiting.is_empty() {
            waiting.shrink_to_fit();
        }
    }

    /// Resolves when the connection has ended: no ack comes any more, whenever it was begun to be waited for.
    pub async fn ended(&self) {
        self.ended.cancelled().await;
    }

    pub fn end(&self) {
        self.ended.cancel();
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = HashMap::new();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn ack(id: &str, class: &str, error: Option<&str>) -> ServerAck {
        ServerAck::builder().id(id.to_owned()).class(class.to_owned()).maybe_error(error.map(str::to_owned)).build()
    }

    #[test]
    fn an_ack_reaches_who_waits_for_it() {
        let acks = Acks::default();
        let mut one = acks.expect("1").unwrap();
        let mut two = acks.expect("2").unwrap();
        assert!(acks.expect("1").is_none());
        acks.acknowledge(&ack("1", "receipt", None));
        assert!(one.try_recv().is_err());
        acks.acknowledge(&ack("1", "message", Some("463")));
        assert_eq!(one.try_recv().unwrap().error, Some(463));
        assert!(acks.ended().now_or_never().is_none());
        acks.end();
        assert!(acks.ended().now_or_never().is_some());
        assert!(matches!(two.try_recv(), Err(oneshot::error::TryRecvError::Closed)));
    }
}
