//! The wrapper of every route that sends: once for each `Idempotency-Key`, and to the end even if the caller hangs up.

use std::panic::AssertUnwindSafe;

use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use http::{HeaderName, StatusCode, header::CONTENT_TYPE, request::Parts};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::sync::OwnedSemaphorePermit;
use tracing::Instrument;
use wago_contract::{envelope::Success, send::Message};
use wago_session::Error;
use wago_store::{SessionId, StoredReply};

use crate::{
    answer::RequestId,
    app::App,
    body,
    credentials::Session,
    error::ApiError,
    intake::{self, Blob, Intake},
    reply::{Reply, Result},
};

#[cfg(test)]
mod tests;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Marks a reply that was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Characters in an `Idempotency-Key`.
const KEY_MAX: usize = 255;

/// A request to send, its sender known and its body read.
pub(crate) struct Sending<T> {
    app: App,
    session: wago_store::Session,
    body: T,
    /// The files that came with the body.
    blobs: Vec<Blob>,
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

    async fn from_request(request: Request, app: &App) -> Result<Self> {
        let (mut parts, stream) = request.into_parts();
        let Session(session) = Session::from_request_parts(&mut parts, app).await?;
        let key = idempotency_key(&parts)?;
        let mut hash = Sha256::new_with_prefix(format!("{} {}\n", parts.method, parts.uri.path()));
        let request_id = parts.extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
        let request = Request::from_parts(parts, stream);
        let (mut body, blobs, file_slot): (T, _, _) = if T::FILES.count == 0 {
            let bytes = body::bytes(request, app).await?;
            hash.update(&bytes);
            (body::parse(&bytes)?, Vec::new(), None)
        } else {
            let slot = app.file_slot().ok_or_else(ApiError::overloaded)?;
            let Intake { fields, blobs } = intake::read(request, app, T::FILES, &mut hash).await?;
            (T::read(fields)?, blobs, Some(slot))
        };
        let once = key.map(|key| Once { key, hash: hash.finalize().into() });
        if let Some(once) = &once {
            body.id().get_or_insert_with(|| once.message_id(session.id));
        }
        Ok(Self { app: app.clone(), session, body, blobs, once, request_id, file_slot })
    }
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
        let Self { app, session, body, blobs, once, request_id, file_slot } = self;
        let slot = app.send_slot().ok_or_else(ApiError::overloaded)?;
        let id = session.id;
        // Nothing of it runs before it is claimed.
        let send = AssertUnwindSafe(send(app.clone(), session, body, blobs));
        let tasks = app.sends().clone();
        let task = async move {
            let _slots = (slot, file_slot);
            let claim = match once {
                Some(once) => match once.claim(app, id).await? {
                    Claimed::Mine(claim) => Some(claim),
                    Claimed::Answered(reply) => return Ok(replay(reply)),
                },
                None => None,
            };
            let outcome = Outcome::of(send.catch_unwind().await);
            if let Some(claim) = claim {
                claim.settle(&outcome, request_id).await;
            }
            outcome.answer()
        };
        tasks.spawn(task.in_current_span()).await.unwrap_or_else(|_| Err(ApiError::internal()))
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
            Outcome::Sent(reply) => {
                app.store.finish_idempotency(session, &key, kept(StatusCode::OK, &Success::new(reply))).await
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
    Sent(R),
    SentNothing(ApiError),
    /// The message may have been sent, or not.
    Unknown(ApiError),
}

impl<R: Serialize> Outcome<R> {
    fn of(ended: std::thread::Result<Result<R, Failed>>) -> Self {
        match ended {
            Ok(Ok(reply)) => Self::Sent(reply),
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
            Self::Sent(reply) => Ok(Reply(reply).into_response()),
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
        | Error::NotConnected { .. }
        | Error::Invalid { .. }
        | Error::File { .. }
        | Error::FileGone
        | Error::Sealed
        | Error::UnknownMessage { .. }
        | Error::NotOnWhatsApp { .. }
        | Error::Rejected { .. } => true,
        Error::TimedOut | Error::Stopping | Error::Store(_) | Error::Internal(_) => false,
    }
}
