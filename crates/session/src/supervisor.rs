//! One session's task: it owns the state machine and at most one connection, and does what the machine says.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::{Semaphore, mpsc, oneshot, watch},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use wacore::types::events::{ConnectFailureReason, Event};
use wago_contract::{event, session::Health};
use wago_store::{SessionId, Store};
use whatsapp_rust::{Client, http::HttpClient};

use crate::{
    Error, Qr, QrShown, Result,
    acks::Acks,
    adapter::{message::text, pairing},
    backend::Backend,
    barrier::Barrier,
    calls::Desk,
    connection::{Connection, Made, Outcome, Report},
    lifecycle::{Effect, Input, Lifecycle, Notice, Step},
    network::Shared,
    passkey::{Ceremony, Claim, Claimed},
    profile,
    record::{Record, Recorder},
};

/// Commands that wait for one session. Beyond them a caller waits too.
const COMMANDS_MAX: usize = 16;
/// How long WhatsApp may take to unlink a device.
const LOGOUT_MAX: Duration = Duration::from_secs(10);

pub(crate) enum Command {
    /// Somebody wants it: it need not wait for its next attempt.
    Asked,
    /// It is to be linked from the beginning. Answered once that is what it shows.
    Anew(oneshot::Sender<()>),
    /// Somebody is about to answer a passkey, or to confirm its code; nobody else may, from then on.
    Claim(Claim, oneshot::Sender<Result<Claimed>>),
    /// What was claimed came to nothing.
    PasskeyFailed {
        ceremony: u64,
        reason: String,
    },
    Stop,
    LogOut(oneshot::Sender<Result<()>>),
}

/// What everybody may see of a session.
#[derive(Clone)]
pub(crate) struct View {
    pub health: Health,
    pub linked: bool,
    /// Logged in, and able to send.
    pub open: bool,
    /// It will end, and can no longer be asked for anything.
    pub ending: bool,
    /// All that it did is stored; from now on the session's row tells its health.
    pub ended: bool,
    pub jid: Option<String>,
    pub lid: Option<String>,
    pub qr: Option<Shown>,
    /// Linking with a passkey, if that is what goes on.
    pub passkey: Option<Ceremony>,
    pub live: Option<Live>,
}

#[derive(Clone)]
pub(crate) struct Shown {
    pub code: String,
    pub until: Instant,
}

/// The open connection.
#[derive(Clone)]
pub(crate) struct Live {
    pub client: Arc<Client>,
    /// The session's way to the media hosts.
    pub http: Arc<dyn HttpClient>,
    pub acks: Arc<Acks>,
    pub recorder: Arc<Recorder>,
    pub backend: Arc<Backend>,
    pub barrier: Arc<Barrier>,
    pub desk: Arc<Desk>,
    /// Turns for the conversion of files, of which all sessions have so many together.
    pub conversions: Arc<Semaphore>,
}

/// A running session.
pub(crate) struct Session {
    pub commands: mpsc::Sender<Command>,
    pub view: watch::Receiver<View>,
    /// Its task is gone.
    pub gone: CancellationToken,
}

pub(crate) struct Supervisor {
    shared: Arc<Shared>,
    store: Store,
    id: SessionId,
    qr_shown: Option<QrShown>,
    shutdown: CancellationToken,
    commands: mpsc::Receiver<Command>,
    view: watch::Sender<View>,
}

impl Supervisor {
    pub fn new(
        shared: Arc<Shared>,
        store: Store,
        row: &wago_store::Session,
        qr_shown: Option<QrShown>,
        shutdown: CancellationToken,
    ) -> (Self, Session) {
        let (sender, commands) = mpsc::channel(COMMANDS_MAX);
        let linked = row.jid.is_some();
        let (life, _) = Lifecycle::start(linked, row.health.as_deref(), now_ms());
        let (view, receiver) = watch::channel(View {
            health: life.health(),
            linked,
            open: false,
            ending: false,
            ended: false,
            jid: row.jid.clone(),
            lid: row.lid.clone(),
            qr: None,
            passkey: None,
            live: None,
        });
        let session = Session { commands: sender, view: receiver, gone: CancellationToken::new() };
        let supervisor = Self { shared, store, id: row.id, qr_shown, shutdown, commands, view };
        (supervisor, session)
    }

