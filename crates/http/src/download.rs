//! A file as an answer: its bytes, or JSON with a data URL. Neither is held as a whole.

use axum::body::{Body, Bytes};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::{Stream, StreamExt, stream};
use http::{
    HeaderValue, Response,
    header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS},
};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use wago_contract::send::media::Kind;

use crate::{error::ApiError, reply::Result};

/// Bytes that are read at once; a multiple of three, so that base64 can be written in pieces.
const PIECE: usize = 48 << 10;

pub(crate) struct Answer {
    file: tokio::fs::File,
    length: u64,
    mimetype: String,
    name: Option<String>,
}

impl Answer {
    pub async fn new(file: std::fs::File, kind: Kind, mimetype: Option<String>, name: Option<String>) -> Result<Self> {
        let file = tokio::fs::File::from_std(file);
        let length = file.metadata().await.map_err(|_| ApiError::no_room())?.len();
        let mimetype = mimetype.unwrap_or_else(|| {
            let usual = match kind {
                Kind::Image => "image/jpeg",
                Kind::Video => "video/mp4",
                Kind::Audio => "audio/ogg",
                Kind::Document => "application/octet-stream",
                Kind::Sticker => "image/webp",
            };
            usual.to_owned()
        });
        Ok(Self { file, length, mimetype, name })
    }

    pub fn bytes(self) -> Response<Body> {
        let body = Body::from_stream(pieces(self.file));
        attachment(body, self.length, &self.mimetype, &self.name.unwrap_or_default())
    }

    pub fn json(self) -> Response<Body> {
        let text = |text: &str| serde_json::Value::from(text).to_string();
        let mimetype = text(&self.mimetype);
        // Its quotes are around the whole.
        let inside = mimetype.trim_matches('"');
        let head = format!(r#"{{"code":200,"data":{{"Mimetype":{mimetype},"Data":"data:{inside};base64,"#);
        let name = text(&self.name.unwrap_or_default());
        let tail = format!(r#"","FileName":{name},"Path":""}},"success":true}}"#);
        let encoded = pieces(self.file).map(|piece| piece.map(|piece| Bytes::from(STANDARD.encode(piece))));
        let whole = stream::iter([Ok(Bytes::from(head))]).chain(encoded).chain(stream::iter([Ok(Bytes::from(tail))]));
        let mut response = Response::new(Body::from_stream(whole));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}

/// A file of so many bytes.
pub(crate) fn attachment(body: Body, length: u64, mimetype: &str, name: &str) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    let octets = HeaderValue::from_static("application/octet-stream");
    headers.insert(CONTENT_TYPE, HeaderValue::from_str(mimetype).unwrap_or(octets));
    headers.insert(CONTENT_LENGTH, length.into());
    // It is somebody else's: no browser should run it.
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let plain = |char: char| if char.is_ascii_alphanumeric() || "-_. ".contains(char) { char } else { '_' };
    let name: String = name.chars().map(plain).collect();
    let disposition =
        if name.is_empty() { "attachment".to_owned() } else { format!("attachment; filename=\"{name}\"") };
    if let Ok(disposition) = HeaderValue::from_str(&disposition) {
        headers.insert(CONTENT_DISPOSITION, disposition);
    }
    response
}

/// Each of [`PIECE`] bytes, but the last.
pub(crate) fn pieces(file: impl AsyncRead + Unpin) -> impl Stream<Item = std::io::Result<Bytes>> {
    stream::try_unfold(file, |mut file| async move {
        let mut piece = Vec::with_capacity(PIECE);
        let limit = PIECE as u64;
        (&mut file).take(limit).read_to_end(&mut piece).await?;
        Ok((!piece.is_empty()).then(|| (Bytes::from(piece), file)))
    })
}

#[cfg(test)]
mod tests {
    use std::io::{Seek as _, Write as _};

    use super::*;

    async fn answer(bytes: &[u8], name: &str) -> Answer {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.rewind().unwrap();
        Answer::new(file, Kind::Image, Some("image/png".into()), Some(name.into())).await.unwrap()
    }

    #[tokio::test]
    async fn a_file_is_told_whole() {
        for length in [0, 1, PIECE, 3 * PIECE + 1] {
            let bytes = vec![0xa5; length];
            let body = answer(&bytes, "a.png").await.bytes().into_body();
            assert_eq!(axum::body::to_bytes(body, usize::MAX).await.unwrap(), bytes);
            let body = answer(&bytes, "a \"b\".png").await.json().into_body();
            let json: serde_json::Value =
                serde_json::from_slice(&axum::body::to_bytes(body, usize::MAX).await.unwrap()).unwrap();
            assert_eq!(json["data"]["FileName"], "a \"b\".png");
            let data = json["data"]["Data"].as_str().unwrap();
            assert_eq!(STANDARD.decode(data.strip_prefix("data:image/png;base64,").unwrap()).unwrap(), bytes);
        }
    }

    #[tokio::test]
    async fn a_name_cannot_leave_its_header() {
        let response = answer(b"x", "a\"\r\nb: c/é.png").await.bytes();
        assert_eq!(response.headers()[CONTENT_DISPOSITION], "attachment; filename=\"a___b_ c__.png\"");
    }
}
