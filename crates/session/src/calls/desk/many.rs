//! Calls of many: a group's, or of people who are asked one by one. The engine seals and opens their sound; who is in them
//! is what WhatsApp said last.

use std::{sync::Arc, time::Duration};

use chrono::Utc;
use tokio::time::timeout;
use wacore::{
    types::{
        call::{CallAction, IncomingCall},
        group_call::{GroupCallParticipant, GroupCallUpdate},
    },
    voip::VideoFrame,
};
use wacore_binary::{Jid, JidExt as _, Node, Server};
use wago_contract::call::{Call, Direction};
use whatsapp_rust::{CallError, NodeFilter, Runtime as _, async_channel};

use super::{Desk, OFFER_MAX, REASON_MAX, refused, too_many};
use crate::{
    Error, Result, adapter,
    calls::{
        book::{Entry, Step},
        reason,
        sound::{FORMAT, Sound},
    },
};

/// A call of many that is to be made.
pub(crate) struct Many {
    /// The group that is called, if one is.
    pub group: Option<Jid>,
    /// Those who are to ring.
    pub whom: Vec<Jid>,
    /// The chat that its events belong to, if it is known: else the call has one of its own.
    pub chat: Option<String>,
    pub video: bool,
    pub lasts: Duration,
}

impl Desk {
    /// Rings at all of them.
    pub async fn make_many(self: &Arc<Self>, many: Many) -> Result<Call> {
        let desk = self.clone();
        self.to_its_end(async move { desk.making_many(many).await }).await
    }

    async fn making_many(self: Arc<Self>, many: Many) -> Result<Call> {
        let Many { group, whom, chat, video, lasts } = many;
        let (sound, audio) = Sound::new();
        let _one = self.making.lock().await;
        let offered = self.client.wait_for_sent_node(NodeFilter::tag("call"));
        let voip = self.client.voip();
        let mut calling = voip.group_call(&whom).encoded_audio(FORMAT, audio.said, audio.heard);
        if let Some(group) = &group {
            calling = calling.group(group.clone());
        }
        // Nothing is shown from here, and nothing that is shown there is looked at.
        let (dark, pictures) = async_channel::bounded::<Vec<u8>>(1);
        let (shown, unseen) = async_channel::bounded::<VideoFrame>(1);
        if video {
            calling = calling.video(pictures, shown);
        }
        let entry = |id: &str| Entry {
            peer: group.as_ref().map(Jid::to_string).unwrap_or_default(),
            group: group.as_ref().map(Jid::to_string).unwrap_or_default(),
            chat: chat.clone().unwrap_or_else(|| Jid::new(id, Server::Call).to_string()),
            video,
            many: true,
            ..Entry::ringing(id.to_owned(), Direction::Outgoing, Utc::now())
        };
        // Those who ring may decline before the sound found its way: the call is known as soon as it was offered.
        let mut start = std::pin::pin!(calling.start());
        let (made, offer) = tokio::select! {
            biased;
            Some((word, id)) = offer_of(offered) => {
                let known = self.note(entry(&id)).await;
                (start.as_mut().await, known.then_some((word, id)))
            }
            made = &mut start => (made, None),
        };
        let handle = match (made, offer) {
            (Ok(handle), Some(_)) => handle,
            // Something else was said of another call meanwhile.
            (Ok(handle), None) if self.note(entry(handle.call_id())).await => handle,
            (Ok(handle), None) => {
                self.terminate(&handle).await;
                return Err(too_many());
            }
            (Err(failed), Some((word, id))) => return self.came_to_nothing(failed, &word, &id).await,
            (Err(failed), None) => return Err(refused(failed)),
        };
        let id = handle.call_id().to_owned();
        // What changed before the call was known here.
        let known = handle.group_state();
        let stepped = known
            .as_ref()
            .and_then(|state| state.snapshot())
            .and_then(|people| self.people(people, |jid| self.is_own(jid)));
        let over = handle.clone();
        self.tasks.spawn_detached(Box::pin(async move {
            // The engine takes a closed end for an end.
            let _held = (dark, unseen);
            over.wait_ended().await;
        }));
        self.attend(handle, sound, None, lasts);
        if let Some(call) = stepped {
            self.recorder.insist(vec![adapter::call::state(&call, Utc::now())]).await;
        }
        self.told(&id)
    }

    /// A call that rings from now on. False: there are too many.
    async fn note(&self, entry: Entry) -> bool {
        let Ok(told) = self.book.add(entry) else { return false };
        self.recorder.insist(told.iter().map(|call| adapter::call::state(call, Utc::now())).collect()).await;
        true
    }

    /// Of a call that was offered, and has no sound: it was refused, or all declined meanwhile.
    async fn came_to_nothing(&self, failed: CallError, word: &str, id: &str) -> Result<Call> {
        if let CallError::Response(_) = failed
            && let Some(code) = timeout(REASON_MAX, self.words.of(word)).await.ok().flatten()
        {
            self.tell(id, Step::Ended(reason::REFUSED)).await;
            return Err(Error::Rejected { code, text: "the call is not let through".to_owned() });
        }
        // The engine may say so before it says why.
        let over = self.book.wait(id, |call| call.state.is_over());
        if timeout(REASON_MAX, over).await.is_ok() {
            return self.told(id);
        }
        self.tell(id, Step::Ended(reason::MEDIA_FAILED)).await;
        Err(refused(failed))
    }

