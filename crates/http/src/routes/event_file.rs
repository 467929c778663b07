//! `GET /events/{id}/file`: the file of an inbound message, as long as it is here or on the shelf.

use std::{io::SeekFrom, ops::Range};

use axum::{
    body::Body,
    extract::{Path, State},
};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use wago_store::{EventFile, ShelfError};

use crate::{
    app::App,
    credentials::Session,
    download::{attachment, pieces},
    error::ApiError,
    reply::Result,
};

pub(crate) async fn show(
    Path(id): Path<String>,
    Session(session): Session,
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<Response<Body>> {
    let found = app.store.event_file(session.id, &id).await?.ok_or_else(ApiError::no_file)?;
    match found {
        EventFile::Kept(file) => {
            let shelf = app.shelf.as_ref().ok_or_else(ApiError::file_gone)?;
            let part = Part::of(&headers, file.size)?;
            let content = shelf.get(&file.place, part.range.clone()).await.map_err(|error| match error {
                ShelfError::Missing => ApiError::file_gone(),
                ShelfError::Failed(_) => {
                    tracing::error!(session = session.name, event = id, %error, "a kept file cannot be read");
                    ApiError::shelf_failed()
                }
            })?;
            Ok(part.answer(Body::from_stream(content), &file.mimetype, &file.name))
        }
        EventFile::Here { path, name, mimetype } => {
            // It goes as soon as nobody waits for it.
            let mut file = tokio::fs::File::open(path).await.map_err(|_| ApiError::file_gone())?;
            let size = file.metadata().await.map_err(|_| ApiError::file_gone())?.len();
            let part = Part::of(&headers, size)?;
            let body = match &part.range {
                None => Body::from_stream(pieces(file)),
                Some(range) => {
                    file.seek(SeekFrom::Start(range.start)).await.map_err(|_| ApiError::file_gone())?;
                    Body::from_stream(pieces(file.take(range.end - range.start)))
                }
            };
            Ok(part.answer(body, &mimetype, &name))
        }
        EventFile::Coming => Err(ApiError::file_coming()),
        EventFile::Failed { reason } => Err(ApiError::file_failed(&reason)),
        EventFile::Gone => Err(ApiError::file_gone()),
    }
}

/// What of a file was asked for.
struct Part {
    size: u64,
    /// `None`: all of it.
    range: Option<Range<u64>>,
}

impl Part {
    /// One range of bytes, as players and broken downloads ask for it. What else may be asked is answered with the whole.
    fn of(headers: &HeaderMap, size: u64) -> Result<Self> {
        let asked = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
        let Some((from, to)) = asked.and_then(|range| range.strip_prefix("bytes=")?.split_once('-')) else {
            return Ok(Self { size, range: None });
        };
        let range = match (from.trim().parse::<u64>(), to.trim()) {
            (Ok(from), "") => from..size,
            (Ok(from), to) => match to.parse::<u64>() {
                Ok(to) => from..to.saturating_add(1).min(size),
                Err(_) => return Ok(Self { size, range: None }),
            },
            // The last so many.
            (Err(_), to) if from.trim().is_empty() => match to.parse::<u64>() {
                Ok(count) => size.saturating_sub(count)..size,
                Err(_) => return Ok(Self { size, range: None }),
            },
            (Err(_), _) => return Ok(Self { size, range: None }),
        };
        if range.is_empty() {
            return Err(ApiError::no_such_range());
        }
        Ok(Self { size, range: Some(range) })
    }

    fn answer(self, body: Body, mimetype: &str, name: &str) -> Response<Body> {
        let length = self.range.as_ref().map_or(self.size, |range| range.end - range.start);
        let mut response = attachment(body, length, mimetype, name);
        response.headers_mut().insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        if let Some(Range { start, end }) = self.range {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let range = format!("bytes {start}-{}/{}", end - 1, self.size);
            if let Ok(range) = HeaderValue::from_str(&range) {
                response.headers_mut().insert(header::CONTENT_RANGE, range);
            }
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(asked: &str) -> Option<Option<Range<u64>>> {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, asked.parse().unwrap());
        Part::of(&headers, 10).ok().map(|part| part.range)
    }

    #[test]
    fn one_range_is_understood() {
        for (asked, expected) in [
            ("bytes=0-", Some(Some(0..10))),
            ("bytes=2-4", Some(Some(2..5))),
            ("bytes=8-99", Some(Some(8..10))),
            ("bytes=-3", Some(Some(7..10))),
            ("bytes=-99", Some(Some(0..10))),
            ("bytes=10-", None),
            ("bytes=5-4", None),
            ("bytes=-0", None),
            ("bytes=1-2,4-5", Some(None)),
            ("pages=1-2", Some(None)),
            ("bytes=x-2", Some(None)),
        ] {
            assert_eq!(part(asked), expected, "{asked}");
        }
    }
}
