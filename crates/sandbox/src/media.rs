//! The media host: encrypted files, each under the hash of its bytes.
//!
//! A file is written aside while it comes, and takes its place in one step once its hash is the one that was claimed: what
//! was acknowledged is there after the death of the process, and what was not leaves no trace.

mod incoming;
mod sealed;
mod shelf;

use std::{
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use rand::RngExt as _;
use sha2::Sha256;
use tokio::sync::{Semaphore, SemaphorePermit};

pub(crate) use incoming::{Incoming, Refused};
pub(crate) use sealed::Sealed;
use shelf::Shelf;
pub(crate) use shelf::{Blob, Found};

use crate::account::Number;

/// Bytes of one encrypted file: 100 MiB of content, its padding and its MAC.
pub(crate) const FILE_BYTES_MAX: u64 = CONTENT_BYTES_MAX + 16 + 10;
/// Bytes of a file before it is encrypted.
pub(crate) const CONTENT_BYTES_MAX: u64 = 100 << 20;
/// How long a client may use what it was told about media hosts, in seconds.
pub(crate) const AUTH_SECONDS: u64 = 3_600;
/// Uploads at a time; more wait for their turn.
const UPLOADS_MAX: usize = 16;
const MAC_BYTES: usize = 16;

/// SHA-256 of an encrypted file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Hash([u8; 32]);

impl Hash {
    /// From the form that it has in addresses.
    pub fn parse(token: &str) -> Option<Self> {
        BASE64_URL_SAFE_NO_PAD.decode(token).ok()?.try_into().ok().map(Self)
    }

    /// The file that a direct path names.
    pub fn of_path(direct_path: &str) -> Option<Self> {
        let path = direct_path.split('?').next()?;
        let name = path.strip_prefix("/v/")?.rsplit('/').next()?;
        // Profile pictures and the files of newsletters are for everybody's eyes, and not encrypted.
        Self::parse([".enc", ".jpg", ".bin"].iter().find_map(|ending| name.strip_suffix(ending))?)
    }
}

impl std::fmt::Display for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(self.0))
    }
}

/// Where a file of that kind is downloaded from, below the host's name. It has a query, as WhatsApp's: clients add to it.
pub(crate) fn direct_path(kind: &str, hash: Hash) -> String {
    let folder = match kind {
        "image" => "t62.7118-24",
        "video" | "gif" | "ptv" => "t62.7161-24",
        "audio" | "ptt" => "t62.7117-24",
        "document" => "t62.7119-24",
        "sticker" => "t62.15575-24",
        _ => "t62.36144-24",
    };
    format!("/v/{folder}/{hash}.enc?ccb=11-4&_nc_sid=5e03e0")
}

/// Where a newsletter's file is downloaded from.
pub(crate) fn direct_path_in_the_clear(hash: Hash) -> String {
    format!("/v/t61.36240-24/{hash}.bin?ccb=11-4&_nc_sid=5e03e0")
}

/// The address that goes with a direct path. Clients take the path, and the host that the network named.
pub(crate) fn url(direct_path: &str) -> String {
    format!("https://mmg.whatsapp.net{direct_path}")
}

#[derive(Clone)]
pub(crate) struct Media(Arc<Inner>);

struct Inner {
    /// Signs the tokens that let devices upload. New at each start: a client that is refused asks for another token.
    secret: [u8; 32],
    shelf: Mutex<Shelf>,
    uploads: Semaphore,
}

impl Media {
    /// With what was kept in `folder`.
    pub fn open(folder: &Path) -> io::Result<Self> {
        Ok(Self::with(Shelf::open(folder)?))
    }

    pub fn in_memory() -> Self {
        Self::with(Shelf::in_memory())
    }

