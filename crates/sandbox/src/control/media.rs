//! The media host, on the network's own port: devices upload encrypted files here, and download them by direct path.

use std::{
    io::{self, Seek as _, SeekFrom},
    time::Duration,
};

use axum::{
    Json,
    body::Body,
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;

use super::{
    Control,
    answer::{Answer, failure},
};
use crate::media::{self, Blob, FILE_BYTES_MAX, Found, Hash, Incoming, Refused};

/// What WhatsApp's clients call their kinds of files.
const KINDS: [&str; 19] = [
    "image",
    "video",
    "gif",
    "ptv",
    "audio",
    "ptt",
    "document",
    "sticker",
    "sticker-pack",
    "thumbnail-sticker-pack",
    "thumbnail-image",
    "thumbnail-video",
    "thumbnail-document",
    "thumbnail-link",
    "thumbnail-gif",
    "md-app-state",
    "md-msg-hist",
    "preview",
    "kyc-id",
];
/// A client that sends nothing for so long has gone.
const SILENCE_MAX: Duration = Duration::from_secs(60);
const CHUNK_BYTES: usize = 64 << 10;

/// Whether a path is the media host's. Its clients are no pages of this network, and prove themselves otherwise.
pub(super) fn is_host_path(path: &str) -> bool {
    ["/mms/", "/newsletter/", "/v/"].iter().any(|begin| path.starts_with(begin))
}

#[derive(Deserialize)]
pub(super) struct Upload {
    #[serde(default)]
    auth: String,
    token: Option<String>,
    /// Only asks how much is there.
    resume: Option<String>,
    /// Goes on where an earlier upload broke off.
    file_offset: Option<u64>,
}

pub(super) async fn upload(
    State(control): State<Control>,
    Path((kind, token)): Path<(String, String)>,
    Query(upload): Query<Upload>,
    headers: HeaderMap,
    body: Body,
) -> Answer<Json<Value>> {
    take(&control, &kind, &token, upload, &headers, body, place).await
}

/// For a newsletter.
pub(super) async fn upload_in_the_clear(
    State(control): State<Control>,
    Path((kind, token)): Path<(String, String)>,
    Query(upload): Query<Upload>,
    headers: HeaderMap,
    body: Body,
) -> Answer<Json<Value>> {
    let kind = kind.strip_prefix("newsletter-").unwrap_or_default();
    take(&control, kind, &token, upload, &headers, body, place_in_the_clear).await
}

async fn take(
    control: &Control,
    kind: &str,
    token: &str,
    upload: Upload,
    headers: &HeaderMap,
    body: Body,
    place: fn(&str, Hash) -> Value,
) -> Answer<Json<Value>> {
    let media = &control.media;
    if !media.admits(&upload.auth, crate::now()) {
        return Err(failure(StatusCode::UNAUTHORIZED, "the auth is not one of this host, or is over", Some("auth")));
    }
    if !KINDS.contains(&kind) {
        return Err(failure(StatusCode::NOT_FOUND, "there is no such kind of file", None));
    }
    let wrong = || failure(StatusCode::BAD_REQUEST, "the token must be the SHA-256 of what is uploaded", Some("token"));
    let hash = Hash::parse(token).filter(|_| upload.token.is_none_or(|again| again == token)).ok_or_else(wrong)?;
    if upload.resume.is_some() {
        return Ok(Json(match media.find(hash).map_err(broken)? {
            Found::Here(_) => {
                let mut answer = place(kind, hash);
                answer["resume"] = "complete".into();
                answer
            }
            Found::Expired | Found::Unknown => json!({ "resume": media.begun(hash).to_string() }),
        }));
    }
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let offset = upload.file_offset.unwrap_or_default();
    if announced.is_some_and(|length| length.saturating_add(offset) > FILE_BYTES_MAX) {
        return Err(refused(Refused::TooLarge));
    }
    let _turn = media.turn().await;
    let mut incoming = match offset {
        0 => media.begin().map_err(broken)?,
        offset => media
            .resume(hash, offset)
            .ok_or_else(|| failure(StatusCode::BAD_REQUEST, "no upload broke off here", Some("file_offset")))?,
    };
    match receive(&mut incoming, body).await {
        Ok(()) => {}
        Err(Broken::Off) => {
            media.set_aside(hash, incoming);
            return Err(failure(StatusCode::REQUEST_TIMEOUT, "the upload broke off", None));
        }
        Err(Broken::Refused(why)) => return Err(refused(why)),
    }
    media.finish(incoming, Some(hash)).map_err(refused)?;
    control.core.step(|state| state.counters.count(format!("media upload {kind}")));
    Ok(Json(place(kind, hash)))
}

enum Broken {
    /// The client went away.
    Off,
    Refused(Refused),
}

async fn receive(incoming: &mut Incoming, body: Body) -> Result<(), Broken> {
    let mut chunks = body.into_data_stream();
    loop {
        match tokio::time::timeout(SILENCE_MAX, chunks.next()).await {
            Ok(Some(Ok(chunk))) => incoming.write(&chunk).map_err(Broken::Refused)?,
            Ok(None) => return Ok(()),
            Ok(Some(Err(_))) | Err(_) => return Err(Broken::Off),
        }
    }
}

/// Where the file can be had.
fn place(kind: &str, hash: Hash) -> Value {
    let direct_path = media::direct_path(kind, hash);
    json!({ "url": media::url(&direct_path), "direct_path": direct_path, "handle": hash.to_string() })
}

/// For everybody, whatever kind it is.
fn place_in_the_clear(_: &str, hash: Hash) -> Value {
    let direct_path = media::direct_path_in_the_clear(hash);
    json!({ "url": media::url(&direct_path), "direct_path": direct_path, "handle": hash.to_string() })
}

fn refused(why: Refused) -> super::answer::Refused {
    match why {
        Refused::TooLarge => failure(StatusCode::PAYLOAD_TOO_LARGE, "the file is larger than 100 MiB", None),
        Refused::Mismatch => {
            failure(StatusCode::BAD_REQUEST, "the file's SHA-256 is not the one in the token", Some("token"))
        }
        Refused::Disk(error) => broken(error),
    }
}

fn broken(error: io::Error) -> super::answer::Refused {
    tracing::error!(%error, "the media host's files cannot be used");
    failure(StatusCode::INTERNAL_SERVER_ERROR, "the media host's files cannot be used", None)
}

pub(super) async fn download(
    State(control): State<Control>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Answer<Response> {
    let found = match Hash::of_path(&format!("/v/{name}")) {
        Some(hash) => control.media.find(hash).map_err(broken)?,
        None => Found::Unknown,
    };
    let blob = match found {
        Found::Here(blob) => blob,
        Found::Expired => return Err(failure(StatusCode::GONE, "the file has expired", None)),
        Found::Unknown => return Err(failure(StatusCode::NOT_FOUND, "there is no such file", None)),
    };
    let size = blob.size();
    let wanted = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    let (status, from, until) = match wanted.map(|range| part(range, size)) {
        None | Some(Part::Whole) => (StatusCode::OK, 0, size),
        Some(Part::Some { from, until }) => (StatusCode::PARTIAL_CONTENT, from, until),
        Some(Part::None) => {
            let nothing = [(header::CONTENT_RANGE, format!("bytes */{size}"))];
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, nothing).into_response());
        }
    };
    let mut answer = (status, body(blob, from, until).map_err(broken)?).into_response();
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_LENGTH, (until - from).into());
    let kind = if name.ends_with(".jpg") { "image/jpeg" } else { "application/octet-stream" };
    headers.insert(header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
    headers.insert(header::ACCEPT_RANGES, http::HeaderValue::from_static("bytes"));
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {from}-{}/{size}", until - 1);
        headers.insert(header::CONTENT_RANGE, range.parse().expect("digits and signs make a header"));
    }
    Ok(answer)
}

