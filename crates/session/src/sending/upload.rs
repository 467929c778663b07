//! Files to WhatsApp's media hosts: sealed into a file of their own, and sent from there.

use std::{
    fs,
    io::{self, Read, Seek as _, SeekFrom, Write},
    os::unix::fs::FileExt as _,
    sync::Arc,
    time::Duration,
};

use tokio::time::timeout;
use wacore::{
    download::MediaType,
    upload::{EncryptedMediaInfo, UploadSource, encrypt_media_streaming},
};

use super::prepare::{Facts, Prepared, Purpose, prepare};
use crate::{Error, File, Result, adapter::error, supervisor::Live};

mod clear;

/// For the hosts to take a small file.
const UPLOAD_TIME: Duration = Duration::from_secs(150);
/// A larger one has more time.
const BYTES_PER_SECOND: u64 = 128 << 10;
const BUFFER: usize = 64 << 10;

/// A file that WhatsApp has, or that is small enough to go along.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Ready {
    pub facts: Facts,
    pub place: Option<Place>,
}

/// Where WhatsApp has a file, and what opens it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Place {
    pub url: String,
    pub direct_path: String,
    /// Empty, as the next: it is not encrypted.
    pub media_key: Vec<u8>,
    pub file_enc_sha256: Vec<u8>,
    pub file_sha256: Vec<u8>,
    pub file_length: u64,
    /// Unix seconds.
    pub media_key_timestamp: i64,
    /// Lets a video play before all of it is there.
    pub streaming_sidecar: Option<Vec<u8>>,
    /// What a newsletter's post names it by.
    pub handle: Option<String>,
}

/// Whom a file is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Readers {
    Chat,
    /// Everybody.
    Newsletter,
}

pub(super) async fn ready(live: &Live, file: File, purpose: Purpose, readers: Readers) -> Result<Ready> {
    let media_type = media_type(&purpose, readers);
    let found = purpose == Purpose::LinkImage { found: true };
    let prepared = {
        // Conversions take all of a core each. Those that wait are bounded by the requests that carry files.
        let _turn = live.conversions.acquire().await.expect("the semaphore is never closed");
        blocking(move || prepare(file, &purpose)).await
    };
    let Prepared { file, facts } = match prepared {
        Err(Error::File { .. }) if found => return Ok(Ready::default()),
        prepared => prepared?,
    };
    let Some(media_type) = media_type else {
        return Ok(Ready { facts, place: None });
    };
    let bound = UPLOAD_TIME + Duration::from_secs(file.length / BYTES_PER_SECOND);
    // Nothing was sent yet, so it can be tried again.
    let unreached = || Error::NotConnected { reason: "no media host of WhatsApp took the file".to_owned() };
    if readers == Readers::Newsletter {
        let place = timeout(bound, clear::upload(live, file, media_type)).await.map_err(|_| unreached())?;
        return match place {
            Err(Error::TimedOut) => Err(unreached()),
            place => Ok(Ready { facts, place: Some(place?) }),
        };
    }
    let (sealed, info) = blocking(move || {
        seal(file, media_type).map_err(|_| Error::Internal("a file could not be encrypted".to_owned()))
    })
    .await?;
    let upload = live.client.upload_stream(sealed, info, media_type);
    let done = timeout(bound, upload).await.map_err(|_| unreached())?;
    let done = done.map_err(|failed| match error::media(&failed) {
        Error::TimedOut | Error::Internal(_) | Error::FileGone => unreached(),
        error => error,
    })?;
    let place = Place {
        url: done.url,
        direct_path: done.direct_path,
        media_key: done.media_key.to_vec(),
        file_sha256: done.file_sha256.to_vec(),
        file_enc_sha256: done.file_enc_sha256.to_vec(),
        file_length: done.file_length,
        media_key_timestamp: done.media_key_timestamp,
        streaming_sidecar: done.streaming_sidecar,
        handle: None,
    };
    Ok(Ready { facts, place: Some(place) })
}

/// `None`: it goes along.
fn media_type(purpose: &Purpose, readers: Readers) -> Option<MediaType> {
    Some(match purpose {
        Purpose::LinkImage { .. } if readers == Readers::Newsletter => return None,
        Purpose::Image => MediaType::Image,
        Purpose::Video => MediaType::Video,
        Purpose::Audio | Purpose::Voice => MediaType::Audio,
        Purpose::Document => MediaType::Document,
        Purpose::Sticker(_) => MediaType::Sticker,
        Purpose::LinkImage { .. } => MediaType::LinkThumbnail,
        Purpose::Inline => return None,
    })
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(Error::Internal("work on a file panicked".to_owned())))
}

fn seal(mut file: File, media_type: MediaType) -> whatsapp_rust::anyhow::Result<(OnDisk, EncryptedMediaInfo)> {
    file.content.seek(SeekFrom::Start(0))?;
    let mut sealed = io::BufWriter::with_capacity(BUFFER, file.folder.file_on_disk()?);
    let info = encrypt_media_streaming(&mut file.content, &mut sealed, media_type)?;
    sealed.flush()?;
    let sealed = sealed.into_inner().map_err(io::IntoInnerError::into_error)?;
    let length = sealed.metadata()?.len();
    Ok((OnDisk { file: Arc::new(sealed), length }, info))
}

/// Without a name, so it is gone with its last reader.
struct OnDisk {
    file: Arc<fs::File>,
    length: u64,
}

impl UploadSource for OnDisk {
    fn len(&self) -> u64 {
        self.length
    }

    fn reader_from(&self, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(From { file: self.file.clone(), offset }))
    }
}

/// A reader with a place of its own in the file.
struct From {
    file: Arc<fs::File>,
    offset: u64,
}

impl Read for From {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use wago_contract::send::media::Kind;

    use super::*;
    use crate::Folder;

    #[test]
    fn what_is_sealed_can_be_read_from_anywhere() {
        let folder = Folder::new(std::env::temp_dir());
        let mut content = folder.file();
        content.write_all(&[7; 1_000_000]).unwrap();
        let file = File {
            field: "Document".into(),
            content,
            length: 1_000_000,
            kind: Kind::Document,
            mimetype: None,
            name: None,
            folder,
        };
        let (sealed, info) = seal(file, MediaType::Document).unwrap();
        assert_eq!(info.file_length, 1_000_000);
        assert_eq!(sealed.len(), wacore::upload::encrypted_len(1_000_000) as u64);
        let read = |offset| {
            let mut bytes = Vec::new();
            sealed.reader_from(offset).unwrap().read_to_end(&mut bytes).unwrap();
            bytes
        };
        assert_eq!(read(600_000), read(0)[600_000..]);
    }
}
