//! The audio files that can be played by name: those of all, and those that a session was given for itself.

use std::{
    io,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

/// Where sessions have their own, within the folder.
const OWN: &str = "sessions";
/// Files that are listed of a folder.
const LISTED_MAX: usize = 1_000;

/// A folder of audio files. A cheap handle.
#[derive(Debug, Clone)]
pub struct AudioFolder(Arc<Path>);

#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error("there is no such audio file: give a name from GET /call/audio, or an http(s) URL")]
    Missing,
    #[error("only files of the audio folder can be played: give a name within it")]
    Outside,
    #[error("a name has letters, digits, spaces and . - _ only, and begins with none of the last four")]
    Name,
    #[error("the audio folder cannot be used: {0}")]
    Disk(#[from] io::Error),
}

impl AudioFolder {
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self(path.as_ref().into())
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The file by that name: the session's own, or one of all. An absolute path has to be within the folder.
    pub fn find(&self, session: i64, name: &str) -> Result<PathBuf, FolderError> {
        let name = Path::new(name);
        let inner = match name.is_absolute() {
            true => name.strip_prefix(&self.0).map_err(|_| FolderError::Outside)?,
            false => name,
        };
        let mut parts = inner.components();
        let plain = parts.all(|part| matches!(part, Component::Normal(_)));
        // Those of other sessions are not everybody's.
        if !plain || inner.starts_with(OWN) {
            return Err(FolderError::Outside);
        }
        [self.own(session).join(inner), self.0.join(inner)]
            .into_iter()
            .find_map(|path| {
                let real = path.canonicalize().ok().filter(|real| real.is_file())?;
                // A link may lead anywhere.
                let root = self.0.canonicalize().ok()?;
                Some(if real.starts_with(root) { Ok(real) } else { Err(FolderError::Outside) })
            })
            .unwrap_or(Err(FolderError::Missing))
    }

    fn own(&self, session: i64) -> PathBuf {
        self.0.join(OWN).join(session.to_string())
    }

    /// Where a session's new file of that name goes; the folder is there.
    pub fn place(&self, session: i64, name: &str) -> Result<PathBuf, FolderError> {
        let fits = |char: char| char.is_alphanumeric() || " .-_".contains(char);
        let begins = name.chars().next().is_some_and(char::is_alphanumeric);
        if !begins || name.chars().count() > 100 || !name.chars().all(fits) {
            return Err(FolderError::Name);
        }
        let own = self.own(session);
        std::fs::create_dir_all(&own)?;
        Ok(own.join(name))
    }

    /// Names and bytes: the session's own and those of all, in order.
    pub fn list(&self, session: i64) -> Vec<(String, u64)> {
        let mut files = Vec::new();
        for folder in [self.own(session), self.0.to_path_buf()] {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().take(LISTED_MAX);
            for entry in entries {
                if let (Ok(found), Ok(name)) = (entry.metadata(), entry.file_name().into_string())
                    && found.is_file()
                    && !name.starts_with('.')
                    && !files.iter().any(|(known, _)| *known == name)
                {
                    files.push((name, found.len()));
                }
            }
        }
        files.sort();
        files
    }

    /// False: the session has no file of its own by that name.
    pub fn delete(&self, session: i64, name: &str) -> Result<bool, FolderError> {
        match std::fs::remove_file(self.place(session, name)?) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Of a session that is no more.
    pub fn forget(&self, session: i64) {
        // That there is nothing is as good.
        let _ = std::fs::remove_dir_all(self.own(session));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_the_folder_is_found_and_nothing_of_other_sessions() {
        let outer = tempfile::tempdir().unwrap();
        let root = outer.path().join("audio");
        std::fs::create_dir_all(&root).unwrap();
        std::fs::write(outer.path().join("secret.wav"), b"x").unwrap();
        std::fs::write(root.join("all.wav"), b"x").unwrap();
        std::os::unix::fs::symlink(outer.path().join("secret.wav"), root.join("link.wav")).unwrap();
        let folder = AudioFolder::new(&root);
        std::fs::write(folder.place(1, "own.wav").unwrap(), b"xy").unwrap();
        let absolute = root.join("all.wav");
        for name in ["all.wav", "own.wav", absolute.to_str().unwrap()] {
            assert!(folder.find(1, name).is_ok(), "{name}");
        }
        let secret = outer.path().join("secret.wav");
        let outside =
            ["../secret.wav", "link.wav", "sessions/1/own.wav", "x/../../secret.wav", secret.to_str().unwrap()];
        for name in outside {
            assert!(matches!(folder.find(2, name), Err(FolderError::Outside)), "{name}");
        }
        assert!(matches!(folder.find(2, "own.wav"), Err(FolderError::Missing)));
        assert_eq!(folder.list(1), [("all.wav".to_owned(), 1), ("own.wav".to_owned(), 2)]);
        assert_eq!(folder.list(2).len(), 1);
        for name in ["", "../x.wav", ".hidden", "a/b.wav", "x\0.wav"] {
            assert!(matches!(folder.place(1, name), Err(FolderError::Name)), "{name}");
        }
        assert!(folder.delete(1, "own.wav").unwrap() && !folder.delete(1, "own.wav").unwrap());
    }
}
