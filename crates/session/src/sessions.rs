//! All sessions of the process, and what can be asked of one.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::{sync::oneshot, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use wacore::store::traits::ProtocolStore as _;
use wacore_binary::Jid;
use wago_contract::session::HealthState;
use wago_store::{SessionId, Store};
use whatsapp_rust::pair_code::PairCodeOptions;

use crate::{
    Error, Files, Options, Qr, Result, Status,
    adapter::{error, jid, pairing},
    backend::Backend,
    lifecycle::Lifecycle,
    media::{Downloads, Keeper},
    network::Shared,
    passkey,
    recipients::Recipients,
    supervisor::{Command, Session, Supervisor, View},
};

#[cfg(test)]
mod tests;

/// How long a request waits for a QR code, or for the socket that a pair code needs.
const QR_WAIT: Duration = Duration::from_secs(20);
/// How long all sessions together may take to end.
const SHUTDOWN_MAX: Duration = Duration::from_secs(8);
/// How long a session may take to end.
const END_MAX: Duration = Duration::from_secs(20);

/// All sessions of this process. A cheap handle.
#[derive(Clone)]
pub struct Sessions {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    options: Options,
    shared: Arc<Shared>,
    recipients: Recipients,
    tasks: TaskTracker,
    shutdown: CancellationToken,
    registry: Mutex<Registry>,
}

#[derive(Default)]
struct Registry {
    running: HashMap<SessionId, Arc<Session>>,
    deleting: HashSet<SessionId>,
}

