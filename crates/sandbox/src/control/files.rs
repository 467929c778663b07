//! `/phones/{number}/send`, and the files of messages.

use std::io::{self, Write};

use axum::{
    Json,
    body::Body as Bytestream,
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;
use tokio::sync::mpsc;
use wago_contract::phone as shape;

use super::{
    Control,
    answer::{Answer, Body, number},
};
use crate::{
    Error, Result,
    group::act::Refused,
    phone::{self, files, outbound},
};

/// Decrypted chunks that wait for a slow reader.
const CHUNKS_MAX: usize = 4;
const CHUNK_BYTES: usize = 64 << 10;

pub(super) async fn send(
    State(control): State<Control>,
    path: Path<String>,
    Body(mut send): Body<shape::Send>,
) -> Answer<Json<shape::Sent>> {
    let number = number(path)?;
    let picked = files::pick(&mut send)?;
    // Nothing is put on the host for a message that cannot be sent.
    control.core.step(|state| phone::with(state, number, |phone, state| outbound::check(phone, state, &send)))??;
    let file = match picked {
        Some(picked) => {
            let media = control.media.clone();
            Some(aside(move || picked.seal(&media)).await?)
        }
        None => None,
    };
    let hash = file.as_ref().map(|file| file.hash);
    while control
        .core
        .step(|state| phone::with(state, number, |phone, state| outbound::prepare(phone, state, &send)))?
    {
        // Others have their turn.
        tokio::task::yield_now().await;
    }
    let sent = control.core.step(|state| {
        let id = phone::with(state, number, |phone, state| outbound::send(phone, state, send, file))??;
        Ok::<_, Error>(id)
    });
    let sent = sent.and_then(|id| {
        // The network answered in the step before.
        let (timestamp, refused) = control.core.step(|state| {
            let entry = state.phones.get(number)?.messages.own(&id).ok_or(Error::UnknownMessage)?;
            Ok::<_, Error>((entry.message.timestamp, entry.refused))
        })?;
        match refused {
            None => Ok(shape::Sent { id, timestamp }),
            Some(code @ crate::faults::REJECTED) => Err(Error::Refused(code)),
            Some(code) => Err(Refused(code).into()),
        }
    });
    if let (Err(_), Some(hash)) = (&sent, hash) {
        control.media.lose(hash).map_err(Error::Files)?;
    }
    Ok(Json(sent?))
}

/// Work that takes long, off the threads that serve.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(Error::Files(io::Error::other(error))))
}

/// The message's file, and how it is described.
fn find(control: &Control, path: Path<(String, String)>) -> Answer<(files::Stored, shape::Media)> {
    let Path((phone, id)) = path;
    let number = number(Path(phone))?;
    let (raw, described) = control.core.step(|state| {
        let entry = state.phones.get(number)?.messages.by_id(&id).ok_or(Error::UnknownMessage)?;
        let described = entry.message.media.clone().ok_or(Error::NoFile)?;
        Ok::<_, Error>((entry.raw.clone(), described))
    })?;
    Ok((files::stored(&raw).ok_or(Error::NoFile)??, described))
}

pub(super) async fn open(State(control): State<Control>, path: Path<(String, String)>) -> Answer<Response> {
    let (stored, described) = find(&control, path)?;
    let media = control.media.clone();
    // Looked at whole first, so that damage is an answer and not a body that breaks off.
    let (stored, blob) = aside(move || stored.fetch(&media).map(|blob| (stored, blob))).await?;
    let (sender, receiver) = mpsc::channel(CHUNKS_MAX);
    tokio::task::spawn_blocking(move || {
        let mut chunks = Chunks { sender, chunk: Vec::with_capacity(CHUNK_BYTES) };
        // It ends early when nobody reads on, which is theirs to do.
        if stored.open(&blob, &mut chunks).is_ok() {
            let _ = chunks.flush();
        }
    });
    let body = stream::unfold(receiver, |mut receiver| async move {
        Some((Ok::<Bytes, io::Error>(receiver.recv().await?), receiver))
    });
    let mut answer = Bytestream::from_stream(body).into_response();
    let headers = answer.headers_mut();
    let shown = shown(&described.mimetype);
    let kind = HeaderValue::from_str(&described.mimetype).ok().filter(|_| shown);
    let octets = HeaderValue::from_static("application/octet-stream");
    headers.insert(header::CONTENT_TYPE, kind.unwrap_or(octets));
    headers.insert(header::CONTENT_LENGTH, described.size.into());
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // What a stranger sent must not run as a part of this page.
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    if !shown {
        headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    }
    Ok(answer)
}

/// What browsers show without running it.
fn shown(mimetype: &str) -> bool {
    let kind = mimetype.split(';').next().unwrap_or_default().trim();
    matches!(kind, "image/png" | "image/jpeg" | "image/gif" | "image/webp")
        || kind.starts_with("video/")
        || kind.starts_with("audio/")
}

/// Gathers what is decrypted into chunks for a reader.
struct Chunks {
    sender: mpsc::Sender<Bytes>,
    chunk: Vec<u8>,
}

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.chunk.extend_from_slice(bytes);
        if self.chunk.len() >= CHUNK_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK_BYTES));
        self.sender.blocking_send(Bytes::from(chunk)).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

#[derive(Deserialize)]
pub(super) struct Expiry {
    /// The phones' copies go too.
    #[serde(default)]
    copies: bool,
}

/// The media host loses the message's file.
pub(super) async fn expire(
    State(control): State<Control>,
    path: Path<(String, String)>,
    Query(expiry): Query<Expiry>,
) -> Answer<StatusCode> {
    let (stored, _) = find(&control, path)?;
    let media = &control.media;
    let known = if expiry.copies { media.lose(stored.hash) } else { media.expire(stored.hash) };
    if !known.map_err(Error::Files)? {
        return Err(Error::FileLost.into());
    }
    Ok(StatusCode::NO_CONTENT)
}
