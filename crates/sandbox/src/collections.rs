//! App state as the network keeps it: versioned collections of what a person set on one device for all of them.
//!
//! The network cannot read them: a record is sealed, and named by a hash. It keeps each name's newest record, so that it
//! can give a new device all of them at once, and the newest patches, for devices that have seen what was before.

use std::collections::{BTreeMap, VecDeque};

use buffa::{Message as _, MessageField};
use waproto::whatsapp::{self as wa, syncd_mutation::SyncdOperation};

use crate::{
    account::Number,
    journal::{Journal, Tables},
};

const PATCH: &str = "collection";
const RECORD: &str = "collection-record";
pub(crate) const NAMES: [&str; 5] =
    ["critical_block", "critical_unblock_low", "regular_high", "regular", "regular_low"];
/// Patches of a collection that are kept; who has not seen older ones gets a snapshot.
const PATCHES_KEPT: usize = 200;
/// Mutations in one patch.
const MUTATIONS_MAX: usize = 1_000;

type Name = (Number, String);

#[derive(Default)]
pub(crate) struct Collections(BTreeMap<Name, Collection>);

#[derive(Default)]
struct Collection {
    version: u64,
    /// The newest of them, the last of which made the version.
    patches: VecDeque<Vec<u8>>,
    /// By the hash of what it is about.
    records: BTreeMap<Vec<u8>, wa::SyncdRecord>,
}

