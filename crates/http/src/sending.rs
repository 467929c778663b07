//! The wrapper of every route that sends: once for each `Idempotency-Key`, and to the end even if the caller hangs up.
//!
//! A send that has a time, or whose session paces its sends, is put into the queue here instead, and comes back as a
//! request of the queue's.

use std::panic::AssertUnwindSafe;

use axum::{
    Json,
    extract::{FromRequest, FromRequestParts, Request},
    response::{IntoResponse, Response},
};
use futures_util::{FutureExt, future::BoxFuture};
use http::{HeaderName, StatusCode, header::CONTENT_TYPE, request::Parts};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::sync::OwnedSemaphorePermit;
use tracing::Instrument;
use wago_contract::{
    envelope::Success,
    queue::{Queued, Schedule},
    send::Message,
};
use wago_session::{Error, Sessions};
use wago_store::{Enqueued, NewSend, SessionId, StoredReply};

use crate::{
    answer::RequestId,
    app::App,
    body,
    credentials::Session,
    error::ApiError,
    intake::{self, Blob, Intake, Text},
    queue::{FromQueue, files},
    reply::Result,
};

#[cfg(test)]
mod tests;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Marks a reply that was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Characters in an `Idempotency-Key`.
const KEY_MAX: usize = 255;
/// How far ahead `SendAt` may be.
const AHEAD_MAX_MS: i64 = 366 * 24 * 3600 * 1000;

/// A request to send, its sender known and its body read.
pub(crate) struct Sending<T> {
    app: App,
    session: wago_store::Session,
    body: T,
    /// The files that came with the body.
    blobs: Vec<Blob>,
    /// It waits in the queue, and is not sent now.
    queued: Option<NewSend>,
    once: Option<Once>,
    request_id: String,
    /// Held while there are files.
    file_slot: Option<OwnedSemaphorePermit>,
}

/// The caller's promise that equal keys mean the same request.
struct Once {
    key: String,
    /// SHA-256 over method, path and body.
    hash: [u8; 32],
}

impl<T: Message> FromRequest<App> for Sending<T> {
    type Rejection = ApiError;

    async fn from_request(mut request: Request, app: &App) -> Result<Self> {
        match request.extensions_mut().remove::<FromQueue>() {
            Some(queued) => Self::again(app, queued),
            None => Self::asked(app, request).await,
        }
    }
}

impl<T: Message> Sending<T> {
    async fn asked(app: &App, request: Request) -> Result<Self> {
        let (mut parts, stream) = request.into_parts();
        let Session(session) = Session::from_request_parts(&mut parts, app).await?;
        let key = idempotency_key(&parts)?;
        let mut hash = Sha256::new_with_prefix(format!("{} {}\n", parts.method, parts.uri.path()));
        let request_id = parts.extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
        let route = parts.uri.path().to_owned();
        let request = Request::from_parts(parts, stream);
        let (Intake { text, blobs }, file_slot) = if T::FILES.count == 0 {
            let bytes = body::bytes(request, app).await?;
            hash.update(&bytes);
            (Intake { text: Text::json(bytes.into())?, blobs: Vec::new() }, None)
        } else {
            let slot = app.file_slot().ok_or_else(ApiError::overloaded)?;
            (intake::read(request, app, T::FILES, &mut hash).await?, Some(slot))
        };
        let hash: [u8; 32] = hash.finalize().into();
        let once = key.map(|key| Once { key, hash });
        let mut fields = text.fields()?;
        let schedule = Schedule::take(&mut fields)?;
        let mut body = T::read(fields)?;
        let id = body.id();
        if let Some(once) = &once {
            id.get_or_insert_with(|| once.message_id(session.id));
        }
        let mut queued = None;
        if schedule.send_at_ms.is_some() || session.pacing.is_some() {
            let now_ms = app.now_ms();
            queued = Some(NewSend {
                session: session.id,
                message_id: id.clone().unwrap_or_else(made_id),
                route,
                body: serde_json::to_vec(&text).map_err(|_| ApiError::internal())?,
                hash,
                files: Vec::new(),
                recipient: schedule.phone.as_deref().map_or(Ok(String::new()), Sessions::recipient_jid)?,
                not_before_ms: not_before(schedule.send_at_ms, now_ms)?,
                created_at_ms: now_ms,
            });
        }
        Ok(Self { app: app.clone(), session, body, blobs, queued, once, request_id, file_slot })
    }

    /// What was read before, when it was queued, and answered.
    fn again(app: &App, from_queue: FromQueue) -> Result<Self> {
        let FromQueue { session, message_id, intake } = from_queue;
        let Intake { text, blobs } = intake.take().ok_or_else(ApiError::internal)?;
        let file_slot = match T::FILES.count {
            0 => None,
            _ => Some(app.file_slot().ok_or_else(ApiError::overloaded)?),
        };
        let mut fields = text.fields()?;
        Schedule::take(&mut fields)?;
        let mut body = T::read(fields)?;
        *body.id() = Some(message_id);
        let (queued, once, request_id) = (None, None, String::new());
        Ok(Self { app: app.clone(), session, body, blobs, queued, once, request_id, file_slot })
    }
}