impl Inner {
    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sessions {
    /// Starts no session yet, but fetches files that are waited for, and keeps those that are to be kept.
    pub fn new(store: Store, options: Options) -> Self {
        let sessions = Self {
            inner: Arc::new(Inner {
                shared: Arc::new(Shared::new(&options)),
                store,
                options,
                recipients: Recipients::default(),
                tasks: TaskTracker::new(),
                shutdown: CancellationToken::new(),
                registry: Mutex::default(),
            }),
        };
        let inner = &sessions.inner;
        let regrets = inner.shutdown.clone().run_until_cancelled_owned(sessions.clone().send_regrets());
        inner.tasks.spawn(async move { regrets.await.unwrap_or_default() });
        if let Some(Files { folder, kept, .. }) = inner.options.files.clone() {
            let downloads = Downloads {
                store: inner.store.clone(),
                ways: inner.shared.clone(),
                folder,
                shelf: kept.as_ref().map(|kept| kept.shelf.clone()),
                phones: Arc::new(sessions.clone()),
            };
            inner.tasks.spawn(downloads.run(inner.shutdown.clone()));
            if let Some(kept) = kept {
                inner.tasks.spawn(Keeper { store: inner.store.clone(), kept }.run(inner.shutdown.clone()));
            }
        }
        sessions
    }

    /// Brings back the sessions that were connected, many at a time but bounded. Returns when all were started, not
    /// connected, and how many there are.
    pub async fn restore(&self) -> Result<usize> {
        let wanted = self.inner.store.wanted_sessions().await?;
        for session in &wanted {
            // Each waits for its turn to dial.
            self.start(session)?;
        }
        Ok(wanted.len())
    }

    /// Starts the session if it is not running. With `wait`, returns once it is connected or shows a QR code, cannot
    /// be, or after that time.
    pub async fn connect(&self, id: SessionId, wait: Option<Duration>) -> Result<Status> {
        let session = self.wanted(id).await?;
        if passkey::has_failed(&session) {
            passkey::anew(&session).await?;
        }
        if let Some(wait) = wait {
            let mut view = session.view.clone();
            let settled = view.wait_for(|view| {
                use HealthState::{Banned, Failed, Outdated, WaitingForPasskey, WaitingForScan};
                let state = view.health.state;
                let refused = matches!(state, Banned | Failed | Outdated | WaitingForPasskey);
                let scannable = state == WaitingForScan && view.qr.is_some();
                view.open || view.ended || scannable || refused
            });
            // The status tells how far it came.
            let _ = timeout(wait, settled).await;
        }
        self.status(id).await
    }

    /// Starts the session if need be and asks for a pair code (`ABCD-EFGH`) for the phone number.
    pub async fn pair(&self, id: SessionId, phone: &str) -> Result<String> {
        let phone_number = jid::phone(phone).map_err(invalid_phone)?;
        let session = self.unlinked(id).await?;
        if session.view.borrow().passkey.is_some() {
            passkey::anew(&session).await?;
        }
        let ready = |view: &View| view.health.state == HealthState::WaitingForScan && view.live.is_some();
        let view = wait_to_scan(&session, ready).await?;
        let Some(live) = view.live else {
            return Err(not_connected(&view));
        };
        // A code that was asked for before is replaced by this one.
        live.client.cancel_pair_code().await;
        let options = PairCodeOptions { phone_number, ..PairCodeOptions::default() };
        let code = live.client.pair_with_code(options).await.map_err(error::pair)?;
        Ok(pairing::dashed(&code))
    }

    /// The QR code shown now; starts a fresh round when the last one ran out. [`Error::NoSession`] if nobody connected it.
    pub async fn qr(&self, id: SessionId) -> Result<Qr> {
        let row = self.row(id).await?;
        if row.jid.is_none() && !row.wanted {
            return Err(Error::NoSession);
        }
        let session = self.unlinked(id).await?;
        if passkey::has_failed(&session) {
            passkey::anew(&session).await?;
        }
        // With the health, so that a status asked for next does not tell of a state before it.
        let fresh = |view: &View| {
            view.health.state == HealthState::WaitingForScan
                && view.qr.as_ref().is_some_and(|qr| qr.until > Instant::now())
        };
        let view = wait_to_scan(&session, fresh).await?;
        let Some(shown) = view.qr else {
            return Err(not_connected(&view));
        };
        Ok(Qr { code: shown.code, expires_in: shown.until.saturating_duration_since(Instant::now()) })
    }

    pub async fn status(&self, id: SessionId) -> Result<Status> {
        let running = self.running(id);
        if let Some(session) = running {
            let view = session.view.borrow();
            if !view.ended {
                return Ok(Status {
                    connected: view.open,
                    logged_in: view.linked,
                    jid: view.jid.clone(),
                    lid: view.lid.clone(),
                    health: view.health.clone(),
                });
            }
        }
        let row = self.row(id).await?;
        let linked = row.jid.is_some();
        Ok(Status {
            connected: false,
            logged_in: linked,
            health: Lifecycle::at_rest(row.health.as_deref(), linked, row.created_at),
            jid: row.jid,
            lid: row.lid,
        })
    }

    /// The keys under which events of a chat are recorded: its JID as it was written, and the person's other one if
    /// WhatsApp has told it. [`Error::Invalid`] for what is no chat.
    pub async fn chat_keys(&self, id: SessionId, chat: &str) -> Result<Vec<String>> {
        let jid = jid::recipient(chat).map_err(invalid_phone)?;
        let backend = Backend::new(self.inner.store.clone(), id);
        let mapping = if jid.is_lid() {
            backend.get_lid_mapping(jid.user.as_str()).await
        } else if jid.is_pn() {
            backend.get_pn_mapping(jid.user.as_str()).await
        } else {
            Ok(None)
        };
        let mapping = mapping.map_err(|error| error::any(&error))?;
        let other = mapping.map(|known| match jid.is_lid() {
            true => Jid::pn(known.phone_number),
            false => Jid::lid(known.lid),
        });
        Ok(std::iter::once(jid).chain(other).map(|jid| jid.to_non_ad_string()).collect())
    }

    /// Closes the socket; the device stays linked. [`Error::NoSession`] if it is not running.
    pub async fn disconnect(&self, id: SessionId) -> Result<()> {
        self.inner.store.set_wanted(id, false).await?;
        let session = self.running(id).ok_or(Error::NoSession)?;
        stop(&session).await
    }

    /// Anew, if it is running.
    pub(crate) async fn reconnect(&self, id: SessionId) -> Result<()> {
        if let Some(session) = self.running(id) {
            stop(&session).await?;
            self.wanted(id).await?;
        }
        Ok(())
    }

    /// Unlinks the device and wipes its keys. That needs the connection, since the phone is told.
    pub async fn logout(&self, id: SessionId) -> Result<()> {
        let session = self.running(id).ok_or(Error::NoSession)?;
        log_out(&session).await?;
        ended(&session).await
    }

    /// Logs out when it can, stops the task tree, and removes the row with all that belongs to it.
    pub async fn delete(&self, id: SessionId) -> Result<()> {
        if !self.inner.registry().deleting.insert(id) {
            return Err(Error::Stopping);
        }
        // However this ends, even if the caller goes away, the session can be asked for again.
        let _deleting = Deleting { inner: self.inner.clone(), id };
        if let Some(session) = self.running(id) {
            if let Err(error) = log_out(&session).await {
                tracing::info!(session = id.0, %error, "a session is deleted without telling WhatsApp");
            }
            stop(&session).await?;
        }
        self.shared().calls.forget(id);
        self.shared().audio.forget(id.0);
        if self.inner.store.delete_session(id).await? { Ok(()) } else { Err(Error::NoSession) }
    }

    /// Stops all sessions; they come back at the next start.
    pub async fn shutdown(&self) {
        self.inner.shutdown.cancel();
        self.inner.tasks.close();
        if timeout(SHUTDOWN_MAX, self.inner.tasks.wait()).await.is_err() {
            tracing::error!(left = self.inner.tasks.len(), "sessions do not end");
        }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.inner.store
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.inner.shared
    }

    pub(crate) fn recipients(&self) -> &Recipients {
        &self.inner.recipients
    }

    pub(crate) fn running(&self, id: SessionId) -> Option<Arc<Session>> {
        self.inner.registry().running.get(&id).cloned()
    }

    async fn row(&self, id: SessionId) -> Result<wago_store::Session> {
        let row = self.inner.store.session(id).await?;
        row.ok_or(Error::NoSession)
    }

    /// The session, running and about to be connected.
    async fn wanted(&self, id: SessionId) -> Result<Arc<Session>> {
        let mut row = self.row(id).await?;
        loop {
            // Said again each time: a session that ends by a log-out takes the wish with it.
            self.inner.store.set_wanted(id, true).await?;
            let session = self.start(&row)?;
            if !session.view.borrow().ending && session.commands.send(Command::Asked).await.is_ok() {
                return Ok(session);
            }
            // It is on its way out; the next one starts after it.
            ended(&session).await?;
            row = self.row(id).await?;
        }
    }

    async fn unlinked(&self, id: SessionId) -> Result<Arc<Session>> {
        if self.row(id).await?.jid.is_some() {
            return Err(Error::AlreadyLoggedIn);
        }
        self.wanted(id).await
    }

    /// The running session, started if need be.
    fn start(&self, row: &wago_store::Session) -> Result<Arc<Session>> {
        let (inner, id) = (&self.inner, row.id);
        let mut registry = inner.registry();
        if inner.shutdown.is_cancelled() {
            return Err(Error::Stopping);
        }
        if registry.deleting.contains(&id) {
            return Err(Error::NoSession);
        }
        if let Some(session) = registry.running.get(&id) {
            return Ok(session.clone());
        }
        let (supervisor, session) = Supervisor::new(
            inner.shared.clone(),
            inner.store.clone(),
            row,
            inner.options.qr_shown.clone(),
            inner.shutdown.child_token(),
        );
        let session = Arc::new(session);
        registry.running.insert(id, session.clone());
        let leaving = Leaving { inner: inner.clone(), id, gone: session.gone.clone() };
        inner.tasks.spawn(async move {
            let _leaving = leaving;
            supervisor.run().await;
        });
        Ok(session)
    }
}

/// Takes a session off the list when its task is gone, however it went.
struct Leaving {
    inner: Arc<Inner>,
    id: SessionId,
    gone: CancellationToken,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.inner.registry().running.remove(&self.id);
        self.gone.cancel();
    }
}