/// Why a patch is not taken: WhatsApp's code and word.
pub(crate) type Refused = (u16, &'static str);

impl Collections {
    pub fn restore(tables: &Tables) -> Self {
        let mut collections: BTreeMap<Name, Collection> = BTreeMap::new();
        let rows = |table: &str| tables.get(table).into_iter().flatten();
        for (key, record) in rows(RECORD) {
            if let Some((name, index)) = parse_row(key)
                && let Ok(record) = wa::SyncdRecord::decode_from_slice(record)
            {
                collections.entry(name).or_default().records.insert(index.to_owned(), record);
            }
        }
        // Keys sort by number, name and version, so the patches come in order.
        for (key, bytes) in rows(PATCH) {
            let Some((name, version)) = parse_row(key) else { continue };
            let (Ok(version), Ok(patch)) = (version.try_into(), wa::SyncdPatch::decode_from_slice(bytes)) else {
                continue;
            };
            let collection = collections.entry(name).or_default();
            collection.version = u64::from_be_bytes(version) + 1;
            // Records were not kept apart at first; what is there again changes nothing.
            collection.fold(&patch);
            collection.patches.push_back(bytes.clone());
        }
        Self(collections)
    }

    pub fn version(&self, number: Number, name: &str) -> u64 {
        self.get(number, name).map_or(0, |collection| collection.version)
    }

    fn get(&self, number: Number, name: &str) -> Option<&Collection> {
        self.0.get(&(number, name.to_owned()))
    }

    /// The patches behind that version. `None`: some of them are not kept any more.
    pub fn after(&self, number: Number, name: &str, version: u64) -> Option<Vec<&[u8]>> {
        let Some(collection) = self.get(number, name) else { return Some(Vec::new()) };
        let behind = usize::try_from(collection.version.saturating_sub(version)).ok()?;
        let skipped = collection.patches.len().checked_sub(behind)?;
        Some(collection.patches.iter().skip(skipped).map(Vec::as_slice).collect())
    }

    /// All of it. `None`: nothing was ever written.
    pub fn snapshot(&self, number: Number, name: &str) -> Option<wa::SyncdSnapshot> {
        let collection = self.get(number, name)?;
        // Whoever wrote last vouches for the whole, which includes what was there before.
        let last = wa::SyncdPatch::decode_from_slice(collection.patches.back()?).ok()?;
        Some(wa::SyncdSnapshot {
            version: MessageField::some(wa::SyncdVersion { version: Some(collection.version) }),
            records: collection.records.values().cloned().collect(),
            mac: last.snapshot_mac,
            key_id: last.key_id,
        })
    }

    /// The version that the patch made. Refused when it was not built on the newest one.
    pub fn append(
        &mut self,
        number: Number,
        name: &str,
        version: u64,
        patch: &[u8],
        journal: &Journal,
    ) -> Result<u64, Refused> {
        let mut patch = wa::SyncdPatch::decode_from_slice(patch).map_err(|_| (400, "bad-request"))?;
        if patch.mutations.len() > MUTATIONS_MAX || !patch.mutations.iter().all(is_whole) {
            return Err((400, "bad-request"));
        }
        let collection = self.0.entry((number, name.to_owned())).or_default();
        if version != collection.version {
            return Err((409, "conflict"));
        }
        collection.version = version + 1;
        patch.version = MessageField::some(wa::SyncdVersion { version: Some(collection.version) });
        for (index, record) in collection.fold(&patch) {
            let key = row(number, name, &index);
            match record {
                Some(record) => journal.put(RECORD, &key, &record.encode_to_vec()),
                None => journal.delete(RECORD, &key),
            }
        }
        let bytes = patch.encode_to_vec();
        journal.put(PATCH, &row(number, name, &version.to_be_bytes()), &bytes);
        collection.patches.push_back(bytes);
        if collection.patches.len() > PATCHES_KEPT {
            collection.patches.pop_front();
            let oldest = collection.version - u64::try_from(collection.patches.len()).unwrap_or_default();
            journal.delete(PATCH, &row(number, name, &(oldest - 1).to_be_bytes()));
        }
        Ok(collection.version)
    }

    /// The account begins anew.
    pub fn forget(&mut self, number: Number, journal: &Journal) {
        for name in NAMES {
            let Some(collection) = self.0.remove(&(number, name.to_owned())) else { continue };
            for index in collection.records.keys() {
                journal.delete(RECORD, &row(number, name, index));
            }
            let kept = u64::try_from(collection.patches.len()).unwrap_or_default();
            for version in collection.version - kept..collection.version {
                journal.delete(PATCH, &row(number, name, &version.to_be_bytes()));
            }
        }
    }
}

impl Collection {
    /// What the patch changed, by the hash of what it is about.
    fn fold(&mut self, patch: &wa::SyncdPatch) -> Vec<(Vec<u8>, Option<wa::SyncdRecord>)> {
        let mut changed = Vec::with_capacity(patch.mutations.len());
        for mutation in &patch.mutations {
            let Some(record) = mutation.record.as_option() else { continue };
            let Some(index) = index(record) else { continue };
            let removed = mutation.operation.is_some_and(|operation| operation == SyncdOperation::REMOVE);
            let record = (!removed).then(|| record.clone());
            match &record {
                Some(record) => self.records.insert(index.clone(), record.clone()),
                None => self.records.remove(&index),
            };
            changed.push((index, record));
        }
        changed
    }
}

fn index(record: &wa::SyncdRecord) -> Option<Vec<u8>> {
    record.index.as_option()?.blob.clone().filter(|index| index.len() == 32)
}

fn is_whole(mutation: &wa::SyncdMutation) -> bool {
    mutation.record.as_option().is_some_and(|record| index(record).is_some() && record.value.is_set())
}

fn row(number: Number, name: &str, rest: &[u8]) -> Vec<u8> {
    [number.key().as_slice(), name.as_bytes(), &[0], rest].concat()
}

fn parse_row(key: &[u8]) -> Option<(Name, &[u8])> {
    let (number, rest) = key.split_first_chunk::<8>()?;
    let end = rest.iter().position(|byte| *byte == 0)?;
    let name = std::str::from_utf8(&rest[..end]).ok()?;
    Some(((Number::from_key(number)?, name.to_owned()), &rest[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "regular";

    fn number() -> Number {
        Number::parse("15550000001").unwrap()
    }

    fn patch(about: u8, value: Option<u8>) -> Vec<u8> {
        let operation = if value.is_some() { SyncdOperation::SET } else { SyncdOperation::REMOVE };
        let record = wa::SyncdRecord {
            index: MessageField::some(wa::SyncdIndex { blob: Some(vec![about; 32]) }),
            value: MessageField::some(wa::SyncdValue { blob: Some(vec![value.unwrap_or_default(); 48]) }),
            ..Default::default()
        };
        let mutation = wa::SyncdMutation { operation: Some(operation.into()), record: MessageField::some(record) };
        wa::SyncdPatch { mutations: vec![mutation], snapshot_mac: value.map(|value| vec![value]), ..Default::default() }
            .encode_to_vec()
    }

    fn values(collections: &Collections) -> Vec<u8> {
        let snapshot = collections.snapshot(number(), NAME).unwrap();
        snapshot.records.iter().map(|record| record.value.blob.as_ref().unwrap()[0]).collect()
    }

    #[test]
    fn a_patch_is_built_on_the_newest_version() {
        let (mut collections, journal) = (Collections::default(), Journal::in_memory());
        let mut append = |version, patch: &[u8]| collections.append(number(), NAME, version, patch, &journal);
        assert_eq!(append(0, &patch(1, Some(1))), Ok(1));
        assert_eq!(append(0, &patch(1, Some(2))), Err((409, "conflict")));
        assert_eq!(append(2, &patch(1, Some(2))), Err((409, "conflict")));
        assert_eq!(append(1, b"no patch"), Err((400, "bad-request")));
        let empty = wa::SyncdPatch { mutations: vec![Default::default()], ..Default::default() };
        assert_eq!(append(1, &empty.encode_to_vec()), Err((400, "bad-request")));
        assert_eq!(append(1, &patch(1, Some(3))), Ok(2));
        assert_eq!(collections.after(number(), NAME, 1).unwrap().len(), 1);
        assert_eq!(collections.after(number(), "regular_low", 0), Some(Vec::new()));
        assert_eq!(collections.snapshot(number(), "regular_low"), None);
        assert_eq!((values(&collections), collections.snapshot(number(), NAME).unwrap().mac), (vec![3], Some(vec![3])));
    }

    #[test]
    fn what_was_replaced_is_gone_and_the_oldest_patches_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (journal, _) = Journal::open(&path).unwrap();
        let mut collections = Collections::default();
        let count = u64::try_from(PATCHES_KEPT).unwrap() + 50;
        for version in 0..count {
            let about = u8::try_from(version % 100).unwrap();
            collections.append(number(), NAME, version, &patch(about, Some(about)), &journal).unwrap();
        }
        collections.append(number(), NAME, count, &patch(7, None), &journal).unwrap();
        let (journal, tables) = Journal::open(&path).unwrap();
        for mut known in [collections, Collections::restore(&tables)] {
            assert_eq!(known.version(number(), NAME), count + 1);
            assert_eq!(values(&known), (0..100).filter(|about| *about != 7).collect::<Vec<_>>());
            assert_eq!(known.after(number(), NAME, 50), None);
            assert_eq!(known.after(number(), NAME, 51).unwrap().len(), PATCHES_KEPT);
            assert_eq!(known.after(number(), NAME, count + 1), Some(Vec::new()));
            known.forget(number(), &journal);
            assert_eq!(known.version(number(), NAME), 0);
        }
        let (_, tables) = Journal::open(&path).unwrap();
        assert!(tables.values().all(BTreeMap::is_empty));
    }
}
