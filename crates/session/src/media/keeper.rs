//! Puts fetched files where they are kept, and takes away what has been there long enough.
//!
//! What is to be done is in the store. The worker sleeps until a file was fetched, or one is to be tried again.

use std::{path::Path, time::Duration};

use futures_util::{StreamExt as _, stream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wago_store::{KeepJob, Keeping, KeptFile, Store};

use crate::Kept;

/// Files put there at a time.
const AT_ONCE: usize = 4;
/// Before each further attempt. After the last one the file is not kept.
const WAITS: [Duration; 6] = [
    Duration::from_secs(5),
    Duration::from_secs(60),
    Duration::from_secs(10 * 60),
    Duration::from_secs(3_600),
    Duration::from_secs(6 * 3_600),
    Duration::from_secs(24 * 3_600),
];
/// Rows read in one look.
const LOOK: u64 = 64;
/// After the store failed.
const PAUSE: Duration = Duration::from_secs(5);
const SWEEP_EVERY: Duration = Duration::from_secs(600);

pub(crate) struct Keeper {
    pub store: Store,
    pub kept: Kept,
}

impl Keeper {
    /// Works until it is told to stop; what is not finished then is done again after the next start.
    pub async fn run(self, stop: CancellationToken) {
        if let Some(Err(error)) = stop.run_until_cancelled(self.kept.shelf.check()).await {
            tracing::error!(%error, "files of messages cannot be kept now; it is tried again with each");
        }
        stop.run_until_cancelled(self.work()).await;
    }

    async fn work(&self) {
        let changed = self.store.keeping_changed();
        let mut sweep_at = Instant::now();
        loop {
            let mut wake_at = sweep_at;
            match self.look().await {
                Ok(Some(due)) => wake_at = wake_at.min(Instant::now() + due),
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(%error, "files cannot be kept");
                    wake_at = Instant::now() + PAUSE;
                }
            }
            if sweep_at <= Instant::now() {
                sweep_at = Instant::now() + SWEEP_EVERY;
                if let Err(error) = self.sweep(now_ms()).await {
                    tracing::error!(%error, "kept files cannot be looked after");
                }
                continue;
            }
            tokio::select! {
                () = changed.notified() => {}
                () = tokio::time::sleep_until(wake_at) => {}
            }
        }
    }

    /// Keeps what is due, and says when something is due next.
    async fn look(&self) -> wago_store::Result<Option<Duration>> {
        loop {
            let due = self.store.due_keeping(now_ms(), LOOK).await?;
            let some = !due.is_empty();
            let mut done = stream::iter(due).map(|job| self.keep(job)).buffer_unordered(AT_ONCE);
            while let Some(kept) = done.next().await {
                kept?;
            }
            if !some {
                break;
            }
        }
        let now_ms = now_ms();
        let next = self.store.next_keeping_at(now_ms).await?;
        Ok(next.map(|at| Duration::from_millis(u64::try_from(at - now_ms).unwrap_or_default())))
    }

    async fn keep(&self, job: KeepJob) -> wago_store::Result<()> {
        let place = place(&job, now_ms());
        self.store.begin_keeping(&job, &place, now_ms()).await?;
        let outcome = match self.kept.shelf.put(&place, Path::new(&job.file)).await {
            Ok(size) => Keeping::Done { size },
            Err(error) => {
                let (session, event) = (&job.session_name, &job.event_id);
                match usize::try_from(job.attempts).ok().and_then(|attempts| WAITS.get(attempts)) {
                    Some(wait) => {
                        tracing::warn!(session, event, %error, "a file is kept later");
                        let wait = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
                        Keeping::RetryAt { at_ms: now_ms().saturating_add(wait) }
                    }
                    None => {
                        tracing::error!(session, event, %error, "a file is not kept");
                        Keeping::GivenUp
                    }
                }
            }
        };
        self.store.finish_keeping(&job, outcome).await
    }

    /// Removes what is too old, and what belonged to a session that is gone.
    pub(super) async fn sweep(&self, now_ms: i64) -> wago_store::Result<()> {
        let age = self.kept.age.map(|age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
        // 1: what was given up.
        let before_ms = age.map_or(1, |age| now_ms.saturating_sub(age).max(1));
        loop {
            let old = self.store.forgettable_files(before_ms, LOOK).await?;
            let mut removed = 0;
            for KeptFile { event_id, place, .. } in &old {
                match self.kept.shelf.remove(place).await {
                    Ok(()) => {
                        self.store.forget_file(event_id).await?;
                        removed += 1;
                    }
                    Err(error) => tracing::warn!(event = event_id, %error, "a kept file cannot be removed now"),
                }
            }
            if removed == 0 {
                return Ok(());
            }
        }
    }
}

/// Of our own words alone: a file's name is its sender's.
fn place(job: &KeepJob, now_ms: i64) -> String {
    let day = chrono::DateTime::from_timestamp_millis(now_ms).unwrap_or_default().format("%Y/%m/%d");
    let ending = Path::new(&job.name).extension().and_then(|ending| ending.to_str());
    let ending = ending.filter(|ending| ending.len() <= 8 && ending.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let ending = ending.map(|ending| format!(".{ending}")).unwrap_or_default();
    format!("{}/{day}/{}{ending}", job.session.0, job.event_id)
}

fn now_ms() -> i64 {
    chrono::Utc::now().timestamp_millis()
}