    /// Runs the session to its end.
    pub async fn run(self) {
        // Read again: whoever asked for it may have seen it before it was logged out, or deleted.
        let row = match self.store.session(self.id).await {
            Ok(Some(row)) => row,
            Ok(None) => return,
            Err(error) => {
                tracing::error!(session = self.id.0, %error, "a session could not be started");
                return;
            }
        };
        let recorder = Recorder::new(self.store.clone(), self.id, row.name.clone(), row.jid.clone(), self.shared.files)
            .keeping_messages(self.shared.keep.messages);
        let (life, effects) = Lifecycle::start(row.jid.is_some(), row.health.as_deref(), now_ms());
        self.view.send_modify(|view| {
            view.jid = row.jid.clone();
            view.lid = row.lid.clone();
        });
        let running = Running {
            made: Made {
                shared: self.shared,
                store: self.store.clone(),
                session: self.id,
                recorder: Arc::new(recorder),
                os_name: row.os_name,
            },
            store: self.store,
            id: self.id,
            qr_shown: self.qr_shown,
            view: self.view,
            life,
            passkey: Ceremony::default(),
            connection: None,
            closing: None,
            renamed: None,
        };
        running.run(effects, self.commands, self.shutdown).await;
    }
}

struct Running {
    made: Made,
    store: Store,
    id: SessionId,
    qr_shown: Option<QrShown>,
    view: watch::Sender<View>,
    life: Lifecycle,
    /// The latest one: whether it still goes on `life` knows.
    passkey: Ceremony,
    connection: Option<Connection>,
    /// Why the connection is about to end, if the engine said so.
    closing: Option<String>,
    /// What another device called the account since this connection began.
    renamed: Option<String>,
}

impl Running {
    async fn run(mut self, effects: Vec<Effect>, mut commands: mpsc::Receiver<Command>, shutdown: CancellationToken) {
        self.perform(effects).await;
        while !self.life.has_ended() {
            self.publish();
            let input = tokio::select! {
                biased;
                () = shutdown.cancelled() => Some(Input::ShutDown),
                report = report(&mut self.connection) => self.report(report).await,
                command = commands.recv() => match command {
                    Some(Command::Asked) => Some(Input::Asked),
                    Some(Command::Anew(reply)) => {
                        self.step(Input::Anew).await;
                        let _ = reply.send(());
                        None
                    }
                    Some(Command::Claim(claim, reply)) => {
                        let _ = reply.send(self.claim(claim).await);
                        None
                    }
                    Some(Command::PasskeyFailed { ceremony, reason }) => self.passkey_failed(ceremony, reason),
                    Some(Command::LogOut(reply)) => self.log_out(reply).await,
                    // Without anybody who could command it, it has no reason to run.
                    Some(Command::Stop) | None => Some(Input::Stopped),
                },
                () = sleep_until(self.life.wake_at()) => Some(Input::Woken),
            };
            if let Some(input) = input {
                self.step(input).await;
            }
        }
        self.close().await;
        self.publish();
        self.view.send_modify(|view| view.ended = true);
        tracing::info!(session = self.name(), state = ?self.life.health().state, "session ended");
    }

    fn name(&self) -> &str {
        self.made.recorder.name()
    }

    async fn step(&mut self, input: Input) {
        let before = self.life.health().state;
        let effects = self.life.step(input, now_ms(), rand::random());
        let health = self.life.health();
        if health.state != before {
            tracing::info!(session = self.name(), state = ?health.state, reason = health.reason, "session changed");
        }
        // Before anybody is told: who hears of an event and asks for the status must not be shown the one before.
        self.publish();
        self.perform(effects).await;
    }

