//! Stored before told, for all that the engine acknowledges by itself.
//!
//! For messages the engine has a hook that holds the acknowledgement back. Receipts, notifications and calls it
//! acknowledges right after it has reported them. What it says goes through our transport, encrypted, so one frame looks
//! like another there: each waits until all that was reported before it is stored. A crash before that makes WhatsApp
//! deliver the receipt again.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use whatsapp_rust::{anyhow, transport::Transport};

/// How far the events of a connection have come.
pub(crate) struct Barrier {
    reported: AtomicU64,
    stored: watch::Sender<u64>,
    /// What was reported cannot be stored: nothing may be said any more.
    broken: CancellationToken,
}

impl Barrier {
    /// `broken` is cancelled by whoever ends the connection.
    pub fn new(broken: CancellationToken) -> Self {
        Self { reported: AtomicU64::new(0), stored: watch::Sender::new(0), broken }
    }

    /// An event is about to be handed on.
    pub fn report(&self) {
        self.reported.fetch_add(1, Ordering::AcqRel);
    }

    /// So many more of them are on disk, or were found not to be kept.
    pub fn store(&self, count: usize) {
        self.stored.send_modify(|stored| *stored += count as u64);
    }

    /// Waits until all that was reported before the call is stored. False if it will not be.
    pub async fn pass(&self) -> bool {
        let reported = self.reported.load(Ordering::Acquire);
        if *self.stored.borrow() >= reported {
            return true;
        }
        let mut stored = self.stored.subscribe();
        tokio::select! {
            biased;
            done = stored.wait_for(|stored| *stored >= reported) => done.is_ok(),
            () = self.broken.cancelled() => false,
        }
    }
}

/// A transport that says nothing before the barrier has been passed.
pub(crate) struct Behind {
    pub transport: Arc<dyn Transport>,
    pub barrier: Arc<Barrier>,
}

#[async_trait]
impl Transport for Behind {
    async fn send(&self, data: Bytes) -> Result<(), anyhow::Error> {
        if !self.barrier.pass().await {
            anyhow::bail!("what came before could not be stored");
        }
        self.transport.send(data).await
    }

    async fn disconnect(&self) {
        self.transport.disconnect().await;
    }

    fn resource_report(&self) -> Option<wacore::stats::TransportResourceReport> {
        self.transport.resource_report()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn what_is_said_waits_for_what_was_reported() {
        let broken = CancellationToken::new();
        let barrier = Barrier::new(broken.clone());
        assert!(barrier.pass().await, "nothing was reported");
        barrier.report();
        barrier.report();
        let mut before = Box::pin(barrier.pass());
        assert_eq!((&mut before).now_or_never(), None);
        barrier.store(1);
        assert_eq!((&mut before).now_or_never(), None, "one of two");
        barrier.report();
        barrier.store(1);
        assert_eq!(before.now_or_never(), Some(true), "what was reported later does not matter");
        let mut never = Box::pin(barrier.pass());
        assert_eq!((&mut never).now_or_never(), None);
        broken.cancel();
        assert_eq!(never.now_or_never(), Some(false));
    }
}
