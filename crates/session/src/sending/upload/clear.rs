//! Files of newsletters: for everybody's eyes, and so not encrypted. The engine has no call for it.

use std::{
    io::{self, BufWriter, Read as _, Seek as _, SeekFrom, Write as _},
    sync::Arc,
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use wacore::{download::MediaType, net::WHATSAPP_WEB_ORIGIN, upload::UploadSource as _};
use whatsapp_rust::http::HttpRequest;

use super::{BUFFER, OnDisk, Place, blocking};
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
    let (file, hash) = blocking(move || {
        let unwritten = |_| Error::Internal("a file could not be copied".to_owned());
        copy(file).map_err(unwritten)
    })
    .await?;
    let token = BASE64_URL_SAFE_NO_PAD.encode(hash);
    let mut failure = Error::NotConnected { reason: "WhatsApp named no media host".to_owned() };
    for attempt in 0..ATTEMPTS {
        let way = live.client.refresh_media_conn(attempt > 0).await.map_err(|failed| error::any(&failed))?;
        for host in &way.hosts {
            let (kind, host, auth) = (media_type.mms_type(), &host.hostname, &way.auth);
            let url = format!("https://{host}/newsletter/newsletter-{kind}/{token}?auth={auth}&token={token}");
            let request = HttpRequest::post(url)
                .with_header("Content-Type", "application/octet-stream")
                .with_header("Origin", WHATSAPP_WEB_ORIGIN);
            let (http, file, length) = (live.http.clone(), file.reader_from(0), file.len());
            let file = file.map_err(|_| Error::Internal("a file could not be read".to_owned()))?;
            let answer = blocking(move || Ok(http.execute_upload(request, file, length))).await?;
            failure = match answer {
                Ok(answer) if answer.status_code < 400 => {
                    let taken: Taken = serde_json::from_slice(&answer.body)
                        .map_err(|_| Error::Internal("the media host's answer could not be read".to_owned()))?;
                    return Ok(Place {
                        url: taken.url,
                        direct_path: taken.direct_path,
                        file_sha256: hash.to_vec(),
                        file_length: length,
                        handle: taken.handle,
                        ..Place::default()
                    });
                }
                Ok(answer) => Error::Rejected {
                    code: answer.status_code,
                    text: "the media host did not take the request".to_owned(),
                },
                Err(failed) => error::untyped(&failed),
            };
        }
        if !matches!(failure, Error::Rejected { code: 401 | 403, .. }) {
            break;
        }
    }
    Err(failure)
}

fn copy(mut file: File) -> io::Result<(OnDisk, [u8; 32])> {
    file.content.seek(SeekFrom::Start(0))?;
    let mut copied = BufWriter::with_capacity(BUFFER, file.folder.file_on_disk()?);
    let (mut hash, mut piece) = (Sha256::new(), vec![0; BUFFER]);
    let mut length = 0;
    loop {
        let read = file.content.read(&mut piece)?;
        if read == 0 {
            break;
        }
        hash.update(&piece[..read]);
        copied.write_all(&piece[..read])?;
        length += read as u64;
    }
    let copied = copied.into_inner().map_err(io::IntoInnerError::into_error)?;
    Ok((OnDisk { file: Arc::new(copied), length }, hash.finalize().into()))
}