/// An id as WhatsApp's own clients make theirs.
fn made_id() -> String {
    let hex = rand::random::<[u8; 9]>().iter().map(|byte| format!("{byte:02X}")).collect::<String>();
    format!("3EB0{hex}")
}

fn not_before(send_at_ms: Option<i64>, now_ms: i64) -> Result<i64> {
    let at_ms = send_at_ms.unwrap_or(now_ms);
    if at_ms > now_ms.saturating_add(AHEAD_MAX_MS) {
        return Err(ApiError::invalid("SendAt", "SendAt should be a year ahead at most"));
    }
    Ok(at_ms)
}

fn idempotency_key(parts: &Parts) -> Result<Option<String>> {
    let Some(value) = parts.headers.get(IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(key) if (1..=KEY_MAX).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => {
            let text = format!("Idempotency-Key should be 1 to {KEY_MAX} printable ASCII characters");
            Err(ApiError::invalid("Idempotency-Key", text))
        }
    }
}

impl<T> Sending<T> {
    /// Sends, or answers as the first request with this key was answered.
    pub async fn once<F, R>(self, send: impl FnOnce(App, wago_store::Session, T) -> F) -> Result<Response>
    where
        F: Future<Output = Result<R, Error>> + Send + 'static,
        R: Serialize + Send + Sync + 'static,
    {
        self.once_with_files(|app, session, body, _| {
            let send = send(app, session, body);
            async move { Ok(send.await?) }
        })
        .await
    }

    /// Like [`Sending::once`], with the files that came with the body.
    pub async fn once_with_files<F, R>(
        self,
        send: impl FnOnce(App, wago_store::Session, T, Vec<Blob>) -> F,
    ) -> Result<Response>
    where
        F: Future<Output = Result<R, Failed>> + Send + 'static,
        R: Serialize + Send + Sync + 'static,
    {
        let Self { app, session, body, blobs, queued, once, request_id, file_slot } = self;
        let id = session.id;
        if let Some(new) = queued {
            let store = app.store.clone();
            let queue = async move {
                let _slot = file_slot;
                enqueue(&store, new, blobs).await
            };
            return settled(app, id, once, request_id, queue.boxed()).await;
        }
        // Nothing of it runs before it is claimed.
        let send = AssertUnwindSafe(send(app.clone(), session, body, blobs));
        let send = async {
            let _slot = file_slot;
            Outcome::of(send.catch_unwind().await)
        };
        settled(app, id, once, request_id, send.boxed()).await
    }
}

/// Does the work, if nobody did it under this key before, in a task that outlives its caller. The work is boxed, since the
/// compiler gives up on futures that are nested as deeply as a send is.
async fn settled<R: Serialize + Send + Sync + 'static>(
    app: App,
    session: SessionId,
    once: Option<Once>,
    request_id: String,
    work: BoxFuture<'static, Outcome<R>>,
) -> Result<Response> {
    let slot = app.send_slot().ok_or_else(ApiError::overloaded)?;
    let tasks = app.sends().clone();
    let task = async move {
        let _slot = slot;
        let claim = match once {
            Some(once) => match once.claim(app, session).await? {
                Claimed::Mine(claim) => Some(claim),
                Claimed::Answered(reply) => return Ok(replay(reply)),
            },
            None => None,
        };
        let outcome = work.await;
        if let Some(claim) = claim {
            claim.settle(&outcome, request_id).await;
        }
        outcome.answer()
    };
    tasks.spawn(task.in_current_span()).await.unwrap_or_else(|_| Err(ApiError::internal()))
}

async fn enqueue(store: &wago_store::Store, mut new: NewSend, blobs: Vec<Blob>) -> Outcome<Queued> {
    new.files = match files::keep(store, new.session, blobs, new.created_at_ms).await {
        Ok(files) => files,
        Err(error) => return Outcome::SentNothing(error),
    };
    let (id, asked_ms) = (new.message_id.clone(), new.not_before_ms);
    let queued = |at_ms: i64| {
        let reply = Queued { details: "Queued", id, send_at: at_ms.div_euclid(1000) };
        Outcome::Done(StatusCode::ACCEPTED, reply)
    };
    let files = new.files.clone();
    let done = store.enqueue(new).await;
    if !matches!(done, Ok(Enqueued::New))
        && let Err(error) = store.drop_send_files(&files).await
    {
        tracing::warn!(%error, "the files of a send that was not queued stay for a while");
    }
    match done {
        Ok(Enqueued::New) => queued(asked_ms),
        Ok(Enqueued::Again { not_before_ms }) => queued(not_before_ms),
        Ok(Enqueued::Taken) => Outcome::SentNothing(ApiError::message_id_taken()),
        Ok(Enqueued::Full) => Outcome::SentNothing(ApiError::queue_full()),
        // A repeat has the same id, so it is queued once.
        Err(error) => Outcome::SentNothing(error.into()),
    }
}

enum Claimed {
    Mine(Claim),
    Answered(StoredReply),
}