    /// WhatsApp's word on a stanza that is being sent: the code, if it was refused.
    async fn word<E>(&self, sent: impl Future<Output = Result<Arc<Node>, E>>) -> Option<u16> {
        let sent = sent.await.ok()?;
        let id = sent.attrs().optional_string("id")?.into_owned();
        self.words.of(&id).await
    }

    fn is_own(&self, jid: &Jid) -> bool {
        let own = if jid.is_lid() { self.client.lid() } else { self.client.pn() };
        own.is_some_and(|own| own.is_same_user_as(jid))
    }

    /// Who is in a call of many; the call, if it came to something by that.
    pub(super) fn people(&self, update: &GroupCallUpdate, is_own: impl Fn(&Jid) -> bool) -> Option<Entry> {
        let others = adapter::call::participants(&update.participants, is_own);
        self.book.people(&update.call_id, update.transaction_id, others)
    }

    /// Says to a call of many that rings here that this device joins: only then WhatsApp tells by which relay. A call of two
    /// brings that with it.
    pub(super) async fn join(&self, incoming: &IncomingCall) -> Result<(), CallError> {
        if !comes_without_relay(incoming) {
            return Ok(());
        }
        if let CallAction::Offer { audio, .. } = &incoming.action {
            let rate = FORMAT.signaling_rate;
            let spoken = |codec: &wacore::types::call::CallAudioCodec| {
                codec.enc.eq_ignore_ascii_case("opus") && codec.rate == rate
            };
            if !audio.is_empty() && !audio.iter().any(spoken) {
                // The engine will say so.
                return Ok(());
            }
        }
        self.client.voip().accept_group_invite(incoming).await
    }

    /// Takes it back.
    pub(super) async fn unjoin(&self, incoming: &IncomingCall) {
        if !comes_without_relay(incoming) {
            return;
        }
        let (id, creator) = (incoming.action.call_id(), incoming.action.call_creator());
        let left = self.client.voip().terminate(id, &Jid::new(id, Server::Call), creator).await;
        if let Err(failed) = left {
            let failed = refused(failed);
            tracing::info!(session = self.recorder.name(), %failed, "a call could not be left");
        }
    }

    /// Asks somebody to join a call that goes on. A call of two becomes one of many.
    pub async fn invite(self: &Arc<Self>, id: String, whom: Jid) -> Result<()> {
        let desk = self.clone();
        self.to_its_end(async move { desk.inviting(&id, &whom).await }).await
    }

    async fn inviting(&self, id: &str, whom: &Jid) -> Result<()> {
        let (handle, _) = self.spoken(id)?;
        let call = self.book.find(id).ok_or(Error::UnknownCall)?;
        if call.answered.is_none() && !call.many {
            return Err(Error::CallState { reason: "the call was not answered yet: nobody else can join it" });
        }
        let _one = self.making.lock().await;
        let state = handle.group_state();
        let people = state.as_ref().and_then(|state| state.snapshot()).map(|people| people.participants.as_slice());
        let known = people
            .unwrap_or_default()
            .iter()
            .find(|one| one.jid.is_same_user_as(whom) || one.pn.as_ref().is_some_and(|pn| pn.is_same_user_as(whom)));
        if known.is_some_and(GroupCallParticipant::is_connected) {
            return Err(Error::CallState { reason: "they are in the call already" });
        }
        let offered = self.client.wait_for_sent_node(NodeFilter::tag("call"));
        let invited = match known {
            Some(_) => handle.ring_participant(whom).await,
            None => handle.invite_participant(whom).await,
        };
        invited.map_err(|failed| match failed {
            CallError::Media(_) => Error::CallState {
                reason: "nobody else can join this call: it is full, over, or the other end's client has no such calls",
            },
            failed => refused(failed),
        })?;
        match timeout(OFFER_MAX, self.word(offered)).await {
            Ok(Some(code)) => Err(Error::Rejected { code, text: "the invitation is not let through".to_owned() }),
            Ok(None) => Ok(()),
            Err(_) => Err(Error::TimedOut),
        }
    }
}

/// The ids of an offer that is being sent: its own, by which it is acknowledged, and the call's.
async fn offer_of<E>(sent: impl Future<Output = Result<Arc<Node>, E>>) -> Option<(String, String)> {
    let sent = sent.await.ok()?;
    let word = sent.attrs().optional_string("id")?.into_owned();
    let offer = sent.get_optional_child("offer")?;
    let id = offer.attrs().optional_string("call-id")?.into_owned();
    Some((word, id))
}

/// Of a call of many, WhatsApp tells by which relay it goes once one joins it.
fn comes_without_relay(incoming: &IncomingCall) -> bool {
    incoming.group.is_some() && incoming.media.is_none()
}
