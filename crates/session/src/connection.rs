//! One connection to WhatsApp: an engine client from its making to its end.
//!
//! The engine can reconnect by itself; it is not let, so that one state machine decides when to come back. A client is
//! made anew for each connection, which leaves nothing of the last one behind.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
use chrono::Utc;
use futures_util::FutureExt as _;
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use wacore::{
    store::{DevicePropsOverride, commands::DeviceCommand, traits::DeviceStore as _},
    types::events::{Event, EventHandler, EventInterest, EventKind, InboundMessage},
};
use wago_store::{SessionId, Store};
use waproto::whatsapp::device_props::PlatformType;
use whatsapp_rust::{
    Client, ClientBuilder, InboundDurabilityHook, anyhow,
    http::HttpClient,
    store::persistence_manager::PersistenceManager,
    transport::{Transport, TransportEvent, TransportFactory},
};

use crate::{
    acks::Acks,
    adapter::{
        self,
        history::Chunk,
        names::{Around, Known, Unknown},
    },
    backend::Backend,
    barrier::{Barrier, Behind},
    calls::Desk,
    catch_up::Passed,
    history,
    network::Shared,
    notes,
    orders::Orders,
    patches::Patches,
    privacy,
    record::Recorder,
    tasks::Tasks,
};

/// Reports that wait for the supervisor. A connection that fills it is out of control and is closed.
const REPORTS_MAX: usize = 64;
/// Events that wait for the store; messages do not go this way. A connection that fills it is ended: what it has not
/// acknowledged WhatsApp delivers again. A newly linked device gets an event for each contact, chat and label of the
/// account at once, which WhatsApp would not repeat, so there is room for the largest accounts; an empty queue costs nothing.
const EVENTS_MAX: usize = 32_768;
/// Chunks of history that wait to be unpacked, packed. The phone sends a dozen; what comes beyond this is not told.
const HISTORY_MAX: usize = 32;
/// Events that share a commit.
const BATCH_MAX: usize = 256;
/// The engine bounds each stage of a dial to 20 s; this is more than their sum.
const DIAL_MAX: Duration = Duration::from_secs(90);
/// How long a connection counts as dialling while WhatsApp neither lets it in nor shows it a QR code; then it is given up.
const SETTLE_MAX: Duration = Duration::from_secs(30);
/// How often the connection is looked after.
const CHECK: Duration = Duration::from_secs(30);
/// Silence after which the socket counts as deaf.
///
/// The engine pings an idle connection every 15 to 30 s, allows 20 s for the answer, and drops a socket that has not
/// answered. That covers a network that swallows packets. It does not cover a server that never finishes the login,
/// nor an end of the ping loop itself (a failed write ends it, and relies on the reader to notice), so this is checked
/// here too, with room for the engine to act first.
const DEAF_MS: u64 = 90_000;
/// How long a graceful end may take: it flushes receipts and keys.
const CLOSE_MAX: Duration = Duration::from_secs(5);
const TASKS_MAX: Duration = Duration::from_secs(1);

/// What a connection tells its supervisor, in order.
pub(crate) enum Report {
    /// The client, where its keys and notes are, and how far its events have come.
    Made(Arc<Client>, Arc<dyn HttpClient>, Arc<Backend>, Arc<Barrier>, Arc<Desk>),
    Event(Arc<Event>),
    /// The last one. All that the client had is stored, and nothing more of it will be.
    Ended(Outcome),
}

pub(crate) enum Outcome {
    /// There was no answer from WhatsApp.
    Unreached(String),
    Closed(String),
    Panicked,
}

/// What a connection is made from.
#[derive(Clone)]
pub(crate) struct Made {
    pub shared: Arc<Shared>,
    pub store: Store,
    pub session: SessionId,
    pub recorder: Arc<Recorder>,
    /// The label under which the phone lists the device.
    pub os_name: String,
}

