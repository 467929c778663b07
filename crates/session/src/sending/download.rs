//! A file from WhatsApp's media hosts, as a message described it.

use std::{fs, io::Seek as _, time::Duration};

use tokio::time::timeout;
use wacore::download::MediaType;
use wago_contract::{message::Download, send::media::Kind};
use wago_store::SessionId;
use whatsapp_rust::download::DownloadParams;

use crate::{
    Error, Folder, Origin, Result, Sessions,
    adapter::error,
    media::{Failure, Phones as _},
};

/// For a small file to arrive.
const DOWNLOAD_TIME: Duration = Duration::from_secs(60);
/// A larger one has more time.
const BYTES_PER_SECOND: u64 = 128 << 10;

impl Sessions {
    /// The file, opened and checked, from its beginning. It has no name and is gone when it is dropped. If WhatsApp has
    /// it no more and it is known what brought it, the phone is asked for it, once.
    pub async fn download(
        &self,
        id: SessionId,
        kind: Kind,
        mut file: Download,
        origin: Option<&Origin>,
        folder: &Folder,
    ) -> Result<fs::File> {
        match (self.fetch(id, kind, &file, folder).await, origin) {
            (Err(Error::FileGone), Some(origin)) => {
                let Some(seal) = &file.sealed else { return Err(Error::FileGone) };
                let path = self.upload_again(id, origin, &seal.media_key).await;
                file.direct_path = path.map_err(|failed| match failed {
                    Failure::Final(_) | Failure::Expired(_) => Error::FileGone,
                    Failure::Passing(reason) => Error::NotConnected { reason },
                })?;
                self.fetch(id, kind, &file, folder).await
            }
            (fetched, _) => fetched,
        }
    }

    async fn fetch(&self, id: SessionId, kind: Kind, file: &Download, folder: &Folder) -> Result<fs::File> {
        let writer = folder.file_on_disk().map_err(|_| Error::Internal("there is no place for a file".to_owned()))?;
        self.over(id, |live| async move {
            let media_type = match kind {
                Kind::Image => MediaType::Image,
                Kind::Video => MediaType::Video,
                Kind::Audio => MediaType::Audio,
                Kind::Document => MediaType::Document,
                Kind::Sticker => MediaType::Sticker,
            };
            let length = file.file_length.unwrap_or(0);
            let params = DownloadParams {
                direct_path: file.direct_path.clone(),
                media_key: file.sealed.as_ref().map(|seal| seal.media_key.to_vec()),
                file_enc_sha256: file.sealed.as_ref().map(|seal| seal.file_enc_sha256.to_vec()),
                file_sha256: file.file_sha256.to_vec(),
                file_length: length,
                media_type,
            };
            let bound = DOWNLOAD_TIME + Duration::from_secs(length / BYTES_PER_SECOND);
            let download = live.client.download_from_params_to_writer(&params, writer);
            let mut file = timeout(bound, download)
                .await
                .map_err(|_| Error::TimedOut)?
                .map_err(|failed| error::download(&failed))?;
            file.rewind().map_err(|_| Error::Internal("a file could not be read back".to_owned()))?;
            Ok(file)
        })
        .await
    }
}
