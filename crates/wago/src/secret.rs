//! The key that encrypts tokens at rest. It is kept outside the database, so that a copy of one is not a copy of both.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use rand::Rng as _;
use secrecy::{ExposeSecret as _, SecretString};
use wago_store::SecretKey;

pub const FILE: &str = "secret.key";
const BYTES: usize = 32;
/// Permission bits of the group and of all others.
const OTHERS: u32 = 0o077;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "{path} has {found} bytes instead of {BYTES}: put the key back that belongs to the database; only if there is no database yet, remove the file and a new key is made"
    )]
    Length { path: PathBuf, found: u64 },
    #[error("{path} can be read by others than its owner: chmod 600 {path}")]
    Exposed { path: PathBuf },
    #[error("WAGO_SECRET_KEY must be 64 hex digits (openssl rand -hex 32)")]
    NotHex,
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
}

/// The key given by configuration, or else the one in the data directory, which is made if absent.
pub fn key(given: Option<&SecretString>, data: &Path) -> Result<SecretKey, Error> {
    let bytes = match given {
        Some(hex) => from_hex(hex.expose_secret()).ok_or(Error::NotHex)?,
        None => from_file(&data.join(FILE))?,
    };
    Ok(SecretKey::from_bytes(bytes))
}

fn from_hex(hex: &str) -> Option<[u8; BYTES]> {
    let digits: Option<Vec<u8>> = hex.trim().chars().map(|digit| digit.to_digit(16)?.try_into().ok()).collect();
    let digits: [u8; 2 * BYTES] = digits?.try_into().ok()?;
    Some(std::array::from_fn(|i| digits[2 * i] << 4 | digits[2 * i + 1]))
}

fn from_file(path: &Path) -> Result<[u8; BYTES], Error> {
    let failed = |source| Error::Io { path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return make(path).map_err(failed);
        }
        Err(error) => return Err(failed(error)),
    };
    let metadata = file.metadata().map_err(failed)?;
    if metadata.mode() & OTHERS != 0 {
        return Err(Error::Exposed { path: path.to_owned() });
    }
    let mut key = [0; BYTES];
    if metadata.len() != BYTES as u64 {
        return Err(Error::Length { path: path.to_owned(), found: metadata.len() });
    }
    (&file).read_exact(&mut key).map_err(failed)?;
    Ok(key)
}

/// The key is on disk, under its name, before anything is encrypted with it. It is written under another name first:
/// a process that dies half-way must not leave a key that is too short.
fn make(path: &Path) -> io::Result<[u8; BYTES]> {
    let mut key = [0; BYTES];
    rand::rng().fill_bytes(&mut key);
    let unfinished = path.with_extension("key.new");
    // What a process left that died half-way; nothing was encrypted with it.
    match std::fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    file.write_all(&key)?;
    file.sync_all()?;
    // Unlike a rename, a link never replaces a key that came into being meanwhile.
    std::fs::hard_link(&unfinished, path)?;
    std::fs::remove_file(&unfinished)?;
    let directory = path.parent().unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    #[test]
    fn is_made_once_and_for_its_owner_alone() {
        let data = tempfile::tempdir().unwrap();
        let path = data.path().join(FILE);
        let made = from_file(&path).unwrap();
        assert_eq!(from_file(&path).unwrap(), made);
        assert_eq!(fs::read(&path).unwrap(), made);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(data.path()).unwrap().count(), 1);
        assert_ne!(made, [0; BYTES]);
    }

    #[test]
    fn what_a_crash_left_is_not_taken_for_a_key() {
        let data = tempfile::tempdir().unwrap();
        fs::write(data.path().join("secret.key.new"), [1; 7]).unwrap();
        from_file(&data.path().join(FILE)).unwrap();
    }

    #[test]
    fn a_file_that_cannot_be_the_key_is_refused() {
        let data = tempfile::tempdir().unwrap();
        let path = data.path().join(FILE);
        for (bytes, mode, said) in [
            (0, 0o600, "has 0 bytes instead of 32"),
            (33, 0o600, "has 33 bytes instead of 32"),
            (32, 0o640, "chmod 600"),
            (32, 0o604, "chmod 600"),
        ] {
            fs::write(&path, vec![7; bytes]).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = from_file(&path).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn hex_digits_are_read_in_order() {
        let hex = format!("0fA0{}", "00".repeat(30));
        let mut key = [0; BYTES];
        key[0] = 0x0f;
        key[1] = 0xa0;
        assert_eq!(from_hex(&format!(" {hex}\n")), Some(key));
        for wrong in [&hex[1..], "", &"g".repeat(64), &"é".repeat(32)] {
            assert_eq!(from_hex(wrong), None, "{wrong}");
        }
    }
}