    async fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Dial => {
                    self.close().await;
                    self.connection = Some(Connection::open(self.made.clone()));
                }
                Effect::End => self.close().await,
                Effect::Wipe => {
                    // The engine must not write a key after they were wiped.
                    self.close().await;
                    self.stored("wipe the keys", self.store.wipe_keys(self.id).await);
                    self.made.recorder.set_jid(String::new());
                    self.view.send_modify(|view| {
                        view.jid = None;
                        view.lid = None;
                    });
                }
                Effect::Unwant => {
                    let done = self.store.set_wanted(self.id, false).await;
                    self.stored("keep that it is not wanted", done);
                }
                Effect::Keep => {
                    let kept = self.life.kept();
                    let done = self.store.set_health(self.id, kept.as_deref()).await;
                    self.stored("keep its health", done);
                }
                Effect::Forget => {
                    let done = self.store.set_health(self.id, None).await;
                    self.stored("clear its health", done);
                }
                Effect::Tell(notice) => self.tell(told(notice)).await,
            }
        }
    }

    /// A session goes on without what could not be stored; the next connection finds out.
    fn stored(&self, what: &str, done: wago_store::Result<()>) {
        if let Err(error) = done {
            tracing::error!(session = self.name(), %error, "could not {what}");
        }
    }

    async fn tell(&self, record: Record) {
        self.made.recorder.insist(vec![record]).await;
    }

    async fn close(&mut self) {
        self.view.send_modify(|view| {
            view.live = None;
            view.open = false;
            view.qr = None;
        });
        if let Some(connection) = self.connection.take() {
            connection.close().await;
        }
    }

    fn publish(&self) {
        let life = &self.life;
        let mut opened = false;
        self.view.send_modify(|view| {
            view.health = life.health();
            view.linked = life.is_linked();
            let open = life.is_open() && view.live.is_some();
            opened = open && !view.open;
            view.open = open;
            view.ending = life.has_ended();
            view.passkey = life.passkey().map(|step| self.passkey.at(step, life.reason()));
        });
        if opened {
            self.made.shared.opened.tell(self.id);
        }
    }

    async fn report(&mut self, report: Report) -> Option<Input> {
        match report {
            Report::Made(client, http, backend, barrier, desk) => {
                let acks = self.connection.as_ref()?.acks.clone();
                let recorder = self.made.recorder.clone();
                let conversions = self.made.shared.conversions.clone();
                let live = Live { client, http, acks, recorder, backend, barrier, desk, conversions };
                self.view.send_modify(|view| view.live = Some(live));
                self.renamed = None;
                None
            }
            Report::Event(event) => self.event(&event).await,
            Report::Ended(outcome) => {
                self.close().await;
                let closing = self.closing.take();
                Some(match outcome {
                    Outcome::Panicked => Input::Panicked,
                    Outcome::Unreached(reason) => Input::Unreached { reason },
                    Outcome::Closed(reason) => Input::Closed { reason: closing.unwrap_or(reason) },
                })
            }
        }
    }

    async fn event(&mut self, event: &Event) -> Option<Input> {
        match event {
            // A phone has scanned one already: these are nobody's.
            Event::PairingQrCode(_) if self.life.passkey().is_some() => None,
            Event::PairingQrCode(qr) => {
                self.forget_identity().await;
                self.show(&qr.code, qr.timeout).await;
                Some(Input::QrShown)
            }
            Event::PairingQrCodesExhausted(over) => {
                self.view.send_modify(|view| view.qr = None);
                self.tell(Record::new("QRTimeout", &event::Nothing {})).await;
                Some(Input::QrOver { pair_code_outstanding: !over.disconnected })
            }
            Event::PairPasskeyRequest(request) => {
                self.view.send_modify(|view| view.qr = None);
                self.passkey = self.passkey.next(pairing::options(&request.request_options_json));
                self.passkey_step(Step::Requested, event).await
            }
            Event::PairPasskeyConfirmation(shown) => {
                self.passkey.code = Some((shown.code.clone(), shown.skip_handoff_ux));
                self.passkey_step(Step::Confirm, event).await
            }
            Event::PairPasskeyError(failed) => {
                Some(Input::PasskeyFailed { reason: failed.error.clone(), continuation: failed.continuation })
            }
            Event::PairSuccess(pair) => {
                self.view.send_modify(|view| view.qr = None);
                let paired = event::Paired {
                    id: pair.id.to_string(),
                    lid: pair.lid.to_string(),
                    business_name: pair.business_name.clone(),
                    platform: pair.platform.clone(),
                    error: None,
                };
                // The keys first: a name without them could neither connect nor be linked again.
                let live = self.view.borrow().live.clone()?;
                if let Err(error) = live.client.persistence_manager().flush().await {
                    // The connection may have ended meanwhile: WhatsApp closes it after pairing.
                    tracing::info!(session = self.name(), %error, "the new device is stored when its connection ends");
                }
                self.identify(&paired.id, &paired.lid).await;
                self.tell(Record::new("PairSuccess", &paired)).await;
                Some(Input::Paired)
            }
            Event::PairError(pair) => {
                let failed = event::Paired {
                    id: pair.id.to_string(),
                    lid: pair.lid.to_string(),
                    business_name: pair.business_name.clone(),
                    platform: pair.platform.clone(),
                    error: Some(pair.error.clone()),
                };
                self.tell(Record::new("PairError", &failed)).await;
                None
            }
            Event::Connected(_) => {
                let live = self.view.borrow().live.clone()?;
                let (jid, lid) = (live.client.pn(), live.client.lid());
                self.identify(&text(jid.as_ref()), &text(lid.as_ref())).await;
                profile::stay_away(&live).await;
                // The engine has just said a name, which may have been the old one.
                if let Some(name) = self.renamed.take() {
                    profile::show_name(&live, &name).await;
                }
                Some(Input::LoggedIn)
            }
            Event::SelfPushNameUpdated(update) if update.from_server => {
                let live = self.view.borrow().live.clone()?;
                profile::show_name(&live, &update.new_name).await;
                self.renamed = Some(update.new_name.clone());
                None
            }
            Event::Disconnected(end) => {
                self.closing = Some(end.reason.to_string());
                None
            }
            Event::LoggedOut(out) => {
                Some(Input::LoggedOut { reason: logged_out(out.reason).to_owned(), on_connect: out.on_connect })
            }
            Event::StreamReplaced(_) => Some(Input::Replaced),
            Event::TemporaryBan(ban) => {
                Some(Input::Banned { for_ms: ban.expire.num_milliseconds(), reason: ban.code.to_string() })
            }
            Event::ClientOutdated(_) => Some(Input::Outdated),
            // WhatsApp's own trouble: the connection ends, and the usual pause follows.
            Event::ConnectFailure(failure) if failure.reason.should_reconnect() => {
                self.closing = Some(format!("WhatsApp has trouble ({})", failure.reason.code()));
                None
            }
            Event::ConnectFailure(failure) => Some(Input::Refused {
                reason: match &failure.message {
                    Some(message) => format!("{message} ({})", failure.reason.code()),
                    None => format!("code {}", failure.reason.code()),
                },
            }),
            _ => None,
        }
    }

    /// The state is there before it is told: who hears of it may answer at once.
    async fn passkey_step(&mut self, step: Step, event: &Event) -> Option<Input> {
        self.step(Input::Passkey(step)).await;
        self.tell(pairing::step(event)?).await;
        None
    }

    async fn claim(&mut self, claim: Claim) -> Result<Claimed> {
        let next = claim.after(self.life.passkey())?;
        let live = self.view.borrow().live.clone();
        let live = live.ok_or_else(|| Error::NotConnected { reason: self.life.health().reason })?;
        self.step(Input::Passkey(next)).await;
        Ok(Claimed { live, ceremony: self.passkey.number })
    }

    /// Unless it ended otherwise meanwhile.
    fn passkey_failed(&self, ceremony: u64, reason: String) -> Option<Input> {
        let step = self.life.passkey().filter(|step| ceremony == self.passkey.number && *step != Step::Failed)?;
        Some(Input::PasskeyFailed { reason, continuation: step != Step::Answered })
    }

    async fn show(&self, code: &str, expires_in: Duration) {
        let qr = Qr { code: code.to_owned(), expires_in };
        self.view.send_modify(|view| {
            view.qr = Some(Shown { code: qr.code.clone(), until: Instant::now() + expires_in });
        });
        if let Some(shown) = &self.qr_shown {
            shown(self.name(), &qr);
        }
        let told = event::Qr { code: qr.code, expires_in: expires_in.as_secs() };
        self.tell(Record::new("QR", &told)).await;
    }

    /// Keeps who the session is, if that is news.
    async fn identify(&self, jid: &str, lid: &str) {
        let of = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let (jid, lid) = (of(jid), of(lid));
        let Some(own) = jid.clone() else {
            return;
        };
        let known = {
            let view = self.view.borrow();
            view.jid == jid && view.lid == lid
        };
        if known {
            return;
        }
        let done = self.store.set_identity(self.id, jid.as_deref(), lid.as_deref()).await;
        self.stored("keep its identity", done);
        self.made.recorder.set_jid(own);
        self.view.send_modify(|view| {
            view.jid = jid;
            view.lid = lid;
        });
    }

    /// A device that has to be scanned is nobody's, whatever was stored.
    async fn forget_identity(&self) {
        if self.view.borrow().jid.is_none() {
            return;
        }
        let done = self.store.set_identity(self.id, None, None).await;
        self.stored("clear its identity", done);
        self.made.recorder.set_jid(String::new());
        self.view.send_modify(|view| (view.jid, view.lid) = (None, None));
    }

    /// Unlinks the device. It needs the connection: keys that were thrown away without telling WhatsApp would leave a
    /// dead device in the phone's list.
    async fn log_out(&mut self, reply: oneshot::Sender<Result<()>>) -> Option<Input> {
        let live = self.view.borrow().live.clone();
        let result = match live {
            Some(live) if self.life.is_open() => {
                timeout(LOGOUT_MAX, live.client.logout()).await.map_err(|_| Error::TimedOut)
            }
            _ if self.life.is_linked() => Err(Error::NotConnected { reason: self.life.health().reason }),
            _ => Err(Error::NotLoggedIn),
        };
        let done = result.is_ok();
        if !done {
            let _ = reply.send(result);
            return None;
        }
        self.step(Input::LoggedOut { reason: "logged out on request".to_owned(), on_connect: false }).await;
        let _ = reply.send(Ok(()));
        None
    }
}