pub(crate) struct Connection {
    pub acks: Arc<Acks>,
    reports: mpsc::Receiver<Report>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Connection {
    pub fn open(made: Made) -> Self {
        let (sender, reports) = mpsc::channel(REPORTS_MAX);
        let acks = Arc::new(Acks::default());
        let stop = CancellationToken::new();
        let life = run(made, sender.clone(), acks.clone(), stop.clone());
        let task = tokio::spawn(async move {
            let outcome = life.await;
            // Nobody listens to a connection that is being closed.
            let _ = sender.send(Report::Ended(outcome)).await;
        });
        Self { acks, reports, stop, task }
    }

    /// After [`Report::Ended`] there is nothing more to wait for.
    pub async fn report(&mut self) -> Report {
        // Without an end, the task itself has panicked.
        self.reports.recv().await.unwrap_or(Report::Ended(Outcome::Panicked))
    }

    /// Returns when its tasks have ended and its keys are stored.
    pub async fn close(mut self) {
        self.stop.cancel();
        self.reports.close();
        if let Err(error) = (&mut self.task).await {
            tracing::error!(%error, "a connection did not end well");
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn run(made: Made, reports: mpsc::Sender<Report>, acks: Arc<Acks>, stop: CancellationToken) -> Outcome {
    let stopped = || Outcome::Closed("stopped".to_owned());
    let dialling = made.shared.dialling.clone();
    let permit = tokio::select! {
        () = stop.cancelled() => return stopped(),
        permit = dialling.acquire_owned() => permit.expect("the semaphore is never closed"),
    };
    let tasks = Tasks::default();
    let broken = CancellationToken::new();
    let barrier = Arc::new(Barrier::new(broken.clone()));
    let way = match made.shared.way(&made.store, made.session).await {
        Ok(way) => way,
        Err(reason) => return Outcome::Unreached(reason),
    };
    let transport = Arc::new(Dial::new(way.transport, barrier.clone()));
    let backend = Arc::new(Backend::new(made.store.clone(), made.session));
    let unknown = Arc::<Unknown>::default();
    let client = tokio::select! {
        () = stop.cancelled() => return stopped(),
        client = make(&made, tasks.clone(), transport.clone(), way.http.clone(), backend.clone(), unknown.clone()) => client,
    };
    let client = match client {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(session = made.recorder.name(), %error, "the session's client cannot be made");
            backend.gate().seal().await;
            return Outcome::Unreached("the session's keys could not be read".to_owned());
        }
    };

    let desk = {
        let calls = &made.shared.calls;
        let (book, regrets) = (calls.book(made.session), calls.regrets.clone());
        let (store, recorder) = (made.store.clone(), made.recorder.clone());
        Desk::new(
            client.clone(),
            store,
            made.session,
            recorder,
            tasks.clone(),
            book,
            regrets,
            made.shared.audio.clone(),
        )
    };
    let (sender, events) = mpsc::channel(EVENTS_MAX);
    let (history, chunks) = mpsc::channel(HISTORY_MAX);
    let settled = CancellationToken::new();
    let passed = Arc::<Passed>::default();
    let subscription = client.subscribe(
        interest(),
        Arc::new(Handler {
            reports: reports.clone(),
            events: sender,
            history,
            barrier: barrier.clone(),
            broken: broken.clone(),
            acks: acks.clone(),
            desk: desk.clone(),
            settled: settled.clone(),
            passed: passed.clone(),
            stop: stop.clone(),
            recorder: made.recorder.clone(),
        }),
    );
    // Some of what WhatsApp tells the engine takes in without a word.
    let stanzas = client.acquire_raw_node_forwarding();
    let _ = reports.send(Report::Made(client.clone(), way.http, backend.clone(), barrier.clone(), desk.clone())).await;

    let reached = AtomicBool::new(false);
    let over = CancellationToken::new();
    let life = async {
        let mut run = std::pin::pin!(AssertUnwindSafe(client.run()).catch_unwind());
        let mut running = true;
        let ended = tokio::select! {
            end = &mut run => {
                running = false;
                match end {
                    Err(_) => Outcome::Panicked,
                    Ok(()) if reached.load(Relaxed) || settled.is_cancelled() => {
                        Outcome::Closed("WhatsApp closed the connection".to_owned())
                    }
                    Ok(()) => Outcome::Unreached(transport.failure()),
                }
            }
            reason = look_after(&client, permit, &settled, &reached) => Outcome::Closed(reason.to_owned()),
            () = stop.cancelled() => stopped(),
            () = broken.cancelled() => Outcome::Closed("its events could not be stored".to_owned()),
            () = tasks.panicked() => Outcome::Panicked,
        };
        desk.close().await;
        let closing = async {
            client.disconnect().await;
            if running {
                let _ = run.await;
            }
        };
        let closing = AssertUnwindSafe(timeout(CLOSE_MAX, closing)).catch_unwind();
        if !matches!(closing.await, Ok(Ok(()))) {
            tracing::warn!(session = made.recorder.name(), "the connection could not be closed gracefully");
        }
        tasks.end(TASKS_MAX).await;
        drop(stanzas);
        // With it go the last senders of events, which ends the recording below.
        drop(subscription);
        acks.end();
        over.cancel();
        ended
    };
    let names = Known { client: client.clone(), unknown };
    let (patches, files) = Patches::new();
    backend.hold_versions(patches.told(barrier.clone(), over.clone()));
    let (outcome, (), (), (), ()) = tokio::join!(
        life,
        passed.read(&client, &backend, &over),
        record(events, patches, &names, &made.recorder, &backend, &desk, &barrier, &broken),
        files.read(&backend, &names, &made.recorder, &over),
        history::record(chunks, &names, &made, &stop),
    );
    // Whoever saves takes the engine's mark that there is something to save; one that was stopped then, or that comes
    // after the seal, would lose it. So the last word does not go by the mark.
    let device = client.persistence_manager().get_device_snapshot();
    if let Err(error) = backend.save(&device).await {
        tracing::error!(session = made.recorder.name(), %error, "the session's device could not be stored");
    }
    backend.gate().seal().await;
    outcome
}

async fn make(
    made: &Made,
    tasks: Tasks,
    transport: Arc<Dial>,
    http: Arc<dyn HttpClient>,
    backend: Arc<Backend>,
    unknown: Arc<Unknown>,
) -> anyhow::Result<Arc<Client>> {
    let version = made.shared.version().await;
    let persistence = Arc::new(PersistenceManager::new(backend.clone()).await?);
    let label = DevicePropsOverride::new().with_os(made.os_name.clone()).with_platform_type(PlatformType::DESKTOP);
    persistence.process_command(DeviceCommand::SetDeviceProps(label)).await;
    let mut builder = ClientBuilder::new()
        .with_runtime(tasks)
        .with_persistence_manager(persistence)
        .with_transport_factory_arc(transport)
        .with_http_client_arc(http)
        .with_inbound_durability_hook(StoredFirst { recorder: made.recorder.clone(), backend, unknown });
    if let Some(version) = version {
        builder = builder.with_version_override(version);
    }
    let client = builder.build().await?.into_client();
    client.enable_auto_reconnect.store(false, Relaxed);
    Ok(client)
}

/// Returns why the connection should be closed.
async fn look_after(
    client: &Arc<Client>,
    permit: OwnedSemaphorePermit,
    settled: &CancellationToken,
    reached: &AtomicBool,
) -> &'static str {
    if client.wait_for_socket(DIAL_MAX).await.is_err() {
        return "WhatsApp did not answer";
    }
    reached.store(true, Relaxed);
    let opened = now_ms();
    if timeout(SETTLE_MAX, settled.cancelled()).await.is_err() && !client.is_logged_in() {
        return "WhatsApp did not answer the login";
    }
    drop(permit);
    loop {
        tokio::time::sleep(CHECK).await;
        let heard = client.stats().last_data_received_ms.max(opened);
        if now_ms().saturating_sub(heard) > DEAF_MS {
            return "WhatsApp stopped answering";
        }
        // Small changes of the device (a counter, a name) are kept in memory until now; a flush without any is free.
        if client.persistence_manager().flush().await.is_err() {
            tracing::error!("a session's device could not be stored");
        }
    }
}

fn now_ms() -> u64 {
    u64::try_from(Utc::now().timestamp_millis()).unwrap_or(0)
}

/// Stores the events until there are no more senders. Once some could not be stored none behind them are: WhatsApp will
/// deliver them all again, in their order.
#[expect(clippy::too_many_arguments, reason = "each is a different one whom events concern")]
async fn record(
    mut events: mpsc::Receiver<Arc<Event>>,
    patches: Patches,
    names: &Known,
    recorder: &Recorder,
    backend: &Backend,
    desk: &Arc<Desk>,
    barrier: &Barrier,
    broken: &CancellationToken,
) {
    let mut batch = Vec::new();
    while events.recv_many(&mut batch, BATCH_MAX).await > 0 {
        let count = batch.len();
        let mut noted = true;
        for event in &batch {
            noted &= notes::of_event(backend, event).await.is_ok();
            privacy::heed(&names.client, event).await;
        }
        let around = Around { names, now: Utc::now() };
        let mut records = Vec::new();
        for event in batch.drain(..) {
            records.extend(adapter::event::other(&event, around));
            records.extend(desk.heed(&event, around));
            match patches.of_event(backend, &event, around).await {
                Ok(more) => records.extend(more),
                Err(_) => noted = false,
            }
        }
        if noted && !broken.is_cancelled() && recorder.insist(records).await {
            barrier.store(count);
        } else {
            broken.cancel();
        }
        // An idle session keeps no buffer.
        batch.shrink_to_fit();
    }
}

/// An inbound message is on disk before WhatsApp is told that it arrived.
struct StoredFirst {
    recorder: Arc<Recorder>,
    backend: Arc<Backend>,
    unknown: Arc<Unknown>,
}

#[async_trait]
impl InboundDurabilityHook for StoredFirst {
    async fn on_messages(&self, client: Arc<Client>, batch: &[InboundMessage]) -> anyhow::Result<()> {
        let names = Known { client: client.clone(), unknown: self.unknown.clone() };
        let around = Around { names: &names, now: Utc::now() };
        let orders = Orders::begin();
        let stored = async {
            let mut records = Vec::with_capacity(batch.len());
            for InboundMessage { message, info, .. } in batch {
                if let Some(record) = adapter::event::message(message, info, around) {
                    let record = record.with_order(orders.details(&client, message).await);
                    records.push(notes::of_inbound(&self.backend, message, info, around, record).await?);
                }
            }
            self.recorder.record(records).await?;
            Ok(())
        };
        stored.await.inspect_err(|error: &anyhow::Error| {
            tracing::error!(session = self.recorder.name(), %error, "a message could not be stored; WhatsApp will deliver it again");
        })
    }
}

fn interest() -> EventInterest {
    EventInterest::of(&[
        EventKind::PairingQrCode,
        EventKind::PairingQrCodesExhausted,
        EventKind::PairSuccess,
        EventKind::PairError,
        EventKind::Connected,
        EventKind::Disconnected,
        EventKind::LoggedOut,
        EventKind::StreamReplaced,
        EventKind::TemporaryBan,
        EventKind::ClientOutdated,
        EventKind::ConnectFailure,
        EventKind::ServerAck,
        EventKind::Messages,
        EventKind::Receipt,
        EventKind::UndecryptableMessage,
        EventKind::ChatPresence,
        EventKind::Presence,
        EventKind::IncomingCall,
        EventKind::MissedCall,
        EventKind::CallEndedElsewhere,
        EventKind::OfflineSyncPreview,
        EventKind::OfflineSyncCompleted,
        EventKind::StreamError,
        EventKind::RawNode,
        EventKind::HistorySync,
        EventKind::PairingCode,
        EventKind::PairingCodeRefresh,
        EventKind::PairingCodeError,
        EventKind::QrScannedWithoutMultidevice,
        EventKind::PairPasskeyRequest,
        EventKind::PairPasskeyConfirmation,
        EventKind::PairPasskeyError,
        EventKind::GroupUpdate,
        EventKind::PictureUpdate,
        EventKind::UserAboutUpdate,
        EventKind::IdentityChange,
        EventKind::DisappearingModeChanged,
        EventKind::ContactNumberChanged,
        EventKind::BusinessStatusUpdate,
        EventKind::SelfPushNameUpdated,
        EventKind::AppStateSyncFailed,
        EventKind::NewsletterLiveUpdate,
        EventKind::MexNotification,
    ])
}

/// Called inside the engine's receive path, so it only hands on.
struct Handler {
    reports: mpsc::Sender<Report>,
    events: mpsc::Sender<Arc<Event>>,
    history: mpsc::Sender<Chunk>,
    barrier: Arc<Barrier>,
    broken: CancellationToken,
    acks: Arc<Acks>,
    desk: Arc<Desk>,
    settled: CancellationToken,
    passed: Arc<Passed>,
    stop: CancellationToken,
    recorder: Arc<Recorder>,
}

impl EventHandler for Handler {
    fn handle_event(&self, event: Arc<Event>) {
        match &*event {
            Event::ServerAck(ack) => {
                self.acks.acknowledge(ack);
                self.desk.acknowledge(ack);
            }
            // Told in its own time: WhatsApp has been told that it arrived, and reading it may take seconds.
            Event::HistorySync(sync) => {
                if self.history.try_send(Chunk::of(sync)).is_err() {
                    tracing::error!(session = self.recorder.name(), "too much history at once: some is not told");
                }
            }
            Event::AppStateSyncFailed(failed) if !failed.skipped.is_empty() => {
                self.passed.add(&failed.skipped);
                if !(failed.fatal.is_empty() && failed.retryable.is_empty()) {
                    self.keep(event);
                }
            }
            Event::SelfPushNameUpdated(_) => {
                // If there are too many reports for one more, the next connection tells the name.
                let _ = self.reports.try_send(Report::Event(event));
            }
            // Every stanza comes by here.
            Event::RawNode(stanza) if !adapter::account::is_told(stanza.get()) => {}
            // Stored before it was acknowledged.
            Event::Messages(batch) if batch.hook_committed => {}
            Event::PairingQrCode(_)
            | Event::PairingQrCodesExhausted(_)
            | Event::PairSuccess(_)
            | Event::PairError(_)
            | Event::PairPasskeyRequest(_)
            | Event::PairPasskeyConfirmation(_)
            | Event::PairPasskeyError(_)
            | Event::Connected(_)
            | Event::Disconnected(_)
            | Event::LoggedOut(_)
            | Event::StreamReplaced(_)
            | Event::TemporaryBan(_)
            | Event::ClientOutdated(_)
            | Event::ConnectFailure(_) => {
                self.settled.cancel();
                if matches!(&*event, Event::Connected(_)) {
                    self.passed.begin();
                }
                if self.reports.try_send(Report::Event(event)).is_err() {
                    self.stop.cancel();
                }
            }
            _ => self.keep(event),
        }
    }
}

impl Handler {
    fn keep(&self, event: Arc<Event>) {
        self.barrier.report();
        if self.events.try_send(event).is_err() && !self.broken.is_cancelled() {
            tracing::error!(session = self.recorder.name(), "the store is too slow for a session's events");
            self.broken.cancel();
        }
    }
}

/// The session's transport, which remembers why it failed: the engine only logs that.
struct Dial {
    transport: Arc<dyn TransportFactory>,
    barrier: Arc<Barrier>,
    failure: Mutex<Option<String>>,
}

impl Dial {
    fn new(transport: Arc<dyn TransportFactory>, barrier: Arc<Barrier>) -> Self {
        Self { transport, barrier, failure: Mutex::default() }
    }

    fn failure(&self) -> String {
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.clone().unwrap_or_else(|| "the handshake failed".to_owned())
    }
}

#[async_trait]
impl TransportFactory for Dial {
    async fn create_transport(
        &self,
    ) -> anyhow::Result<(Arc<dyn Transport>, whatsapp_rust::async_channel::Receiver<TransportEvent>)> {
        let (transport, events) = self.transport.create_transport().await.inspect_err(|error| {
            let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
            *failure = Some(error.to_string());
        })?;
        Ok((Arc::new(Behind { transport, barrier: self.barrier.clone() }), events))
    }
}
