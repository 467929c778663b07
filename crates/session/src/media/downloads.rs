//! Fetches the files that webhooks wait for, and removes those that nobody waits for any more.
//!
//! What is to be done is in the store, so nothing is lost with the process. The worker sleeps until it is told that
//! something changed, or until a file is due.

use std::{
    collections::{HashMap, HashSet},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use futures_util::StreamExt as _;
use tokio::{
    io::AsyncWriteExt as _,
    task::{Id, JoinSet},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use wago_store::{MediaJob, MediaOutcome, SessionId, Shelf, Store};

use super::{
    Descriptor, Phones,
    fetch::{Failure, Hosts, UNFINISHED, fetch},
};

/// Files fetched at a time; more wait for their turn.
const AT_ONCE: usize = 8;
const AT_ONCE_PER_SESSION: usize = 2;
/// Before each further attempt. After the last one the file is given up.
pub(super) const WAITS: [Duration; 4] =
    [Duration::from_secs(5), Duration::from_secs(30), Duration::from_secs(120), Duration::from_secs(600)];
/// Rows read in one look; more if a session's many leave no other in sight, up to the second.
const LOOK: u64 = 64;
const LOOK_MAX: u64 = 8_192;
/// Spent files removed in one step.
const SPENT: u64 = 256;
/// After the store failed.
const PAUSE: Duration = Duration::from_secs(5);
/// Files whose rows went away with their session are found by looking for them.
const SWEEP_EVERY: Duration = Duration::from_secs(3_600);

pub(crate) struct Downloads {
    pub store: Store,
    pub ways: Arc<dyn Ways>,
    pub folder: PathBuf,
    /// Has what WhatsApp may not have any more.
    pub shelf: Option<Shelf>,
    /// Asked for what has expired.
    pub phones: Arc<dyn Phones>,
}

/// How a session reaches the media hosts. The error says why it does not.
#[async_trait]
pub(crate) trait Ways: Send + Sync {
    async fn hosts(&self, store: &Store, session: SessionId) -> Result<Hosts, String>;
}

/// What is being fetched, by the task that does it.
type Underway = HashMap<Id, Fetched>;

struct Fetched {
    event: i64,
    event_id: String,
    session: SessionId,
}

impl Downloads {
    /// Works until it is told to stop; what is not finished then is done after the next start.
    pub async fn run(self, stop: CancellationToken) {
        if stop.run_until_cancelled(self.work()).await.is_none() {
            tracing::debug!("no more files are fetched");
        }
    }

    async fn work(&self) {
        let changed = self.store.media_changed();
        let (mut tasks, mut underway) = (JoinSet::new(), Underway::new());
        let mut sweep_at = Instant::now();
        loop {
            if sweep_at <= Instant::now() {
                sweep_at = Instant::now() + SWEEP_EVERY;
                if let Err(error) = self.sweep(&underway).await {
                    tracing::error!(%error, "files that nobody waits for cannot be removed");
                }
            }
            let wake_at = match self.look(&mut tasks, &mut underway).await {
                Ok(Some(due)) => sweep_at.min(Instant::now() + due),
                Ok(None) => sweep_at,
                Err(error) => {
                    tracing::error!(%error, "files cannot be looked after");
                    Instant::now() + PAUSE
                }
            };
            tokio::select! {
                () = changed.notified() => {}
                Some(done) = tasks.join_next_with_id(), if !tasks.is_empty() => {
                    let task = match done {
                        Ok((task, ())) => task,
                        Err(error) => {
                            tracing::error!(%error, "the fetching of a file ended early");
                            error.id()
                        }
                    };
                    underway.remove(&task);
                }
                () = tokio::time::sleep_until(wake_at) => {}
            }
        }
    }

    /// Starts what is due, as far as there is room, and says when something is due next.
    async fn look(&self, tasks: &mut JoinSet<()>, underway: &mut Underway) -> wago_store::Result<Option<Duration>> {
        self.remove_spent().await?;
        let now_ms = now_ms();
        let mut limit = LOOK;
        while underway.len() < AT_ONCE {
            let due = self.store.due_media(now_ms, limit).await?;
            let seen = due.len() as u64;
            for job in due {
                let of_session = underway.values().filter(|other| other.session == job.session).count();
                let begun = underway.values().any(|other| other.event == job.event);
                if underway.len() < AT_ONCE && of_session < AT_ONCE_PER_SESSION && !begun {
                    let fetched = Fetched { event: job.event, event_id: job.event_id.clone(), session: job.session };
                    let attempt = Attempt {
                        store: self.store.clone(),
                        ways: self.ways.clone(),
                        shelf: self.shelf.clone(),
                        folder: self.folder.clone(),
                        phones: self.phones.clone(),
                        job,
                    };
                    let task = tasks.spawn(attempt.make());
                    underway.insert(task.id(), fetched);
                }
            }
            if seen < limit || limit >= LOOK_MAX {
                break;
            }
            limit *= 4;
        }
        let next = self.store.next_media_at(now_ms).await?;
        Ok(next.map(|at| Duration::from_millis(u64::try_from(at - now_ms).unwrap_or_default())))
    }

    async fn remove_spent(&self) -> wago_store::Result<()> {
        loop {
            let spent = self.store.spent_media(SPENT).await?;
            let all = (spent.len() as u64) < SPENT;
            for (session, event, file) in spent {
                self.store.forget_media(session, event).await?;
                remove(PathBuf::from(file)).await;
            }
            if all {
                return Ok(());
            }
        }
    }

    /// Removes what no row knows: of attempts that were cut off, and of sessions that are gone.
    async fn sweep(&self, underway: &Underway) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let mut there = Vec::new();
        let mut entries = tokio::fs::read_dir(&self.folder).await?;
        while let Some(entry) = entries.next_entry().await? {
            there.push(entry.path());
        }
        let kept: HashSet<PathBuf> = self.store.kept_media().await?.into_iter().map(PathBuf::from).collect();
        for path in there {
            let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            let begun = underway.values().any(|fetched| fetched.event_id == stem);
            if !begun && !kept.contains(&path) {
                remove(path).await;
            }
        }
        Ok(())
    }
}

async fn remove(path: PathBuf) {
    match tokio::fs::remove_file(&path).await {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(%error, "a file that nobody needs cannot be removed");
        }
        _ => {}
    }
}

