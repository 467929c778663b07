//! Which files are there, which are gone, and where their bytes are.

use std::{
    collections::{HashMap, VecDeque},
    fs::File,
    io::{self, Read, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

use bytes::Bytes;

use super::{Hash, Incoming};

/// All files together. Beyond, the oldest expires.
const DISK_BYTES_MAX: u64 = 10 << 30;
const MEMORY_BYTES_MAX: u64 = 1 << 30;
/// Files that are remembered, with those that have expired. Beyond, the oldest is as if it had never been.
const FILES_MAX: usize = 100_000;
/// Uploads that broke off. Beyond, the oldest is forgotten.
const PARTS_MAX: usize = 16;

const FILE: &str = "enc";
const GONE: &str = "gone";
const COPY: &str = "copy";
const UNFINISHED: &str = "part";

/// What became of a file.
pub(crate) enum Found {
    Here(Blob),
    Expired,
    Unknown,
}

/// An encrypted file that is there. Once found it stays readable, even if it expires meanwhile.
pub(crate) enum Blob {
    Disk { file: File, size: u64 },
    Memory(Bytes),
}

impl Blob {
    pub fn size(&self) -> u64 {
        match self {
            Self::Disk { size, .. } => *size,
            Self::Memory(bytes) => bytes.len() as u64,
        }
    }

    /// Its bytes from `offset` on. One reader of a file at a time: they share a place in it.
    pub fn reader(&self, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            Self::Disk { file, .. } => {
                let mut file = file.try_clone()?;
                file.seek(SeekFrom::Start(offset))?;
                Box::new(file)
            }
            Self::Memory(bytes) => {
                let start = usize::try_from(offset).map_or(bytes.len(), |offset| offset.min(bytes.len()));
                Box::new(io::Cursor::new(bytes.slice(start..)))
            }
        })
    }
}

/// A file, or the memory of one. What the host lost by itself the phones still have: of all their copies one is kept here.
enum Held {
    Disk { size: u64, expired: bool },
    Memory { bytes: Bytes, expired: bool },
    Lost,
}

impl Held {
    fn size(&self) -> u64 {
        match self {
            Self::Disk { size, .. } => *size,
            Self::Memory { bytes, .. } => bytes.len() as u64,
            Self::Lost => 0,
        }
    }

    fn is_here(&self) -> bool {
        matches!(self, Self::Disk { expired: false, .. } | Self::Memory { expired: false, .. })
    }
}

pub(super) struct Shelf {
    /// Without one all is in memory.
    folder: Option<PathBuf>,
    files: HashMap<Hash, Held>,
    /// By age, the oldest first.
    order: VecDeque<Hash>,
    bytes: u64,
    bytes_max: u64,
    parts: VecDeque<(Hash, Incoming)>,
    next: u64,
}

impl Shelf {
    pub fn in_memory() -> Self {
        Self {
            folder: None,
            files: HashMap::new(),
            order: VecDeque::new(),
            bytes: 0,
            bytes_max: MEMORY_BYTES_MAX,
            parts: VecDeque::new(),
            next: 0,
        }
    }

