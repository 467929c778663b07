//! Bodies that may carry files: JSON with base64 in it, or a form. What is large goes to disk as it arrives.

use axum::{
    body::{BodyDataStream, Bytes},
    extract::Request,
};
use futures_util::{Stream, StreamExt};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tempfile::SpooledTempFile;
use wago_contract::{
    payload::{Fields, Invalid, Part},
    send::media::{Files, Kind},
};

use crate::{app::App, body::DROPPED_MAX, error::ApiError, reply::Result};

mod base64;
mod form;
mod json;

pub(crate) use base64::{Failed, decode};

/// Bytes of a body that are kept in memory, beside a little for each file.
const TEXT_MAX: usize = 1 << 20;
/// An album's files together may be as large as this many of its largest.
const LARGEST_MAX: usize = 4;

/// A body that was read.
pub(crate) struct Intake {
    pub text: Text,
    pub blobs: Vec<Blob>,
}

/// What a body says apart from its files, as it came: it can be kept, and read again.
#[derive(Serialize, Deserialize)]
pub(crate) enum Text {
    Json {
        json: String,
        /// See [`Fields::parse_marked`].
        mark: Option<String>,
    },
    Form(Vec<(String, Part)>),
}

impl Text {
    /// Of a body in which there are no files.
    pub fn json(bytes: Vec<u8>) -> Result<Self> {
        let json = String::from_utf8(bytes).map_err(|_| ApiError::from(Invalid::NotUtf8))?;
        Ok(Self::Json { json, mark: None })
    }

    pub fn fields(&self) -> Result<Fields> {
        Ok(match self {
            Self::Json { json, mark: None } => Fields::parse(json.as_bytes())?,
            Self::Json { json, mark: Some(mark) } => Fields::parse_marked(json.as_bytes(), mark)?,
            Self::Form(parts) => Fields::form(parts.iter().cloned()),
        })
    }
}

/// A file that came with a body.
pub(crate) struct Blob {
    pub content: SpooledTempFile,
    /// Bytes that it had, though no more are kept than are allowed.
    pub length: u64,
    /// It is the base64 that stood in a JSON text.
    pub encoded: bool,
    pub name: Option<String>,
    pub mimetype: Option<String>,
}

/// Reads the body of a request to a route that takes such files; `hash` sees all that matters of it.
pub(crate) async fn read(request: Request, app: &App, files: Files, hash: &mut Sha256) -> Result<Intake> {
    let bounds = Bounds::of(app, files);
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let announced = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: u64| length > bounds.body.saturating_add(DROPPED_MAX as u64)) {
        return Err(bounds.too_large());
    }
    let chunks = request.into_body().into_data_stream();
    let chunks = patient(chunks, app);
    match content_type.as_deref().and_then(|kind| multer::parse_boundary(kind).ok()) {
        Some(boundary) => form::read(chunks, boundary, app, &bounds, hash).await,
        None => json::read(chunks, app, &bounds, hash).await,
    }
}

/// What a body may hold.
struct Bounds {
    files: Files,
    /// Bytes of one file.
    file: u64,
    /// Bytes of the whole body.
    body: u64,
    /// Bytes in memory.
    memory: usize,
}

impl Bounds {
    fn of(app: &App, files: Files) -> Self {
        let file = app.limits.media.of(files.kind);
        let most = files.count.min(LARGEST_MAX) as u64;
        // Base64 makes four bytes of three, and lines may be broken.
        let body = (file.saturating_mul(most) / 2).saturating_mul(3).saturating_add(TEXT_MAX as u64);
        Self { files, file, body, memory: TEXT_MAX + files.count * json::ASIDE }
    }

    fn too_large(&self) -> ApiError {
        Invalid::TooLarge { field: self.files.field.to_owned(), limit: self.file }.into()
    }
}

/// The chunks of a body, each of which has to come in time.
fn patient(chunks: BodyDataStream, app: &App) -> impl Stream<Item = Result<Bytes>> + Send + use<> {
    let time = app.limits.body_time;
    futures_util::stream::unfold(chunks, move |mut chunks| async move {
        let chunk = match tokio::time::timeout(time, chunks.next()).await {
            Ok(chunk) => chunk?.map_err(|_| ApiError::body_broken()),
            Err(_) => Err(ApiError::body_too_slow()),
        };
        Some((chunk, chunks))
    })
}

/// Adds a piece of a file, as long as it is not too large.
fn keep(blob: &mut Blob, piece: &[u8], limit: u64) -> Result<()> {
    use std::io::Write as _;
    blob.length += piece.len() as u64;
    if blob.length <= limit {
        // Small files stay in memory; a write of a larger one goes to the page cache.
        blob.content.write_all(piece).map_err(|_| ApiError::no_room())?;
    }
    Ok(())
}

/// Bytes of a file by what it is sent as; a larger one is refused.
#[derive(Debug, Clone)]
pub struct MediaLimits {
    pub image: u64,
    pub video: u64,
    pub audio: u64,
    /// At most 2 GiB, which is WhatsApp's own.
    pub document: u64,
    /// Of the picture that one is made from: stickers themselves have WhatsApp's bounds.
    pub sticker: u64,
}

impl Default for MediaLimits {
    fn default() -> Self {
        const MIB: u64 = 1 << 20;
        Self { image: 16 * MIB, video: 100 * MIB, audio: 16 * MIB, document: 100 * MIB, sticker: 16 * MIB }
    }
}

impl MediaLimits {
    pub(crate) fn of(&self, kind: Kind) -> u64 {
        match kind {
            Kind::Image => self.image,
            Kind::Video => self.video,
            Kind::Audio => self.audio,
            Kind::Document => self.document,
            Kind::Sticker => self.sticker,
        }
    }
}

/// The part of a hash that a piece of a form adds, told apart from the next.
fn hash_part(hash: &mut Sha256, name: &str) {
    hash.update((name.len() as u64).to_be_bytes());
    hash.update(name);
}
