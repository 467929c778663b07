//! A file as an answer, or the part of it that was asked for.

use std::{io::SeekFrom, ops::Range, path::Path};

use axum::body::Body;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use wago_store::{Shelf, ShelfError};

use crate::{
    download::{attachment, pieces},
    error::ApiError,
    reply::Result,
};

/// What is told of a file beside its content.
pub(crate) struct Label<'a> {
    pub mimetype: &'a str,
    pub name: &'a str,
}

/// One in this file system; `None` if it is not there.
pub(crate) async fn here(path: &Path, label: Label<'_>, headers: &HeaderMap) -> Result<Option<Response<Body>>> {
    let Ok(mut file) = tokio::fs::File::open(path).await else { return Ok(None) };
    let Ok(found) = file.metadata().await else { return Ok(None) };
    let part = Part::of(headers, found.len())?;
    let body = match &part.range {
        None => Body::from_stream(pieces(file)),
        Some(range) => {
            file.seek(SeekFrom::Start(range.start)).await.map_err(|_| ApiError::internal())?;
            Body::from_stream(pieces(file.take(range.end - range.start)))
        }
    };
    Ok(Some(part.answer(body, &label)))
}

/// One on the shelf; `None` if it is not there.
pub(crate) async fn shelved(
    shelf: &Shelf,
    place: &str,
    size: u64,
    label: Label<'_>,
    headers: &HeaderMap,
) -> Result<Option<Response<Body>>> {
    let part = Part::of(headers, size)?;
    match shelf.get(place, part.range.clone()).await {
        Ok(content) => Ok(Some(part.answer(Body::from_stream(content), &label))),
        Err(ShelfError::Missing) => Ok(None),
        Err(error @ ShelfError::Failed(_)) => {
            tracing::error!(file = label.name, %error, "a kept file cannot be read");
            Err(ApiError::shelf_failed())
        }
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

    fn answer(self, body: Body, label: &Label<'_>) -> Response<Body> {
        let length = self.range.as_ref().map_or(self.size, |range| range.end - range.start);
        let mut response = attachment(body, length, label.mimetype, label.name);
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