/// A key that is ours to settle.
struct Claim {
    app: App,
    session: SessionId,
    key: String,
}

impl Once {
    /// The id of a message that has none, as WhatsApp's own clients write theirs. A key whose process died while it
    /// sent is free again; the repeat then has the same id, by which WhatsApp knows it.
    fn message_id(&self, session: SessionId) -> String {
        let mut hash = Sha256::new_with_prefix(self.hash);
        hash.update(format!("{}\n{}", session.0, self.key));
        let hex = hash.finalize()[..9].iter().map(|byte| format!("{byte:02X}")).collect::<String>();
        format!("3EB0{hex}")
    }

    async fn claim(self, app: App, session: SessionId) -> Result<Claimed> {
        let Self { key, hash } = self;
        match app.store.claim_idempotency(session, &key, hash, app.started_ms(), app.now_ms()).await? {
            wago_store::Claim::Mine => Ok(Claimed::Mine(Claim { app, session, key })),
            wago_store::Claim::Answered(reply) => Ok(Claimed::Answered(reply)),
            wago_store::Claim::InProgress => Err(ApiError::idempotency_in_progress()),
            wago_store::Claim::Mismatch => Err(ApiError::idempotency_mismatch()),
        }
    }
}

impl Claim {
    /// A send that surely sent nothing gives its key back. Any other keeps it with its answer: sending again could
    /// send twice.
    async fn settle<R: Serialize>(self, outcome: &Outcome<R>, request_id: String) {
        let Self { app, session, key } = self;
        let settled = match outcome {
            Outcome::Done(status, reply) => {
                app.store.finish_idempotency(session, &key, kept(*status, &success(*status, reply))).await
            }
            Outcome::Unknown(error) => {
                let reply = kept(error.status(), &error.clone().body(request_id));
                app.store.finish_idempotency(session, &key, reply).await
            }
            Outcome::SentNothing(_) => app.store.release_idempotency(session, &key).await,
        };
        if let Err(error) = settled {
            // The caller still gets the truth; only a repeat of this request will not.
            tracing::error!(%error, "the outcome of an idempotent send was not kept");
        }
    }
}

fn success<R>(status: StatusCode, data: R) -> Success<R> {
    Success { code: status.as_u16(), ..Success::new(data) }
}

fn kept(status: StatusCode, body: &impl Serialize) -> StoredReply {
    let body = serde_json::to_vec(body).expect("a reply is texts, numbers and flags under text keys");
    StoredReply { status: status.as_u16(), body }
}

fn replay(reply: StoredReply) -> Response {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::OK);
    let headers = [(CONTENT_TYPE, "application/json"), (REPLAYED, "true")];
    (status, headers, reply.body).into_response()
}

/// Why a send did not succeed.
pub(crate) enum Failed {
    /// Before it was handed on.
    Here(ApiError),
    There(Error),
}

impl From<ApiError> for Failed {
    fn from(error: ApiError) -> Self {
        Self::Here(error)
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::There(error)
    }
}

/// How a send ended.
enum Outcome<R> {
    Done(StatusCode, R),
    SentNothing(ApiError),
    /// The message may have been sent, or not.
    Unknown(ApiError),
}

impl<R: Serialize> Outcome<R> {
    fn of(ended: std::thread::Result<Result<R, Failed>>) -> Self {
        match ended {
            Ok(Ok(reply)) => Self::Done(StatusCode::OK, reply),
            Ok(Err(Failed::Here(error))) => Self::SentNothing(error),
            Ok(Err(Failed::There(error))) if sent_nothing(&error) => Self::SentNothing(error.into()),
            Ok(Err(Failed::There(error))) => Self::Unknown(ApiError::from(error).not_retryable()),
            Err(_) => {
                tracing::error!("a send panicked");
                Self::Unknown(ApiError::internal())
            }
        }
    }

    fn answer(self) -> Result<Response> {
        match self {
            Self::Done(status, reply) => Ok((status, Json(success(status, reply))).into_response()),
            Self::SentNothing(error) | Self::Unknown(error) => Err(error),
        }
    }
}

/// Refused before the message left, or by WhatsApp.
fn sent_nothing(error: &Error) -> bool {
    match error {
        Error::NoSession
        | Error::NotLoggedIn
        | Error::AlreadyLoggedIn
        | Error::PasskeyNotAsked { .. }
        | Error::PasskeyAwaited
        | Error::NotConnected { .. }
        | Error::Invalid { .. }
        | Error::File { .. }
        | Error::FileGone
        | Error::Sealed
        | Error::UnknownMessage { .. }
        | Error::NotOnWhatsApp { .. }
        | Error::UnknownGroup
        | Error::UnknownNewsletter
        | Error::NotABusiness
        | Error::UnknownProduct
        | Error::UnknownCall
        | Error::CallState { .. }
        | Error::CallMedia { .. }
        | Error::NoPicture
        | Error::PictureHidden
        | Error::Rejected { .. } => true,
        Error::TimedOut | Error::Stopping | Error::Store(_) | Error::Internal(_) => false,
    }
}
