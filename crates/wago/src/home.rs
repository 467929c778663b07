//! The data directory, which one process at a time may use.

use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use crate::error::Error;

const LOCK: &str = "wago.lock";

/// A data directory that is this process's until this is dropped; the system frees it too when the process is killed.
#[derive(Debug)]
pub struct Home {
    path: PathBuf,
    _lock: File,
}

impl Home {
    /// Makes the directory if need be, for its owner alone, and takes it.
    pub fn claim(path: &Path) -> Result<Self, Error> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| Error::Data { path, source }
        };
        // Absolute, so that the database's URL cannot take its first part for a host.
        let path = std::path::absolute(path).map_err(failed(path))?;
        DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(failed(&path))?;
        let lock_path = path.join(LOCK);
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&lock_path)
            .map_err(failed(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Error::InUse { path }),
            Err(TryLockError::Error(source)) => Err(failed(&lock_path)(source)),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder for files that webhooks wait for.
    pub fn media(&self) -> Result<PathBuf, Error> {
        let path = self.path.join("media");
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&path);
        made.map_err(|source| Error::Data { path: path.clone(), source })?;
        Ok(path)
    }

    /// The URL of the database in it.
    pub fn database(&self) -> Result<String, Error> {
        let path = self.path.join("wago.db");
        let Some(text) = path.to_str() else {
            return Err(Error::Data { path, source: std::io::Error::other("a database's path must be UTF-8") });
        };
        // What a URL would take for its own.
        let text = text.replace('%', "%25").replace('?', "%3F").replace('#', "%23");
        Ok(format!("sqlite://{text}"))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use wago_store::{SecretKey, Store};

    use super::*;

    #[test]
    fn is_made_for_its_owner_and_taken_by_one_at_a_time() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/b");
        let home = Home::claim(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        let second = Home::claim(&path).unwrap_err();
        assert!(matches!(second, Error::InUse { .. }), "{second}");
        drop(home);
        Home::claim(&path).unwrap();
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("file");
        std::fs::write(&path, "").unwrap();
        let said = Home::claim(&path).unwrap_err().to_string();
        assert!(said.contains("file"), "{said}");
    }

    #[tokio::test]
    async fn a_strange_name_still_holds_the_database() {
        let parent = tempfile::tempdir().unwrap();
        let home = Home::claim(&parent.path().join("a b?c#d%20é")).unwrap();
        let key = SecretKey::from_bytes([7; 32]);
        let store = Store::open(&home.database().unwrap(), key).await.unwrap();
        store.close().await;
        assert!(home.path().join("wago.db").exists());
    }
}
