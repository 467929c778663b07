//! The calls of one connection: what WhatsApp signals of them, and what is done to them here.

mod many;

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::Utc;
use tokio::{
    sync::{oneshot, watch},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use wacore::{
    stanza::call::{REJECT_REASON_BUSY, TERMINATE_REASON_TIMEOUT, build_mute_v2},
    types::{
        call::{CallAction, ElsewhereOutcome, IncomingCall, MissedReason},
        events::{Event, ServerAck},
    },
    voip::CallEvent,
};
use wacore_binary::Jid;
use wago_calls::{AudioFolder, Line};
use wago_contract::call::{Call, CallSettings, CallState, Direction};
use wago_store::{SessionId, Store};
use whatsapp_rust::{CallError, Client, NodeFilter, Runtime as _, voip::CallHandle};

use super::{
    book::{Book, Entry, Step},
    film::{Camera, Film},
    reason,
    regrets::{Regret, Regrets},
    sound::{FORMAT, Sound},
};
use crate::{
    Error, Result,
    adapter::{self, error, names::Around},
    record::{Record, Recorder},
    tasks::Tasks,
};

pub(crate) use many::Many;

/// How long a call may ring here: WhatsApp's own clients give up after less.
const RING_MAX: Duration = Duration::from_secs(75);
/// For WhatsApp's word on a call that was made.
const OFFER_MAX: Duration = Duration::from_secs(10);
/// The engine stops the sound before it tells why; for so long the reason is waited for.
const REASON_MAX: Duration = Duration::from_secs(2);
/// For the others to be told that calls are over because the session goes.
const FAREWELL_MAX: Duration = Duration::from_secs(2);
/// Words of WhatsApp on calls, of which the latest are remembered until they are asked for.
const WORDS_MAX: usize = 16;

pub(crate) struct Desk {
    client: Arc<Client>,
    store: Store,
    session: SessionId,
    recorder: Arc<Recorder>,
    tasks: Tasks,
    book: Arc<Book>,
    regrets: Regrets,
    audio: AudioFolder,
    held: Mutex<HashMap<String, Held>>,
    words: Words,
    /// One call is made at a time, so that WhatsApp's word on it can be told from others.
    making: tokio::sync::Mutex<()>,
}

/// Whom to call, and how.
pub(crate) struct Ring {
    pub peer: Jid,
    /// The other identity, if it is known.
    pub alt: String,
    /// The chat that the call's events belong to.
    pub chat: String,
    pub video: bool,
    pub lasts: Duration,
}

/// What is needed to do something to a call.
#[derive(Clone)]
struct Held {
    /// Of a call that rings here.
    offer: Option<Arc<Event>>,
    /// Once there is sound.
    spoken: Option<(CallHandle, Line)>,
}

/// WhatsApp's acknowledgements of what was signalled.
#[derive(Default)]
struct Words {
    latest: Mutex<VecDeque<(String, Option<u16>)>>,
    more: watch::Sender<()>,
}

impl Words {
    fn add(&self, ack: &ServerAck) {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.len() == WORDS_MAX {
            latest.pop_front();
        }
        // A refusal is a refusal, even with a code that is no number.
        latest.push_back((ack.id.clone(), ack.error.as_deref().map(|code| code.parse().unwrap_or(0))));
        drop(latest);
        self.more.send_replace(());
    }

    fn find(&self, id: &str) -> Option<Option<u16>> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.iter().find(|(acked, _)| acked == id).map(|(_, code)| *code)
    }

    /// The code if it was refused.
    async fn of(&self, id: &str) -> Option<u16> {
        let mut more = self.more.subscribe();
        loop {
            more.mark_unchanged();
            if let Some(code) = self.find(id) {
                return code;
            }
            // The sender is its own.
            let _ = more.changed().await;
        }
    }
}

