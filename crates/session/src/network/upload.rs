//! A file's way to WhatsApp's media hosts, a piece at a time.

use std::{io::Read, time::Duration};

use bytes::Bytes;
use futures_util::stream;
use tokio::{runtime::Handle, sync::mpsc};
use whatsapp_rust::{
    anyhow::{Result, ensure},
    http::{HttpRequest, HttpResponse},
    wacore::net::UploadBody,
};

const PIECE: usize = 64 << 10;
/// Pieces that are read ahead of the network.
const AHEAD: usize = 2;
/// The slowest line that a large file may take; a slower one times out.
const BYTES_PER_SECOND: u64 = 128 << 10;
/// Bytes of the answer: a URL and a path.
const ANSWER_MAX: usize = 64 << 10;

/// Called on a thread that may wait.
pub(super) fn stream(
    client: &reqwest::Client,
    request: HttpRequest,
    mut body: UploadBody,
    length: u64,
) -> Result<HttpResponse> {
    let (sender, receiver) = mpsc::channel::<std::io::Result<Bytes>>(AHEAD);
    let pieces = stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) });
    let mut upload = client
        .post(request.url)
        .timeout(super::HTTP_TIMEOUT + Duration::from_secs(length / BYTES_PER_SECOND))
        // WhatsApp wants to know how much comes.
        .header("Content-Length", length);
    for (name, value) in request.headers {
        upload = upload.header(name, value);
    }
    let upload = upload.body(reqwest::Body::wrap_stream(pieces));
    let runtime = Handle::current();
    let answer = runtime.spawn(answer(upload));
    loop {
        let mut piece = vec![0; PIECE];
        let piece = body.read(&mut piece).map(|read| Bytes::from(piece).slice(..read));
        let last = !matches!(&piece, Ok(piece) if !piece.is_empty());
        if matches!(&piece, Ok(piece) if piece.is_empty()) {
            break;
        }
        // Nobody takes it any more: the answer says why.
        if sender.blocking_send(piece).is_err() || last {
            break;
        }
    }
    drop(sender);
    runtime.block_on(answer)?
}

async fn answer(upload: reqwest::RequestBuilder) -> Result<HttpResponse> {
    // A URL can carry access to media, so errors are told without it.
    let mut response = upload.send().await.map_err(reqwest::Error::without_url)?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(reqwest::Error::without_url)? {
        ensure!(body.len() + chunk.len() <= ANSWER_MAX, "the reply is larger than {ANSWER_MAX} bytes");
        body.extend_from_slice(&chunk);
    }
    Ok(HttpResponse { status_code: response.status().as_u16(), body })
}