struct Deleting {
    inner: Arc<Inner>,
    id: SessionId,
}

impl Drop for Deleting {
    fn drop(&mut self) {
        self.inner.registry().deleting.remove(&self.id);
    }
}

async fn stop(session: &Session) -> Result<()> {
    // A session that takes no commands is ending already.
    let _ = session.commands.send(Command::Stop).await;
    ended(session).await
}

async fn log_out(session: &Session) -> Result<()> {
    let (reply, answer) = oneshot::channel();
    let sent = session.commands.send(Command::LogOut(reply)).await;
    if sent.is_err() {
        return Err(Error::NoSession);
    }
    answer.await.unwrap_or(Err(Error::Stopping))
}

async fn ended(session: &Session) -> Result<()> {
    timeout(END_MAX, session.gone.cancelled()).await.map_err(|_| Error::Stopping)
}

/// Waits until the session shows what it takes to link it.
async fn wait_to_scan(session: &Session, ready: impl Fn(&View) -> bool) -> Result<View> {
    let mut view = session.view.clone();
    let settled = view.wait_for(|view| ready(view) || view.passkey.is_some() || view.linked || view.ended);
    if let Ok(Ok(view)) = timeout(QR_WAIT, settled).await
        && !view.ended
    {
        if view.linked {
            return Err(Error::AlreadyLoggedIn);
        }
        if view.passkey.is_some() {
            return Err(Error::PasskeyAwaited);
        }
        return Ok(view.clone());
    }
    let view = session.view.borrow();
    Err(not_connected(&view))
}

pub(crate) fn not_connected(view: &View) -> Error {
    Error::NotConnected { reason: view.health.reason.clone() }
}

pub(crate) fn invalid_phone(reason: String) -> Error {
    Error::Invalid { field: "Phone", reason: format!("Phone {reason}") }
}