impl Desk {
    #[expect(clippy::too_many_arguments, reason = "each is a different thing that it needs")]
    pub fn new(
        client: Arc<Client>,
        store: Store,
        session: SessionId,
        recorder: Arc<Recorder>,
        tasks: Tasks,
        book: Arc<Book>,
        regrets: Regrets,
        audio: AudioFolder,
    ) -> Arc<Self> {
        Arc::new(Self {
            client,
            store,
            session,
            recorder,
            tasks,
            book,
            regrets,
            audio,
            held: Mutex::default(),
            words: Words::default(),
            making: tokio::sync::Mutex::default(),
        })
    }

    fn held(&self) -> MutexGuard<'_, HashMap<String, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// WhatsApp's word on what was signalled.
    pub fn acknowledge(&self, ack: &ServerAck) {
        if ack.class.as_deref() == Some("call") {
            self.words.add(ack);
        }
    }

    /// What WhatsApp signals, and how far calls have come by it. It waits for nothing: WhatsApp is told nothing before the
    /// event is stored.
    pub fn heed(self: &Arc<Self>, event: &Arc<Event>, around: Around) -> Vec<Record> {
        let stepped = match &**event {
            Event::IncomingCall(call) => match &call.action {
                CallAction::Offer { .. } => return self.rings(event, call, around),
                CallAction::GroupUpdate { update } => self.people(update, |jid| around.names.is_own(jid)),
                action => self.signalled(call, action),
            },
            Event::MissedCall(missed) if !matches!(missed.reason, MissedReason::Offline) => {
                self.book.step(&missed.call_id, Step::Ended(reason::MISSED))
            }
            Event::CallEndedElsewhere(ended) => {
                let reason = match ended.outcome {
                    ElsewhereOutcome::Rejected => reason::REJECTED_ELSEWHERE,
                    _ => reason::ACCEPTED_ELSEWHERE,
                };
                self.book.step(&ended.call_id, Step::Ended(reason))
            }
            _ => None,
        };
        stepped.iter().map(|call| adapter::call::state(call, around.now)).collect()
    }

    fn signalled(&self, call: &IncomingCall, action: &CallAction) -> Option<Entry> {
        let id = action.call_id();
        let ours = self.book.find(id).is_none_or(|known| known.direction == Direction::Outgoing);
        match action {
            CallAction::Accept { .. } if ours => self.book.step(id, Step::Accepted),
            // One of many who declines ends nothing.
            CallAction::Reject { .. } if self.book.find(id).is_some_and(|call| call.many) => None,
            CallAction::Reject { reason, .. } if ours => match reason.as_deref() {
                // A linked device that cannot take calls says so, and the phone goes on ringing.
                Some(REJECT_REASON_BUSY) if call.from.device != 0 => None,
                Some(REJECT_REASON_BUSY) => self.book.step(id, Step::Rejected(reason::BUSY)),
                _ => self.book.step(id, Step::Rejected(reason::REJECTED)),
            },
            CallAction::Terminate { reason, .. } => {
                // Nobody but this account could end a call of many that it made: all others are gone.
                let nobody = ours
                    && reason.as_deref() != Some(TERMINATE_REASON_TIMEOUT)
                    && self.book.find(id).is_some_and(|call| call.many && call.state == CallState::Ringing);
                if nobody {
                    return self.book.step(id, Step::Rejected(reason::REJECTED));
                }
                let unanswered = match reason.as_deref() {
                    Some(TERMINATE_REASON_TIMEOUT) if ours => reason::TIMEOUT,
                    _ if ours => reason::REMOTE_HANGUP,
                    _ => reason::MISSED,
                };
                self.book.step(id, Step::Left(unanswered, reason::REMOTE_HANGUP))
            }
            _ => None,
        }
    }

