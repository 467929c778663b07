//! `multipart/form-data`: the fields have the names that they have in JSON.

use axum::body::Bytes;
use futures_util::Stream;
use sha2::{Digest, Sha256};
use wago_contract::payload::Part;

use super::{Blob, Bounds, Intake, TEXT_MAX, Text, hash_part, keep};
use crate::{app::App, body::DROPPED_MAX, error::ApiError, reply::Result};

/// Fields of a form.
const PARTS_MAX: usize = 200;

pub(super) async fn read(
    chunks: impl Stream<Item = Result<Bytes>> + Send,
    boundary: String,
    app: &App,
    bounds: &Bounds,
    hash: &mut Sha256,
) -> Result<Intake> {
    let chunks = std::pin::pin!(chunks);
    let mut form = multer::Multipart::new(chunks, boundary);
    let (mut parts, mut blobs) = (Vec::new(), Vec::new());
    let (mut texts, mut length) = (0, 0_u64);
    while let Some(mut field) = form.next_field().await.map_err(failed)? {
        if parts.len() >= PARTS_MAX {
            return Err(ApiError::not_form());
        }
        let name = field.name().unwrap_or_default().to_owned();
        hash_part(hash, &name);
        // Only a file has a name.
        if field.file_name().is_none() {
            let mut text = Vec::new();
            while let Some(chunk) = field.chunk().await.map_err(failed)? {
                texts += chunk.len();
                if texts > TEXT_MAX {
                    return Err(ApiError::body_too_large(TEXT_MAX));
                }
                hash.update(&chunk);
                text.extend_from_slice(&chunk);
            }
            let text = String::from_utf8(text).map_err(|_| ApiError::from(wago_contract::payload::Invalid::NotUtf8))?;
            parts.push((name, Part::Text(text)));
            continue;
        }
        if blobs.len() >= bounds.files.count {
            return Err(ApiError::not_form());
        }
        let mut blob = Blob {
            content: app.files.file(),
            length: 0,
            encoded: false,
            name: field.file_name().map(last_part).filter(|name| !name.is_empty()),
            mimetype: field.content_type().map(ToString::to_string),
        };
        while let Some(chunk) = field.chunk().await.map_err(failed)? {
            length += chunk.len() as u64;
            if length > bounds.body.saturating_add(DROPPED_MAX as u64) {
                return Err(bounds.too_large());
            }
            hash.update(&chunk);
            keep(&mut blob, &chunk, bounds.file)?;
        }
        parts.push((name, Part::File(blobs.len())));
        blobs.push(blob);
    }
    Ok(Intake { text: Text::Form(parts), blobs })
}

fn last_part(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    last.chars().filter(|char| !char.is_control()).take(255).collect()
}

fn failed(error: multer::Error) -> ApiError {
    match error {
        // What the stream of chunks itself said.
        multer::Error::StreamReadFailed(inner) => match inner.downcast::<ApiError>() {
            Ok(error) => *error,
            Err(_) => ApiError::body_broken(),
        },
        _ => ApiError::not_form(),
    }
}
