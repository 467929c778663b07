use std::{
    ops::Deref,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use sha2::{Digest, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use wago_contract::session::without_spaces;
use wago_delivery::{Tester, fetch::Fetcher};
use wago_session::{Folder, Sessions};
use wago_store::{Shelf, Store};

use crate::{
    calls::{CallOptions, Exchanges},
    intake::MediaLimits,
    streams::{StreamLimits, Streams},
};

/// What the API is built from.
pub struct Options {
    pub store: Store,
    pub sessions: Sessions,
    /// See [`admin_token_hash`].
    pub admin_token_hash: [u8; 32],
    pub limits: Limits,
    /// Where files lie while they are on their way; nothing is left in it.
    pub files: Folder,
    /// Webhooks, and URLs of files, may lead to private and loopback addresses.
    pub allow_private_webhooks: bool,
    /// Where files of messages are kept, if they are.
    pub shelf: Option<Shelf>,
    pub calls: CallOptions,
    /// Cancelled when the process begins to stop: from then on requests are answered 503.
    pub stopping: CancellationToken,
}

/// Every bound of the API.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of a request's body; above it 413.
    pub body_bytes: usize,
    /// Bytes of a file that is sent; above it 413.
    pub media: MediaLimits,
    /// For the body to arrive, or the next piece of one that carries files; then 408.
    pub body_time: Duration,
    /// For a whole request; then 504.
    pub request_time: Duration,
    /// For a whole request that carries files, either way; then 504.
    pub file_time: Duration,
    /// For a request's head to arrive, and for a kept connection to stay idle; then the connection is closed.
    pub head_time: Duration,
    /// Bytes of a request's head; above it 431.
    pub head_bytes: usize,
    /// Open connections; further ones wait to be accepted.
    pub connections: usize,
    /// Sends in flight; further ones are answered 503.
    pub sends: usize,
    /// Requests that carry files in flight; further ones are answered 503.
    pub file_sends: usize,
    /// For requests in flight when the server stops; then they are cut off.
    pub drain_time: Duration,
    /// A peer that takes nothing of what is written to it for this long is cut off.
    pub stall_time: Duration,
    pub streams: StreamLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 1 << 20,
            media: MediaLimits::default(),
            body_time: Duration::from_secs(30),
            request_time: Duration::from_secs(90),
            file_time: Duration::from_secs(30 * 60),
            head_time: Duration::from_secs(60),
            head_bytes: 64 << 10,
            connections: 10_000,
            sends: 4_096,
            file_sends: 256,
            drain_time: Duration::from_secs(6),
            stall_time: Duration::from_secs(60),
            streams: StreamLimits::default(),
        }
    }
}

/// What handlers may use: the options it was built from, through `Deref`. A cheap handle.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    options: Options,
    sends: TaskTracker,
    send_slots: Arc<Semaphore>,
    file_slots: Arc<Semaphore>,
    fetcher: Fetcher,
    streams: Streams,
    tester: Tester,
    exchanges: Exchanges,
    started_ms: i64,
}

impl App {
    pub fn new(options: Options) -> Self {
        let send_slots = Arc::new(Semaphore::new(options.limits.sends));
        let file_slots = Arc::new(Semaphore::new(options.limits.file_sends));
        let fetcher = Fetcher::new(options.allow_private_webhooks);
        let streams = Streams::new(options.limits.streams.overall);
        let tester = Tester::new(options.allow_private_webhooks);
        Self(Arc::new(Inner {
            options,
            sends: TaskTracker::new(),
            send_slots,
            file_slots,
            fetcher,
            streams,
            tester,
            exchanges: Exchanges::default(),
            started_ms: now_ms(),
        }))
    }

    /// Sends that go on when their callers hang up; the server waits for them when it stops.
    pub(crate) fn sends(&self) -> &TaskTracker {
        &self.0.sends
    }

    /// A place among the sends in flight, if one is free.
    pub(crate) fn send_slot(&self) -> Option<OwnedSemaphorePermit> {
        self.0.send_slots.clone().try_acquire_owned().ok()
    }

    /// A place among the requests that carry files, if one is free.
    pub(crate) fn file_slot(&self) -> Option<OwnedSemaphorePermit> {
        self.0.file_slots.clone().try_acquire_owned().ok()
    }

    pub(crate) fn fetcher(&self) -> &Fetcher {
        &self.0.fetcher
    }

    pub(crate) fn streams(&self) -> &Streams {
        &self.0.streams
    }

    pub(crate) fn exchanges(&self) -> &Exchanges {
        &self.0.exchanges
    }

    pub(crate) fn tester(&self) -> &Tester {
        &self.0.tester
    }

    /// Unix milliseconds.
    pub(crate) fn now_ms(&self) -> i64 {
        now_ms()
    }

    /// When this gateway started, in Unix milliseconds.
    pub(crate) fn started_ms(&self) -> i64 {
        self.0.started_ms
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl Deref for App {
    type Target = Options;

    fn deref(&self) -> &Options {
        &self.0.options
    }
}

/// The form in which the admin token is kept: spaces removed, then SHA-256. A made token is random enough to need no
/// slower hash.
pub fn admin_token_hash(token: &str) -> [u8; 32] {
    Sha256::digest(without_spaces(token)).into()
}
