//! The tasks of one engine client: they end together, and a panic in one is noticed.

use std::{panic::AssertUnwindSafe, pin::Pin, time::Duration};

use async_trait::async_trait;
use futures_util::FutureExt as _;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use whatsapp_rust::{Runtime, wacore::runtime::AbortHandle};

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

#[derive(Clone, Default)]
pub(crate) struct Tasks {
    tracker: TaskTracker,
    ending: CancellationToken,
    panicked: CancellationToken,
}

impl Tasks {
    /// Ends all tasks at their next pause, and waits for that; a task that never pauses is waited for `bound` long.
    pub async fn end(&self, bound: Duration) {
        self.ending.cancel();
        self.tracker.close();
        if tokio::time::timeout(bound, self.tracker.wait()).await.is_err() {
            tracing::error!(left = self.tracker.len(), "tasks of a session do not end");
        }
    }

    /// Resolves when a task has panicked.
    pub async fn panicked(&self) {
        self.panicked.cancelled().await;
    }

    fn start(&self, task: Task) -> tokio::task::JoinHandle<()> {
        let (ending, panicked) = (self.ending.clone(), self.panicked.clone());
        self.tracker.spawn(async move {
            // What the task has touched is thrown away with the client.
            let run = ending.run_until_cancelled_owned(AssertUnwindSafe(task).catch_unwind());
            if let Some(Err(_)) = run.await {
                panicked.cancel();
            }
        })
    }
}

#[async_trait]
impl Runtime for Tasks {
    fn spawn(&self, future: Task) -> AbortHandle {
        let handle = self.start(future).abort_handle();
        AbortHandle::new(move || handle.abort())
    }

    fn spawn_detached(&self, future: Task) {
        self.start(future);
    }

    fn sleep(&self, duration: Duration) -> Task {
        Box::pin(tokio::time::sleep(duration))
    }

    fn spawn_blocking(&self, work: Box<dyn FnOnce() + Send + 'static>) -> Task {
        let panicked = self.panicked.clone();
        Box::pin(async move {
            if tokio::task::spawn_blocking(work).await.is_err() {
                panicked.cancel();
            }
        })
    }

    fn yield_now(&self) -> Option<Task> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_noticed_and_the_others_end() {
        let tasks = Tasks::default();
        tasks.spawn_detached(Box::pin(std::future::pending()));
        tasks.spawn_detached(Box::pin(async { panic!("as asked") }));
        tasks.panicked().await;
        tasks.end(Duration::from_secs(5)).await;
        assert!(tasks.tracker.is_empty());
    }
}