    fn with(shelf: Shelf) -> Self {
        Self(Arc::new(Inner {
            secret: rand::rng().random(),
            shelf: Mutex::new(shelf),
            uploads: Semaphore::new(UPLOADS_MAX),
        }))
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.0.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the account's devices upload for a while.
    pub fn auth(&self, number: Number, now: u64) -> String {
        let mut token = (now + AUTH_SECONDS).to_be_bytes().to_vec();
        token.extend(number.key());
        token.extend(self.mac(&token));
        BASE64_URL_SAFE_NO_PAD.encode(token)
    }

    pub fn admits(&self, auth: &str, now: u64) -> bool {
        let Ok(token) = BASE64_URL_SAFE_NO_PAD.decode(auth) else { return false };
        let Some((said, mac)) = token.split_last_chunk::<MAC_BYTES>() else { return false };
        let expires = said.first_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        self.mac(said) == *mac && now < expires
    }

    fn mac(&self, said: &[u8]) -> [u8; MAC_BYTES] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0.secret).expect("HMAC takes keys of any length");
        mac.update(said);
        let whole = mac.finalize().into_bytes();
        *whole.first_chunk().expect("SHA-256 has 32 bytes")
    }

    /// One upload's turn.
    pub async fn turn(&self) -> SemaphorePermit<'_> {
        self.0.uploads.acquire().await.expect("nobody closes it")
    }

    pub fn begin(&self) -> io::Result<Incoming> {
        self.shelf().begin()
    }

    /// How many bytes there are of an upload that broke off.
    pub fn begun(&self, hash: Hash) -> u64 {
        self.shelf().part(hash)
    }

    /// Goes on with an upload that broke off after that many bytes, if one did.
    pub fn resume(&self, hash: Hash, offset: u64) -> Option<Incoming> {
        self.shelf().take_part(hash, offset)
    }

    /// Keeps what there is of an upload that broke off, until the process ends or others take its place.
    pub fn set_aside(&self, hash: Hash, incoming: Incoming) {
        self.shelf().keep_part(hash, incoming);
    }

    /// Keeps what came, under its hash, which must be the one that was claimed if one was.
    pub fn finish(&self, incoming: Incoming, claimed: Option<Hash>) -> Result<Hash, Refused> {
        let hash = Hash(incoming.sha256());
        if claimed.is_some_and(|claimed| claimed != hash) {
            return Err(Refused::Mismatch);
        }
        self.shelf().put(hash, incoming).map_err(Refused::Disk)?;
        Ok(hash)
    }

    pub fn find(&self, hash: Hash) -> io::Result<Found> {
        self.shelf().find(hash)
    }

    /// From now on the file is gone, as WhatsApp's are after some weeks; phones keep theirs. False if there never was one.
    pub fn expire(&self, hash: Hash) -> io::Result<bool> {
        self.shelf().expire(hash)
    }

    /// A phone uploads its copy of a file again. The key is the same, and so the encrypted bytes are. False if no phone
    /// has it any more.
    pub fn restore(&self, hash: Hash) -> io::Result<bool> {
        self.shelf().restore(hash)
    }

    /// Neither the host nor any phone has the file any more. False if there never was one.
    pub fn lose(&self, hash: Hash) -> io::Result<bool> {
        self.shelf().lose(hash)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn upload(media: &Media, bytes: &[u8]) -> Hash {
        let mut incoming = media.begin().unwrap();
        incoming.write(bytes).unwrap();
        media.finish(incoming, None).unwrap()
    }

    fn content(media: &Media, hash: Hash) -> Option<Vec<u8>> {
        match media.find(hash).unwrap() {
            Found::Here(blob) => {
                let mut bytes = Vec::new();
                blob.reader(0).unwrap().read_to_end(&mut bytes).unwrap();
                assert_eq!(blob.size(), bytes.len() as u64);
                Some(bytes)
            }
            Found::Expired | Found::Unknown => None,
        }
    }

    fn files(folder: &Path) -> usize {
        std::fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn what_was_taken_survives_a_sudden_end_and_what_was_not_leaves_no_trace() {
        let folder = tempfile::tempdir().unwrap();
        let media = Media::open(folder.path()).unwrap();
        let (kept, gone) = (upload(&media, b"kept"), upload(&media, b"gone"));
        assert!(media.lose(gone).unwrap());
        let mut unfinished = media.begin().unwrap();
        unfinished.write(b"half").unwrap();
        std::mem::forget((unfinished, media));
        let media = Media::open(folder.path()).unwrap();
        assert_eq!(content(&media, kept).as_deref(), Some(&b"kept"[..]));
        assert!(matches!(media.find(gone).unwrap(), Found::Expired));
        assert_eq!(files(folder.path()), 2);
        assert_eq!(upload(&media, b"gone"), gone);
        assert_eq!(content(&media, gone).as_deref(), Some(&b"gone"[..]), "it was sent again");
        let media = Media::open(folder.path()).unwrap();
        assert_eq!(content(&media, gone).as_deref(), Some(&b"gone"[..]));
    }

    #[test]
    fn phones_keep_what_the_host_loses() {
        let folder = tempfile::tempdir().unwrap();
        for (media, kept) in [(Media::in_memory(), false), (Media::open(folder.path()).unwrap(), true)] {
            let hash = upload(&media, b"file");
            assert!(media.expire(hash).unwrap() && media.expire(hash).unwrap());
            let media = if kept { Media::open(folder.path()).unwrap() } else { media };
            assert!(matches!(media.find(hash).unwrap(), Found::Expired));
            assert!(media.restore(hash).unwrap());
            assert_eq!(content(&media, hash).as_deref(), Some(&b"file"[..]));
            media.expire(hash).unwrap();
            assert!(media.lose(hash).unwrap());
            let media = if kept { Media::open(folder.path()).unwrap() } else { media };
            assert!(!media.restore(hash).unwrap());
            assert!(matches!(media.find(hash).unwrap(), Found::Expired));
        }
    }

    #[test]
    fn a_file_must_have_the_hash_that_was_claimed() {
        for media in [Media::in_memory(), Media::open(tempfile::tempdir().unwrap().path()).unwrap()] {
            let claimed = upload(&media, b"one");
            let mut other = media.begin().unwrap();
            other.write(b"two").unwrap();
            assert!(matches!(media.finish(other, Some(claimed)), Err(Refused::Mismatch)));
            let unknown = Hash([7; 32]);
            assert!(matches!(media.find(unknown).unwrap(), Found::Unknown));
            assert!(!media.expire(unknown).unwrap());
        }
    }

    #[test]
    fn an_upload_that_broke_off_goes_on_where_it_was() {
        let media = Media::in_memory();
        let hash = upload(&media, b"first and second");
        media.expire(hash).unwrap();
        let mut incoming = media.begin().unwrap();
        incoming.write(b"first ").unwrap();
        media.set_aside(hash, incoming);
        assert_eq!(media.begun(hash), 6);
        assert!(media.resume(hash, 5).is_none());
        let mut incoming = media.resume(hash, 6).unwrap();
        incoming.write(b"and second").unwrap();
        media.finish(incoming, Some(hash)).unwrap();
        assert_eq!(content(&media, hash).as_deref(), Some(&b"first and second"[..]));
        assert_eq!(media.begun(hash), 0);
    }

    #[test]
    fn too_much_is_refused() {
        let mut incoming = Media::in_memory().begin().unwrap();
        let chunk = vec![0; 1 << 20];
        for _ in 0..FILE_BYTES_MAX / chunk.len() as u64 {
            incoming.write(&chunk).unwrap();
        }
        assert!(matches!(incoming.write(&chunk), Err(Refused::TooLarge)));
    }

    #[test]
    fn only_a_token_of_this_host_admits_and_only_for_a_while() {
        let media = Media::in_memory();
        let number = Number::parse("15550000001").unwrap();
        let auth = media.auth(number, 1_000);
        assert!(media.admits(&auth, 1_000 + AUTH_SECONDS - 1));
        assert!(!media.admits(&auth, 1_000 + AUTH_SECONDS));
        assert!(!Media::in_memory().admits(&auth, 1_000));
        for wrong in ["", "sandbox", &auth[1..]] {
            assert!(!media.admits(wrong, 1_000), "{wrong}");
        }
    }

    #[test]
    fn a_path_names_its_file() {
        let hash = Hash([250; 32]);
        let path = direct_path("image", hash);
        assert_eq!(Hash::of_path(&path), Some(hash));
        assert_eq!(Hash::of_path(&format!("{path}&hash=x")), Some(hash));
        for wrong in ["", "/v/", "/v/t62.7118-24/123_n.enc?ccb=1", "/x/t62.7118-24/"] {
            assert_eq!(Hash::of_path(wrong), None, "{wrong}");
        }
    }
}
