//! The network's state on disk: an append-only log of records, each a table, a key, and a value or its removal.
//!
//! A record is handed to the operating system before anything that follows from it is acknowledged, so it survives the
//! death of the process at any moment. (A power cut may take the last records: this is a development network.) The log
//! is read at start, cut off where the last write was torn, and rewritten without what was replaced; while the network
//! runs it only grows.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{Read as _, Write as _},
    path::Path,
    sync::{Mutex, PoisonError},
};

use crate::Error;

/// A larger length can only be damage.
const RECORD_BYTES_MAX: usize = 64 << 20;
const HEAD_BYTES: usize = 8;

/// Table, key and value of what was kept.
pub(crate) type Tables = BTreeMap<String, BTreeMap<Vec<u8>, Vec<u8>>>;

/// Where changes go. Without a file they are forgotten with the process.
pub(crate) struct Journal {
    file: Option<Mutex<File>>,
}

impl Journal {
    pub fn in_memory() -> Self {
        Self { file: None }
    }

    /// Reads what was kept, and goes on writing after it.
    pub fn open(path: &Path) -> Result<(Self, Tables), Error> {
        let io = |error: std::io::Error| Error::Journal { path: path.to_owned(), error };
        let tables = match File::open(path) {
            Ok(mut file) => {
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes).map_err(io)?;
                replay(&bytes)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Tables::new(),
            Err(error) => return Err(io(error)),
        };
        let compact = path.with_extension("new");
        let mut bytes = Vec::new();
        for (table, rows) in &tables {
            for (key, value) in rows {
                append(&mut bytes, table, key, Some(value));
            }
        }
        std::fs::write(&compact, &bytes).map_err(io)?;
        std::fs::rename(&compact, path).map_err(io)?;
        let file = OpenOptions::new().append(true).open(path).map_err(io)?;
        Ok((Self { file: Some(Mutex::new(file)) }, tables))
    }

    pub fn put(&self, table: &str, key: &[u8], value: &[u8]) {
        self.write(table, key, Some(value));
    }

    pub fn delete(&self, table: &str, key: &[u8]) {
        self.write(table, key, None);
    }

    /// A disk that takes no more writes ends the process: a network that forgets what it acknowledged is of no use.
    fn write(&self, table: &str, key: &[u8], value: Option<&[u8]>) {
        let Some(file) = &self.file else { return };
        let mut record = Vec::with_capacity(HEAD_BYTES + table.len() + key.len() + value.map_or(0, <[u8]>::len) + 8);
        append(&mut record, table, key, value);
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = file.write_all(&record) {
            tracing::error!(%error, "the network's journal cannot be written");
            std::process::exit(1);
        }
    }
}

fn append(bytes: &mut Vec<u8>, table: &str, key: &[u8], value: Option<&[u8]>) {
    let start = bytes.len();
    bytes.extend([0; HEAD_BYTES]);
    bytes.push(u8::try_from(table.len()).expect("table names are short"));
    bytes.extend(table.as_bytes());
    bytes.extend(u16::try_from(key.len()).expect("keys are short").to_be_bytes());
    bytes.extend(key);
    bytes.push(u8::from(value.is_some()));
    bytes.extend(value.unwrap_or_default());
    let body = &bytes[start + HEAD_BYTES..];
    let (length, checksum) = (u32::try_from(body.len()).expect("values are bounded"), crc32fast::hash(body));
    bytes[start..start + 4].copy_from_slice(&length.to_be_bytes());
    bytes[start + 4..start + HEAD_BYTES].copy_from_slice(&checksum.to_be_bytes());
}

fn replay(mut bytes: &[u8]) -> Tables {
    let mut tables = Tables::new();
    while let Some(body) = next_record(&mut bytes) {
        let Some((table, key, value)) = parse(body) else { break };
        let rows = tables.entry(table.to_owned()).or_default();
        match value {
            Some(value) => rows.insert(key.to_vec(), value.to_vec()),
            None => rows.remove(key),
        };
    }
    tables
}

fn next_record<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (checksum, rest) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok().filter(|length| *length <= RECORD_BYTES_MAX)?;
    let (body, rest) = rest.split_at_checked(length)?;
    (crc32fast::hash(body) == u32::from_be_bytes(*checksum)).then(|| {
        *bytes = rest;
        body
    })
}

fn parse(body: &[u8]) -> Option<(&str, &[u8], Option<&[u8]>)> {
    let (table_bytes, rest) = body.split_first()?;
    let (table, rest) = rest.split_at_checked(usize::from(*table_bytes))?;
    let (key_bytes, rest) = rest.split_first_chunk::<2>()?;
    let (key, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*key_bytes)))?;
    let (kept, value) = rest.split_first()?;
    Some((std::str::from_utf8(table).ok()?, key, (*kept == 1).then_some(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(tables: &Tables) -> Vec<(String, Vec<u8>, Vec<u8>)> {
        tables.iter().flat_map(|(t, rows)| rows.iter().map(|(k, v)| (t.clone(), k.clone(), v.clone()))).collect()
    }

    #[test]
    fn what_was_kept_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (journal, tables) = Journal::open(&path).unwrap();
        assert!(tables.is_empty());
        journal.put("a", b"1", b"one");
        journal.put("a", b"2", b"two");
        journal.put("a", b"1", b"uno");
        journal.delete("a", b"2");
        journal.put("b", b"", b"");
        drop(journal);
        let before = std::fs::metadata(&path).unwrap().len();
        let (_, tables) = Journal::open(&path).unwrap();
        assert_eq!(rows(&tables), [("a".into(), b"1".to_vec(), b"uno".to_vec()), ("b".into(), vec![], vec![])]);
        assert!(std::fs::metadata(&path).unwrap().len() < before, "what was replaced is gone");
    }

    #[test]
    fn a_torn_or_damaged_tail_is_cut_off() {
        let mut whole = Vec::new();
        append(&mut whole, "a", b"1", Some(b"one"));
        let first = whole.len();
        append(&mut whole, "a", b"2", Some(b"two"));
        for end in first..whole.len() {
            assert_eq!(rows(&replay(&whole[..end])).len(), 1, "cut at {end}");
        }
        let mut damaged = whole.clone();
        *damaged.last_mut().unwrap() ^= 1;
        assert_eq!(rows(&replay(&damaged)).len(), 1);
        assert_eq!(rows(&replay(&whole)).len(), 2);
        assert!(replay(&[0xff; 40]).is_empty());
    }
}