async fn report(connection: &mut Option<Connection>) -> Report {
    match connection {
        Some(connection) => connection.report().await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(wake_at: Option<i64>) {
    match wake_at {
        Some(at) => {
            let left = u64::try_from(at - now_ms()).unwrap_or(0);
            tokio::time::sleep(Duration::from_millis(left)).await;
        }
        None => std::future::pending().await,
    }
}

pub(crate) fn now_ms() -> i64 {
    chrono::Utc::now().timestamp_millis()
}

fn logged_out(reason: ConnectFailureReason) -> &'static str {
    match reason {
        ConnectFailureReason::AccountLocked => "WhatsApp locked the account",
        ConnectFailureReason::UnknownLogout => "WhatsApp logged the device out",
        _ => "the device was removed in the phone's list of linked devices",
    }
}

fn told(notice: Notice) -> Record {
    match notice {
        Notice::Connected => Record::new("Connected", &event::Nothing {}),
        Notice::Disconnected { reason } => Record::new("Disconnected", &event::Reason { reason }),
        Notice::LoggedOut { reason, on_connect } => Record::new("LoggedOut", &event::LoggedOut { on_connect, reason }),
        Notice::StreamReplaced => Record::new("StreamReplaced", &event::Nothing {}),
        Notice::TemporaryBan { until, reason } => Record::new("TemporaryBan", &event::TemporaryBan { reason, until }),
        Notice::ClientOutdated => Record::new("ClientOutdated", &event::Nothing {}),
        Notice::PasskeyFailed { reason, continuation } => {
            Record::new("PairPasskeyError", &event::PasskeyError { error: reason, continuation })
        }
        Notice::ConnectFailure { reason } => Record::new("ConnectFailure", &event::Reason { reason }),
    }
}