    fn rings(self: &Arc<Self>, event: &Arc<Event>, call: &IncomingCall, around: Around) -> Vec<Record> {
        let CallAction::Offer { call_id, call_creator, caller_pn, is_video, group_jid, .. } = &call.action else {
            return Vec::new();
        };
        let other = caller_pn.as_ref().filter(|_| call_creator.is_lid());
        let from = call.from.to_non_ad();
        let mut entry = Entry {
            peer: from.to_string(),
            peer_alt: around.alt(&from, other),
            chat: around.chat(group_jid.as_ref().unwrap_or(&from), other.filter(|_| group_jid.is_none())),
            video: *is_video,
            ..Entry::ringing(call_id.clone(), Direction::Incoming, around.now)
        };
        if let Some(people) = &call.group {
            let others = adapter::call::participants(&people.participants, |jid| around.names.is_own(jid));
            (entry.many, entry.change, entry.participants) = (true, people.transaction_id, others);
            entry.group = group_jid.as_ref().map(Jid::to_string).unwrap_or_default();
        }
        let Ok(told) = self.book.add(entry) else {
            tracing::warn!(session = self.recorder.name(), "too many calls at once: one more is not told of");
            return Vec::new();
        };
        if !told.is_empty() {
            self.held().insert(call_id.clone(), Held { offer: Some(event.clone()), spoken: None });
            let (desk, id) = (self.clone(), call_id.clone());
            self.tasks.spawn_detached(Box::pin(async move { desk.ring(id).await }));
        }
        told.iter().map(|call| adapter::call::state(call, around.now)).collect()
    }

    /// From the first ring of an incoming call until somebody does something about it.
    async fn ring(self: &Arc<Self>, id: String) {
        let settings = match super::settings(&self.store, self.session).await {
            Ok(settings) => settings,
            Err(failed) => {
                tracing::error!(session = self.recorder.name(), %failed, "the settings for calls could not be read");
                CallSettings::default()
            }
        };
        if settings.auto_reject {
            self.decline(&id, &settings).await;
        } else if settings.auto_answer {
            // Whoever was quicker has it.
            if self.answering(&id).await.is_ok() {
                self.announce(&id, &settings).await;
            }
        }
        let rings = |call: &Entry| call.state != CallState::Ringing;
        let waited = timeout(RING_MAX, self.book.wait(&id, rings)).await;
        if waited.is_err() {
            self.tell(&id, Step::Ended(reason::MISSED)).await;
        }
        if self.book.find(&id).is_none_or(|call| call.state.is_over()) {
            self.held().remove(&id);
        }
    }

    /// What a caller hears whose call was taken.
    async fn announce(self: &Arc<Self>, id: &str, settings: &CallSettings) {
        if settings.announce.is_empty() {
            return;
        }
        // So that nothing of it is lost.
        let heard = |call: &Entry| call.state == CallState::Active || call.state.is_over();
        self.book.wait(id, heard).await;
        let Ok(line) = self.line(id) else { return };
        let played = match self.audio.find(self.session.0, &settings.announce) {
            Ok(path) => line.play(path, settings.announce.clone(), false).await.map_err(|failed| failed.to_string()),
            Err(failed) => Err(failed.to_string()),
        };
        match played {
            Ok(played) => played.over().await,
            Err(failed) => {
                tracing::warn!(session = self.recorder.name(), failed, "a caller hears no announcement");
            }
        }
        if settings.hang_up {
            // The caller may have been quicker.
            let _ = self.hanging_up(id).await;
        }
    }

    async fn decline(self: &Arc<Self>, id: &str, settings: &CallSettings) {
        let Some(call) = self.book.find(id) else { return };
        if self.rejecting(id, reason::AUTO_REJECTED).await.is_ok() && !settings.reject_text.is_empty() {
            let to = if call.peer_alt.is_empty() { call.peer } else { call.peer_alt };
            self.regrets.send(Regret { session: self.session, to, text: settings.reject_text.clone() });
        }
    }

    /// Rings there.
    pub async fn make(self: &Arc<Self>, ring: Ring) -> Result<Call> {
        let desk = self.clone();
        self.to_its_end(async move { desk.making(ring).await }).await
    }

    pub async fn answer(self: &Arc<Self>, id: String) -> Result<Call> {
        let desk = self.clone();
        self.to_its_end(async move { desk.answering(&id).await }).await
    }

    pub async fn reject(self: &Arc<Self>, id: String) -> Result<()> {
        let desk = self.clone();
        self.to_its_end(async move { desk.rejecting(&id, reason::REJECTED).await }).await
    }

