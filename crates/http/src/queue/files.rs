//! Files of sends, into the database and out of it again.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};

use wago_session::Folder;
use wago_store::{SendFile, SendFileId, SessionId, Store};

use crate::{error::ApiError, intake::Blob, reply::Result};

const PIECE: u64 = 512 << 10;

/// Keeps them, in order, until a send is queued that has them.
pub(crate) async fn keep(store: &Store, session: SessionId, blobs: Vec<Blob>, now_ms: i64) -> Result<Vec<SendFileId>> {
    let mut files = Vec::with_capacity(blobs.len());
    for mut blob in blobs {
        let (name, mimetype) = (blob.name.as_deref(), blob.mimetype.as_deref());
        let file = store.keep_send_file(session, name, mimetype, blob.encoded, now_ms).await?;
        files.push(file);
        blob.content.seek(SeekFrom::Start(0)).map_err(|_| ApiError::no_room())?;
        for place in 0.. {
            let mut piece = Vec::new();
            let read = std::io::Read::take(&mut blob.content, PIECE).read_to_end(&mut piece);
            read.map_err(|_| ApiError::no_room())?;
            if piece.is_empty() {
                break;
            }
            store.keep_send_piece(file, place, &piece).await?;
        }
    }
    Ok(files)
}

/// As it came with the request.
pub(super) async fn blob(store: &Store, folder: &Folder, file: SendFile) -> Result<Blob> {
    let mut content = folder.file();
    for place in 0.. {
        let Some(piece) = store.send_file_piece(file.id, place).await? else { break };
        content.write_all(&piece).map_err(|_| ApiError::no_room())?;
    }
    Ok(Blob { content, length: file.size, encoded: file.encoded, name: file.name, mimetype: file.mimetype })
}
