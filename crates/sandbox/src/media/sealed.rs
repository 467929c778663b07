//! What the network or a phone puts on the host itself.

use std::io;

use wacore::{download::MediaType, upload::MediaEncryptor};

use super::{Media, Refused, direct_path};

/// A file that was encrypted with a key of its own, and where it lies.
pub(crate) struct Sealed {
    pub key: Vec<u8>,
    pub direct_path: String,
    pub plain_sha256: Vec<u8>,
    pub sealed_sha256: Vec<u8>,
    /// Bytes before it was encrypted.
    pub length: u64,
}

impl Media {
    pub fn seal(&self, bytes: &[u8], kind: MediaType) -> io::Result<Sealed> {
        let mut encryptor = MediaEncryptor::new(kind).map_err(io::Error::other)?;
        let mut sealed = Vec::with_capacity(bytes.len() + 32);
        encryptor.update(bytes, &mut sealed);
        let info = encryptor.finalize(&mut sealed).map_err(io::Error::other)?;
        let refused = |refused| match refused {
            Refused::Disk(error) => error,
            Refused::TooLarge | Refused::Mismatch => io::ErrorKind::FileTooLarge.into(),
        };
        let mut incoming = self.begin()?;
        incoming.write(&sealed).map_err(refused)?;
        let hash = self.finish(incoming, None).map_err(refused)?;
        Ok(Sealed {
            key: info.media_key.to_vec(),
            direct_path: direct_path(kind.mms_type(), hash),
            plain_sha256: info.file_sha256.to_vec(),
            sealed_sha256: info.file_enc_sha256.to_vec(),
            length: info.file_length,
        })
    }
}