/// One attempt, and what follows from it.
struct Attempt {
    store: Store,
    ways: Arc<dyn Ways>,
    shelf: Option<Shelf>,
    folder: PathBuf,
    phones: Arc<dyn Phones>,
    job: MediaJob,
}

impl Attempt {
    async fn make(self) {
        let job = &self.job;
        let outcome = match Descriptor::read(&job.descriptor) {
            Some(descriptor) => {
                let (name, mimetype) = (descriptor.file_name(&job.event_id), descriptor.mimetype.clone());
                match self.file(descriptor).await {
                    Ok(path) => MediaOutcome::Ready { file: path.to_string_lossy().into_owned(), name, mimetype },
                    Err(failure) => after(failure, job.attempts, now_ms()),
                }
            }
            None => MediaOutcome::Failed { reason: "it is not known where the file is".into() },
        };
        match &outcome {
            MediaOutcome::Ready { .. } | MediaOutcome::Moved { .. } => {}
            MediaOutcome::RetryAt { .. } => {
                tracing::info!(session = job.session_name, event = job.event_id, "a file is tried again later");
            }
            MediaOutcome::Failed { reason } => {
                tracing::warn!(session = job.session_name, event = job.event_id, reason, "a file cannot be had");
            }
        }
        self.finish(outcome).await;
    }

    async fn file(&self, descriptor: Descriptor) -> Result<PathBuf, Failure> {
        if let Some(shelf) = &self.shelf
            && let Some(path) = kept(&self.store, shelf, &self.folder, &self.job).await
        {
            return Ok(path);
        }
        self.fetch(descriptor).await
    }

    /// From where it is, or else from where the phone uploads it when it is asked, once.
    async fn fetch(&self, descriptor: Descriptor) -> Result<PathBuf, Failure> {
        let (folder, name): (&Path, &str) = (&self.folder, &self.job.event_id);
        let hosts = self.ways.hosts(&self.store, self.job.session).await.map_err(Failure::Passing)?;
        let expired = match fetch(&hosts, descriptor.clone(), folder, name).await {
            Err(Failure::Expired(expired)) => expired,
            settled => return settled,
        };
        let origin = descriptor.origin.as_ref().ok_or(Failure::Final(expired))?;
        let path = self.phones.upload_again(self.job.session, origin, &descriptor.key).await?;
        let moved = Descriptor { path, ..descriptor };
        // A later attempt goes there at once.
        self.finish(MediaOutcome::Moved { descriptor: moved.bytes() }).await;
        fetch(&hosts, moved, folder, name).await
    }

    async fn finish(&self, outcome: MediaOutcome) {
        let job = &self.job;
        if let Err(error) = self.store.finish_media(job.session, job.event, now_ms(), outcome).await {
            tracing::error!(session = job.session_name, event = job.event_id, %error, "a file's state cannot be stored");
            // It is due still, and would be fetched again at once.
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// A file that was fetched before and is kept. What is wrong with it is no reason not to ask WhatsApp.
async fn kept(store: &Store, shelf: &Shelf, folder: &Path, job: &MediaJob) -> Option<PathBuf> {
    let kept = store.kept_file(job.session, &job.event_id).await.ok().flatten()?;
    let mut pieces = std::pin::pin!(shelf.get(&kept.place, None).await.ok()?);
    let [_, unfinished] = UNFINISHED.map(|kind| folder.join(format!("{}.{kind}", job.event_id)));
    let mut file = tokio::fs::File::create(&unfinished).await.ok()?;
    while let Some(piece) = pieces.next().await {
        file.write_all(&piece.ok()?).await.ok()?;
    }
    file.flush().await.ok()?;
    let path = folder.join(&job.event_id);
    tokio::fs::rename(unfinished, &path).await.ok()?;
    Some(path)
}

/// What follows from a failure after `attempts` others.
pub(super) fn after(failure: Failure, attempts: u32, now_ms: i64) -> MediaOutcome {
    let wait = usize::try_from(attempts).ok().and_then(|attempts| WAITS.get(attempts));
    match (failure, wait) {
        (Failure::Passing(_), Some(wait)) => {
            MediaOutcome::RetryAt { at_ms: now_ms.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)) }
        }
        (Failure::Passing(reason), None) => MediaOutcome::Failed { reason },
        (Failure::Final(reason) | Failure::Expired(reason), _) => MediaOutcome::Failed { reason: reason.to_owned() },
    }
}

fn now_ms() -> i64 {
    chrono::Utc::now().timestamp_millis()
}
