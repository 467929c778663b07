//! Files of newsletters: for everybody's eyes, and so not encrypted. The engine has no call for it.

use std::io::{self, Read as _, Seek as _, SeekFrom};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use wacore::{download::MediaType, net::WHATSAPP_WEB_ORIGIN};
use whatsapp_rust::{
    anyhow,
    http::{HttpRequest, HttpResponse},
};

use super::{Place, blocking};
use crate::{Error, File, Result, adapter::error, supervisor::Live};

/// The second time with another proof of being allowed to.
const ATTEMPTS: u32 = 2;

#[derive(Deserialize)]
struct Taken {
    url: String,
    direct_path: String,
    /// What the post's stanza names the file by.
    handle: Option<String>,
}

pub(super) async fn upload(live: &Live, file: File, media_type: MediaType) -> Result<Place> {
    let unread = |_| Error::Internal("a file could not be read".to_owned());
    let (mut file, hash) = blocking(move || {
        let mut file = file;
        let hash = hash(&mut file.content).map_err(unread)?;
        Ok((file, hash))
    })
    .await?;
    let token = BASE64_URL_SAFE_NO_PAD.encode(hash);
    let mut failure = Error::NotConnected { reason: "WhatsApp named no media host".to_owned() };
    for attempt in 0..ATTEMPTS {
        let way = live.client.refresh_media_conn(attempt > 0).await.map_err(|failed| error::any(&failed))?;
        for host in &way.hosts {
            let kind = media_type.mms_type();
            let (host, auth) = (&host.hostname, &way.auth);
            let url = format!("https://{host}/newsletter/newsletter-{kind}/{token}?auth={auth}&token={token}");
            let request = HttpRequest::post(url)
                .with_header("Content-Type", "application/octet-stream")
                .with_header("Origin", WHATSAPP_WEB_ORIGIN);
            let answer;
            (file, answer) = send(live, file, request).await?;
            match answer {
                Ok(answer) if answer.status_code < 400 => {
                    let taken: Taken = serde_json::from_slice(&answer.body)
                        .map_err(|_| Error::Internal("the media host's answer could not be read".to_owned()))?;
                    return Ok(Place {
                        url: taken.url,
                        direct_path: taken.direct_path,
                        file_sha256: hash.to_vec(),
                        file_length: file.length,
                        handle: taken.handle,
                        ..Place::default()
                    });
                }
                Ok(answer) => {
                    let text = "the media host did not take the request".to_owned();
                    failure = Error::Rejected { code: answer.status_code, text };
                }
                Err(failed) => failure = error::untyped(&failed),
            }
        }
        if !matches!(failure, Error::Rejected { code: 401 | 403, .. }) {
            break;
        }
    }
    Err(failure)
}

/// The file comes back, for another attempt.
async fn send(live: &Live, mut file: File, request: HttpRequest) -> Result<(File, anyhow::Result<HttpResponse>)> {
    let http = live.http.clone();
    let unread = |_| Error::Internal("a file could not be read".to_owned());
    blocking(move || {
        file.content.seek(SeekFrom::Start(0)).map_err(unread)?;
        let length = file.length;
        // What reads the body keeps it, so it gets a handle of its own.
        let (body, content) = file.content.share().map_err(unread)?;
        file.content = content;
        let answer = http.execute_upload(request, Box::new(body), length);
        Ok((file, answer))
    })
    .await
}

fn hash(content: &mut (impl io::Read + io::Seek)) -> io::Result<[u8; 32]> {
    content.seek(SeekFrom::Start(0))?;
    let (mut hash, mut piece) = (Sha256::new(), vec![0; 64 << 10]);
    loop {
        let read = content.read(&mut piece)?;
        if read == 0 {
            return Ok(hash.finalize().into());
        }
        hash.update(&piece[..read]);
    }
}