    pub async fn hang_up(self: &Arc<Self>, id: String) -> Result<()> {
        let desk = self.clone();
        self.to_its_end(async move { desk.hanging_up(&id).await }).await
    }

    /// Whoever asked for it may go away in the middle.
    async fn to_its_end<T: Send + 'static>(&self, work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        self.tasks.spawn_detached(Box::pin(async move {
            let _ = reply.send(work.await);
        }));
        answer.await.unwrap_or_else(|_| Err(lost()))
    }

    async fn making(self: Arc<Self>, ring: Ring) -> Result<Call> {
        let Ring { peer, alt: peer_alt, chat, video, lasts } = ring;
        let (sound, audio) = Sound::new();
        let film = video.then(Film::new);
        let _one = self.making.lock().await;
        let offered = self.client.wait_for_sent_node(NodeFilter::tag("call"));
        let voip = self.client.voip();
        let mut calling = voip.call(&peer).encoded_audio(FORMAT, audio.said, audio.heard);
        if let Some(Film { camera, .. }) = &film {
            calling = calling.video(camera.shown.clone(), camera.seen.clone());
        }
        let handle = calling.start().await.map_err(refused)?;
        let id = handle.call_id().to_owned();
        let entry = Entry {
            peer: peer.to_non_ad_string(),
            peer_alt,
            chat,
            video,
            ..Entry::ringing(id.clone(), Direction::Outgoing, Utc::now())
        };
        let Ok(told) = self.book.add(entry) else {
            self.terminate(&handle).await;
            return Err(too_many());
        };
        self.recorder.insist(told.iter().map(|call| adapter::call::state(call, Utc::now())).collect()).await;
        self.attend(handle.clone(), sound, film, lasts);
        // The relay comes with WhatsApp's word, and without it the engine gives the call up.
        let word = async {
            let offer = offered.await.ok()?;
            let id = offer.attrs().optional_string("id")?.into_owned();
            self.words.of(&id).await
        };
        let refused = tokio::select! {
            biased;
            word = timeout(OFFER_MAX, word) => word.ok().flatten(),
            () = handle.wait_ended() => None,
        };
        if let Some(code) = refused {
            self.tell(&id, Step::Ended(reason::REFUSED)).await;
            return Err(Error::Rejected { code, text: "the call is not let through".to_owned() });
        }
        self.told(&id)
    }

    async fn answering(self: &Arc<Self>, id: &str) -> Result<Call> {
        let offer = {
            let mut held = self.held();
            let held = held.get_mut(id).ok_or(Error::UnknownCall)?;
            held.offer
                .take()
                .ok_or(Error::CallState { reason: "the call does not ring here, or was answered already" })?
        };
        let Event::IncomingCall(incoming) = &*offer else { return Err(Error::UnknownCall) };
        let (sound, audio) = Sound::new();
        if let Err(failed) = self.join(incoming).await {
            self.tell(id, Step::Ended(reason::MEDIA_FAILED)).await;
            return Err(refused(failed));
        }
        // Of many who show something none would be seen whole.
        let shown = incoming.group.is_none() && matches!(incoming.action, CallAction::Offer { is_video: true, .. });
        let film = shown.then(Film::new);
        let voip = self.client.voip();
        let mut answering = voip.accept(incoming).encoded_audio(FORMAT, audio.said, audio.heard);
        if let Some(Film { camera, .. }) = &film {
            answering = answering.video(camera.shown.clone(), camera.seen.clone());
        }
        let handle = match answering.start().await {
            Ok(handle) => handle,
            Err(failed) => {
                let why = match failed {
                    CallError::AudioFormatNotOffered(_) => {
                        // The engine has said nothing yet.
                        let _ = self.client.voip().reject(incoming).await;
                        reason::AUDIO_FORMAT
                    }
                    CallError::CallEndedDuringSetup => reason::MISSED,
                    _ => reason::MEDIA_FAILED,
                };
                self.unjoin(incoming).await;
                self.tell(id, Step::Ended(why)).await;
                return Err(refused(failed));
            }
        };
        self.tell(id, Step::Accepted).await;
        // It rings no more.
        self.attend(handle, sound, film, RING_MAX);
        self.told(id)
    }

    async fn rejecting(&self, id: &str, why: &'static str) -> Result<()> {
        let offer = {
            let mut held = self.held();
            let held = held.get_mut(id).ok_or(Error::UnknownCall)?;
            held.offer.take().ok_or(Error::CallState { reason: "the call does not ring here: hang up instead" })?
        };
        let Event::IncomingCall(incoming) = &*offer else { return Err(Error::UnknownCall) };
        let rejected = self.client.voip().reject(incoming).await;
        self.tell(id, Step::Rejected(why)).await;
        rejected.map_err(refused)
    }

    async fn hanging_up(self: &Arc<Self>, id: &str) -> Result<()> {
        let held = self.held().get(id).cloned().ok_or(Error::UnknownCall)?;
        match (held.offer, held.spoken) {
            (Some(_), _) => self.rejecting(id, reason::REJECTED).await,
            (None, Some((handle, _))) => {
                self.tell(id, Step::Ended(reason::HANGUP)).await;
                self.terminate(&handle).await;
                Ok(())
            }
            (None, None) => Err(Error::CallState { reason: "the call is being answered" }),
        }
    }

    /// Those at the other end hear nothing, and are told so.
    pub async fn mute(&self, id: &str, muted: bool) -> Result<()> {
        let (handle, line) = self.spoken(id)?;
        line.mute(muted);
        self.book.mute(id, muted);
        let state = if muted { "1" } else { "0" };
        let told = build_mute_v2(id, &handle.peer_jid(), handle.call_creator(), state);
        // The silence itself needs no word.
        let _ = self.client.send_node(told).await;
        Ok(())
    }

    /// The line of a call that was made, or answered.
    pub fn line(&self, id: &str) -> Result<Line> {
        self.spoken(id).map(|(_, line)| line)
    }

    fn spoken(&self, id: &str) -> Result<(CallHandle, Line)> {
        let held = self.held().get(id).cloned().ok_or(Error::UnknownCall)?;
        held.spoken.ok_or(Error::CallState { reason: "the call was not answered yet" })
    }

    /// All calls are over: the connection is about to end, or has.
    pub async fn close(&self) {
        let held: Vec<(String, Held)> = self.held().drain().collect();
        let farewell = async {
            // What rings here rings on for the account's other devices.
            for (handle, _) in held.iter().filter_map(|(_, held)| held.spoken.as_ref()) {
                self.terminate(handle).await;
            }
        };
        // Whom it does not reach any more hears nobody.
        let _ = timeout(FAREWELL_MAX, farewell).await;
        for (id, held) in held {
            if let Some((_, line)) = held.spoken {
                line.close();
            }
            self.tell(&id, Step::Ended(reason::DISCONNECTED)).await;
        }
    }

    /// Ended to the other end, and here.
    async fn terminate(&self, handle: &CallHandle) {
        let to = handle.peer_jid();
        if let Err(failed) = self.client.voip().terminate(handle.call_id(), &to, handle.call_creator()).await {
            let failed = refused(failed);
            tracing::info!(session = self.recorder.name(), %failed, "the end of a call could not be said");
        }
    }

    /// Looks after the sound and the picture of a call until it is over. It may ring there for so long.
    fn attend(self: &Arc<Self>, handle: CallHandle, sound: Sound, film: Option<Film>, rings: Duration) {
        let line = Line::open(sound.trunk);
        let camera = film.map(|Film { pictures, camera, carry }| {
            line.picture(pictures);
            self.tasks.spawn_detached(carry);
            camera
        });
        let id = handle.call_id().to_owned();
        let held = Held { offer: None, spoken: Some((handle.clone(), line.clone())) };
        self.held().insert(id.clone(), held);
        self.tasks.spawn_detached(Box::pin(sound.carry));
        let desk = self.clone();
        self.tasks.spawn_detached(Box::pin(async move {
            if let Some(why) = desk.look_after(&id, &handle, camera.as_ref(), rings, &sound.foreign).await {
                desk.tell(&id, Step::Ended(why)).await;
                desk.terminate(&handle).await;
            } else if desk.book.find(&id).is_some_and(|call| call.reason == reason::BUSY) || is_many(&handle) {
                // Its other devices ring on until they are told, and a call of many goes on here until it is left.
                desk.terminate(&handle).await;
            }
            line.close();
            desk.held().remove(&id);
        }));
    }

    /// Returns when the call is over, or why it has to be.
    async fn look_after(
        &self,
        id: &str,
        handle: &CallHandle,
        camera: Option<&Camera>,
        rings: Duration,
        foreign: &CancellationToken,
    ) -> Option<&'static str> {
        let events = handle.events();
        let heed = |event: &CallEvent| {
            camera.inspect(|camera| camera.heed(event, handle, &self.tasks));
        };
        let mut over = std::pin::pin!(self.book.wait(id, |call| call.state.is_over()));
        let mut answer = std::pin::pin!(self.book.wait(id, |call| call.state != CallState::Ringing));
        let mut rung_out = std::pin::pin!(sleep(rings));
        let (mut answered, mut allocated) = (false, false);
        loop {
            tokio::select! {
                biased;
                _ = &mut over => return None,
                _ = &mut answer, if !answered => answered = true,
                event = events.recv() => match event.inspect(heed) {
                    Ok(CallEvent::RelayAllocated) => allocated = true,
                    // Who speaks nothing else is not let in by the engine, and the others go on.
                    Ok(CallEvent::AudioFormatMismatch { .. }) if is_many(handle) => continue,
                    Ok(CallEvent::AudioFormatMismatch { .. }) => return Some(reason::AUDIO_FORMAT),
                    Ok(
                        CallEvent::RelayAllocateFailed(_)
                        | CallEvent::RelayAllocateTimedOut
                        | CallEvent::RelayReconnectTimedOut,
                    ) => return Some(reason::MEDIA_FAILED),
                    Ok(_) => continue,
                    Err(_) => {
                        handle.wait_ended().await;
                        return timeout(REASON_MAX, over).await.err().map(|_| reason::MEDIA_FAILED);
                    }
                },
                () = handle.wait_ended() => {
                    return timeout(REASON_MAX, over).await.err().map(|_| reason::MEDIA_FAILED);
                }
                () = foreign.cancelled() => return Some(reason::AUDIO_FORMAT),
                () = &mut rung_out, if !answered => return Some(reason::TIMEOUT),
            }
            if answered && allocated {
                self.tell(id, Step::Active).await;
            }
        }
    }

    async fn tell(&self, id: &str, step: Step) {
        if let Some(call) = self.book.step(id, step) {
            self.recorder.insist(vec![adapter::call::state(&call, Utc::now())]).await;
        }
    }

    fn told(&self, id: &str) -> Result<Call> {
        self.book.find(id).map(|call| call.told(Utc::now())).ok_or(Error::UnknownCall)
    }
}

/// It goes on, and is one of many.
fn is_many(handle: &CallHandle) -> bool {
    handle.group_state().is_some()
}

fn refused(failed: CallError) -> Error {
    match failed {
        CallError::NoDevices => Error::Rejected { code: 404, text: "there is no device to ring at".to_owned() },
        CallError::AudioFormatNotOffered(_) => {
            Error::CallState { reason: "the other end speaks no codec of this build: it takes native Opus of 16 kHz" }
        }
        CallError::CallEndedDuringSetup => Error::CallState { reason: "the call is over" },
        CallError::ResponseTimeout => Error::TimedOut,
        CallError::Connect(_) => Error::CallMedia { reason: "the relay of the call could not be reached over UDP" },
        CallError::Setup(_) | CallError::Media(_) | CallError::Decrypt(_) => {
            Error::CallMedia { reason: "the call could not be set up" }
        }
        failed => error::any(&failed),
    }
}

fn too_many() -> Error {
    Error::CallState { reason: "the session has too many calls at once" }
}

fn lost() -> Error {
    Error::NotConnected { reason: "the connection was lost".to_owned() }
}
