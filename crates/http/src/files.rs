//! The files of a message, from wherever they come: the body, a form, the web.

use std::{
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    time::Duration,
};

use tempfile::SpooledTempFile;
use wago_contract::{
    payload::Invalid,
    send::media::{DATA_URL_HEAD_MAX, Kind, Media, Source, data_url, empty, wrong_data_url},
};
use wago_delivery::fetch;
use wago_session::{File, kind_of};

use crate::{
    app::App,
    error::ApiError,
    intake::{Blob, Failed, decode},
    reply::Result,
};

/// For a file to come from the web.
const FETCH_TIME: Duration = Duration::from_secs(120);
/// Bytes from which a file's kind is told.
const HEAD: u64 = 64;

/// All files of a message, in its order. What has no kind yet is given one.
pub(crate) async fn gather(app: &App, media: Vec<&mut Media>, blobs: Vec<Blob>) -> Result<Vec<File>> {
    let mut blobs: Vec<Option<Blob>> = blobs.into_iter().map(Some).collect();
    let mut files = Vec::with_capacity(media.len());
    for media in media {
        files.push(file(app, media, &mut blobs).await?);
    }
    Ok(files)
}

async fn file(app: &App, media: &mut Media, blobs: &mut [Option<Blob>]) -> Result<File> {
    let field = media.field.clone();
    let limit = app.limits.media.of(media.kind.unwrap_or(Kind::Document));
    let mut found = match std::mem::replace(&mut media.source, Source::Blob(usize::MAX)) {
        Source::Text(text) => {
            let content = app.files.file();
            read_base64(field.clone(), std::io::Cursor::new(text.into_bytes()), content, limit)?
        }
        Source::Blob(number) => {
            // Only a body that was tampered with names one twice.
            let blob = blobs.get_mut(number).and_then(Option::take).ok_or_else(|| wrong_data_url(field.clone()))?;
            of_blob(app, field.clone(), blob, limit).await?
        }
        Source::Url(url) => fetched(app, &field, &url, limit).await?,
    };
    if found.length == 0 {
        return Err(empty(field).into());
    }
    let kind = match media.kind {
        Some(kind) => kind,
        None => {
            let kind = kind_of(&head(&mut found.content)?);
            if found.length > app.limits.media.of(kind) {
                return Err(Invalid::TooLarge { field, limit: app.limits.media.of(kind) }.into());
            }
            *media.kind.insert(kind)
        }
    };
    Ok(File {
        field,
        content: found.content,
        length: found.length,
        kind,
        mimetype: media.mimetype.take().or(found.mimetype),
        name: found.name,
        folder: app.files.clone(),
    })
}

struct Found {
    content: SpooledTempFile,
    length: u64,
    mimetype: Option<String>,
    name: Option<String>,
}

async fn of_blob(app: &App, field: String, mut blob: Blob, limit: u64) -> Result<Found> {
    if !blob.encoded {
        if blob.length > limit {
            return Err(Invalid::TooLarge { field, limit }.into());
        }
        return Ok(Found { content: blob.content, length: blob.length, mimetype: blob.mimetype, name: blob.name });
    }
    // More than was kept.
    if blob.length > limit / 2 * 3 + 1_024 {
        return Err(Invalid::TooLarge { field, limit }.into());
    }
    blob.content.seek(SeekFrom::Start(0)).map_err(|_| ApiError::no_room())?;
    let content = app.files.file();
    let decoded = tokio::task::spawn_blocking(move || read_base64(field, blob.content, content, limit));
    decoded.await.map_err(|_| ApiError::internal())?
}

/// Decodes a data URL or base64.
fn read_base64(
    field: String,
    mut text: impl std::io::Read + std::io::Seek,
    mut content: SpooledTempFile,
    limit: u64,
) -> Result<Found> {
    let mut head = Vec::new();
    text.by_ref().take(DATA_URL_HEAD_MAX as u64).read_to_end(&mut head).map_err(|_| ApiError::no_room())?;
    let begins = String::from_utf8_lossy(&head);
    let head = data_url(&begins).map_err(|_| wrong_data_url(field.clone()))?;
    let (skip, mimetype) = head.map_or((0, None), |head| (head.length as u64, head.mimetype));
    text.seek(SeekFrom::Start(skip)).map_err(|_| ApiError::no_room())?;
    let length = decode(text, &mut content, limit).map_err(|failed| match failed {
        Failed::NotBase64 => wrong_data_url(field).into(),
        Failed::TooLarge => Invalid::TooLarge { field, limit }.into(),
        Failed::Write => ApiError::no_room(),
    })?;
    Ok(Found { content, length, mimetype, name: None })
}

async fn fetched(app: &App, field: &str, url: &str, limit: u64) -> Result<Found> {
    let refused = |failed: fetch::Failed| ApiError::unfetched(field, &failed);
    let too_large = || ApiError::from(Invalid::TooLarge { field: field.to_owned(), limit });
    let mut answer = app.fetcher().get(url, "*/*", FETCH_TIME).await.map_err(refused)?;
    if answer.length().is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let mut content = app.files.file();
    let mut length = 0;
    while let Some(chunk) = answer.chunk().await.map_err(refused)? {
        length += chunk.len() as u64;
        if length > limit {
            return Err(too_large());
        }
        content.write_all(&chunk).map_err(|_| ApiError::no_room())?;
    }
    Ok(Found { content, length, mimetype: answer.mimetype(), name: answer.file_name() })
}

fn head(content: &mut SpooledTempFile) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    content.seek(SeekFrom::Start(0)).map_err(|_| ApiError::no_room())?;
    std::io::Read::take(&mut *content, HEAD).read_to_end(&mut head).map_err(|_| ApiError::no_room())?;
    Ok(head)
}
