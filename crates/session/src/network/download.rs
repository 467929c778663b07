//! A file's way from WhatsApp's media hosts, a piece at a time.

use std::{
    io::{self, Read},
    time::Duration,
};

use bytes::{Buf as _, Bytes};
use tokio::{runtime::Handle, time::timeout};
use whatsapp_rust::{anyhow::Result, http::HttpRequest, wacore::net::StreamingHttpResponse};

/// A host that says nothing for so long says nothing more.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// For the largest file that WhatsApp takes, at 200 KiB/s. Whoever asked for it may stop waiting before.
const WHOLE_MAX: Duration = Duration::from_secs(3 * 3600);
/// Bytes of an encrypted file: WhatsApp's largest, and what encryption adds.
const LENGTH_MAX: u64 = (2 << 30) + 1_024;

/// Called on a thread that may wait; so is the reading of the answer.
pub(super) fn open(client: &reqwest::Client, request: HttpRequest) -> Result<StreamingHttpResponse> {
    let mut asked = client.get(request.url).timeout(WHOLE_MAX);
    for (name, value) in request.headers {
        asked = asked.header(name, value);
    }
    let runtime = Handle::current();
    let answer = runtime.block_on(timeout(SILENCE_MAX, asked.send()))?;
    // A URL can carry access to media, so errors are told without it.
    let answer = answer.map_err(reqwest::Error::without_url)?;
    let status_code = answer.status().as_u16();
    let body = Body { answer, piece: Bytes::new(), runtime };
    Ok(StreamingHttpResponse { status_code, body: Box::new(body.take(LENGTH_MAX)) })
}

struct Body {
    answer: reqwest::Response,
    /// What came and was not read yet.
    piece: Bytes,
    runtime: Handle,
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            let next = self.runtime.block_on(timeout(SILENCE_MAX, self.answer.chunk()));
            let next = next.map_err(|_| io::ErrorKind::TimedOut)?;
            match next.map_err(|error| io::Error::other(error.without_url()))? {
                Some(piece) => self.piece = piece,
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}