fn body(blob: Blob, from: u64, until: u64) -> io::Result<Body> {
    match blob {
        Blob::Memory(bytes) => {
            let at = |place: u64| usize::try_from(place).map_or(bytes.len(), |place| place.min(bytes.len()));
            Ok(Body::from(bytes.slice(at(from)..at(until))))
        }
        Blob::Disk { mut file, .. } => {
            file.seek(SeekFrom::Start(from))?;
            Ok(Body::from_stream(chunks(tokio::fs::File::from_std(file), until - from)))
        }
    }
}

fn chunks(file: tokio::fs::File, length: u64) -> impl Stream<Item = io::Result<Bytes>> {
    stream::try_unfold((file, length), |(mut file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let mut chunk = vec![0; usize::try_from(left).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES))];
        let read = file.read(&mut chunk).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        chunk.truncate(read);
        Ok(Some((Bytes::from(chunk), (file, left - read as u64))))
    })
}

#[derive(Debug, PartialEq, Eq)]
enum Part {
    /// The range is of a kind that is not served, and may be ignored.
    Whole,
    Some {
        from: u64,
        until: u64,
    },
    None,
}

/// What a `Range` header asks of a file.
fn part(range: &str, size: u64) -> Part {
    let Some((first, last)) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Part::Whole;
    };
    let (from, until) = match (first.trim().parse::<u64>(), last.trim().parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => (first, last.saturating_add(1).min(size)),
        (Ok(first), Err(_)) if last.trim().is_empty() => (first, size),
        (Err(_), Ok(length)) if first.trim().is_empty() => (size.saturating_sub(length), size),
        _ => return Part::Whole,
    };
    if from < until { Part::Some { from, until } } else { Part::None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_http_has_them() {
        let some = |from, until| Part::Some { from, until };
        for (range, expected) in [
            ("bytes=0-9", some(0, 10)),
            ("bytes=90-", some(90, 100)),
            ("bytes=-10", some(90, 100)),
            ("bytes=-1000", some(0, 100)),
            ("bytes=50-1000", some(50, 100)),
            ("bytes=100-", Part::None),
            ("bytes=-0", Part::None),
            ("bytes=5-4", Part::Whole),
            ("bytes=0-1,4-5", Part::Whole),
            ("lines=1-2", Part::Whole),
            ("bytes=-", Part::Whole),
        ] {
            assert_eq!(part(range, 100), expected, "{range}");
        }
    }
}