    pub fn open(folder: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let mut shelf = Self { folder: Some(folder.to_owned()), bytes_max: DISK_BYTES_MAX, ..Self::in_memory() };
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let path = entry.path();
            let hash = path.file_stem().and_then(|stem| stem.to_str()).and_then(Hash::parse);
            let kind = path.extension().and_then(|extension| extension.to_str());
            let metadata = entry.metadata()?;
            match (hash, kind) {
                (Some(hash), Some(FILE)) => {
                    found.push((metadata.modified()?, hash, Held::Disk { size: metadata.len(), expired: false }));
                }
                (Some(hash), Some(COPY)) => {
                    found.push((metadata.modified()?, hash, Held::Disk { size: metadata.len(), expired: true }));
                }
                (Some(hash), Some(GONE)) => found.push((metadata.modified()?, hash, Held::Lost)),
                (_, Some(UNFINISHED)) => std::fs::remove_file(path)?,
                // Nothing of ours.
                _ => {}
            }
        }
        // A file beside its mark had just been sent again, or was just about to expire. It counts: nobody was told else.
        found.sort_by_key(|(modified, _, held)| (held.is_here(), *modified));
        for (_, hash, held) in found {
            shelf.hold(hash, held);
        }
        Ok(shelf)
    }

    fn hold(&mut self, hash: Hash, held: Held) {
        self.bytes += held.size();
        match self.files.insert(hash, held) {
            Some(old) => self.bytes -= old.size(),
            None => self.order.push_back(hash),
        }
    }

    fn path(&self, hash: Hash, kind: &str) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| folder.join(format!("{hash}.{kind}")))
    }

    pub fn begin(&mut self) -> io::Result<Incoming> {
        self.next += 1;
        match &self.folder {
            Some(folder) => Incoming::on_disk(folder.join(format!("{}.{UNFINISHED}", self.next))),
            None => Ok(Incoming::in_memory()),
        }
    }

    pub fn part(&self, hash: Hash) -> u64 {
        self.parts.iter().find(|(of, _)| *of == hash).map_or(0, |(_, part)| part.size())
    }

    pub fn take_part(&mut self, hash: Hash, offset: u64) -> Option<Incoming> {
        let at = self.parts.iter().position(|(of, part)| *of == hash && part.size() == offset)?;
        self.parts.remove(at).map(|(_, part)| part)
    }

    pub fn keep_part(&mut self, hash: Hash, part: Incoming) {
        self.parts.retain(|(of, _)| *of != hash);
        self.parts.push_back((hash, part));
        if self.parts.len() > PARTS_MAX {
            self.parts.pop_front();
        }
    }

    pub fn put(&mut self, hash: Hash, incoming: Incoming) -> io::Result<()> {
        self.parts.retain(|(of, _)| *of != hash);
        let size = incoming.size();
        let place = self.path(hash, FILE);
        let held = match incoming.settle(|| place.unwrap_or_default())? {
            Some(bytes) => Held::Memory { bytes, expired: false },
            None => Held::Disk { size, expired: false },
        };
        self.unmark(hash)?;
        self.hold(hash, held);
        while self.bytes > self.bytes_max
            && let Some(oldest) = self.order.iter().copied().find(|hash| self.files[hash].size() > 0)
        {
            self.lose(oldest)?;
        }
        if self.order.len() > FILES_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.lose(oldest)?;
            self.unmark(oldest)?;
            self.files.remove(&oldest);
        }
        Ok(())
    }

    /// Takes the mark of a file that had expired away, and what was kept of it.
    fn unmark(&self, hash: Hash) -> io::Result<()> {
        [GONE, COPY].into_iter().filter_map(|kind| self.path(hash, kind)).try_for_each(|path| removed(&path))
    }

    pub fn find(&self, hash: Hash) -> io::Result<Found> {
        Ok(match self.files.get(&hash) {
            Some(Held::Memory { bytes, expired: false }) => Found::Here(Blob::Memory(bytes.clone())),
            Some(Held::Disk { size, expired: false }) => {
                let path = self.path(hash, FILE).unwrap_or_default();
                Found::Here(Blob::Disk { file: File::open(path)?, size: *size })
            }
            Some(_) => Found::Expired,
            None => Found::Unknown,
        })
    }

    /// The host no longer gives it out. False if there never was one.
    pub fn expire(&mut self, hash: Hash) -> io::Result<bool> {
        self.turn(hash, true).map(|held| held.is_some())
    }

    /// The host has it again. False if nobody has a copy.
    pub fn restore(&mut self, hash: Hash) -> io::Result<bool> {
        self.turn(hash, false).map(|held| held.is_some_and(Held::is_here))
    }

    fn turn(&mut self, hash: Hash, expire: bool) -> io::Result<Option<&Held>> {
        let paths = self.path(hash, FILE).zip(self.path(hash, COPY));
        match self.files.get_mut(&hash) {
            Some(Held::Disk { expired, .. }) if *expired != expire => {
                if let Some((file, copy)) = paths {
                    let (from, to) = if expire { (file, copy) } else { (copy, file) };
                    std::fs::rename(from, to)?;
                }
                *expired = expire;
            }
            Some(Held::Memory { expired, .. }) => *expired = expire,
            _ => {}
        }
        Ok(self.files.get(&hash))
    }

    /// Nobody has it any more. False if there never was one.
    pub fn lose(&mut self, hash: Hash) -> io::Result<bool> {
        if !self.files.contains_key(&hash) {
            return Ok(false);
        }
        if let Some(mark) = self.path(hash, GONE) {
            File::create(mark)?;
        }
        [FILE, COPY].into_iter().filter_map(|kind| self.path(hash, kind)).try_for_each(|path| removed(&path))?;
        self.hold(hash, Held::Lost);
        Ok(true)
    }
}

fn removed(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
