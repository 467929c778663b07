//! Changes of the app state that the engine takes in without a word: labels on messages, and people who were taken out of the
//! address book. They are read from the patches themselves, which pass by on their way to the engine.

use std::{
    collections::{HashMap, hash_map::Entry},
    time::Duration,
};

use tokio::time::timeout;
use wacore::{
    appstate::{
        decode::{Mutation, decode_record},
        keys::{ExpandedAppStateKeys, expand_app_state_keys},
        patch_decode::{PatchList, WAPatchName, parse_patch_lists_ref},
    },
    store::{error::Result, traits::AppSyncStore as _},
    types::events::{ContactUpdate, Event},
};
use wacore_binary::Jid;
use waproto::{
    codec::{syncd_mutations_decode, syncd_snapshot_decode},
    whatsapp::{self as wa, syncd_mutation::SyncdOperation},
};
use whatsapp_rust::Client;

use crate::{
    adapter::{
        account,
        app_state::{CONTACT, unsaid},
        names::Around,
    },
    backend::Backend,
    record::Record,
};

/// How long the media host may take for a file with many changes.
const FETCH_MAX: Duration = Duration::from_secs(30);

/// People who were named and taken out within the answer that was read last, each with the time of the name: the engine is
/// yet to tell of that.
#[derive(Default)]
pub(crate) struct Unsaid {
    removed: HashMap<Jid, (i64, Record)>,
}

impl Unsaid {
    /// # Errors
    ///
    /// If the store fails.
    pub async fn of_event(
        &mut self,
        client: &Client,
        backend: &Backend,
        event: &Event,
        around: Around<'_>,
    ) -> Result<Vec<Record>> {
        match event {
            Event::RawNode(stanza) if account::is_app_state(stanza.get()) => {
                let mut records = Vec::new();
                // What cannot be read the engine reports.
                for list in parse_patch_lists_ref(stanza.get()).unwrap_or_default() {
                    let whole = list.snapshot_ref.is_some();
                    let mutations = opened(client, backend, list).await?;
                    records.extend(self.of_mutations(&mutations, whole, around));
                }
                Ok(records)
            }
            Event::ContactUpdate(named) => Ok(self.after(named).into_iter().collect()),
            _ => Ok(Vec::new()),
        }
    }

    /// What is to be told after a name.
    fn after(&mut self, named: &ContactUpdate) -> Option<Record> {
        match self.removed.entry(named.jid.clone()) {
            Entry::Occupied(removed) if removed.get().0 <= named.timestamp.timestamp_millis() => {
                Some(removed.remove().1)
            }
            _ => None,
        }
    }

    fn of_mutations(&mut self, mutations: &[Mutation], whole: bool, around: Around) -> Vec<Record> {
        let mut records = Vec::new();
        // The last word about a contact, and the time of the last name before it.
        let mut contacts: HashMap<Jid, (&Mutation, Option<i64>)> = HashMap::new();
        for mutation in mutations {
            match mutation.index.as_slice() {
                [action, jid, ..] if action == CONTACT => {
                    let Ok(jid) = jid.parse() else { continue };
                    let named = (mutation.operation == SyncdOperation::Set).then(|| at(mutation));
                    let (last, before) = contacts.entry(jid).or_insert((mutation, None));
                    (*last, *before) = (mutation, named.or(*before));
                }
                _ => records.extend(unsaid(mutation, whole, around)),
            }
        }
        if !contacts.is_empty() {
            self.removed.clear();
        }
        for (jid, (last, named)) in contacts {
            match (unsaid(last, whole, around), named) {
                (Some(record), Some(at)) => drop(self.removed.insert(jid, (at, record))),
                (record, _) => records.extend(record),
            }
        }
        records
    }
}

fn at(mutation: &Mutation) -> i64 {
    mutation.action_value.as_ref().and_then(|value| value.timestamp).unwrap_or_default()
}

/// All that the answer brings of a collection, in its order, as far as it can be opened.
async fn opened(client: &Client, backend: &Backend, list: PatchList) -> Result<Vec<Mutation>> {
    let mut sealed: Vec<(SyncdOperation, wa::SyncdRecord)> = Vec::new();
    // No other whole collection has something that the engine does not tell of.
    if let Some(file) = list.snapshot_ref.filter(|_| list.name == WAPatchName::Regular) {
        let snapshot = fetched(client, &file).await.and_then(|bytes| syncd_snapshot_decode(&bytes).ok());
        let records = snapshot.map(|snapshot| snapshot.records).unwrap_or_default();
        sealed.extend(records.into_iter().map(|record| (SyncdOperation::Set, record)));
    }
    for patch in list.patches {
        let mutations = match patch.external_mutations.as_option() {
            Some(file) => {
                let outside = fetched(client, file).await.and_then(|bytes| syncd_mutations_decode(&bytes).ok());
                outside.map(|outside| outside.mutations).unwrap_or_default()
            }
            None => patch.mutations,
        };
        let known = |mutation: wa::SyncdMutation| {
            let operation = mutation.operation.map_or(Some(SyncdOperation::Set), |one| one.as_known())?;
            Some((operation, mutation.record.into_option()?))
        };
        sealed.extend(mutations.into_iter().filter_map(known));
    }
    let mut keys: HashMap<Vec<u8>, Option<ExpandedAppStateKeys>> = HashMap::new();
    let mut mutations = Vec::with_capacity(sealed.len());
    for (operation, record) in &sealed {
        let Some(id) = record.key_id.id.as_deref() else { continue };
        if !keys.contains_key(id) {
            let key = backend.get_sync_key(id).await?;
            keys.insert(id.to_vec(), key.map(|key| expand_app_state_keys(&key.key_data)));
        }
        // Without the key the engine cannot open it either: it asks for the key, and reads the collection again.
        let Some(Some(key)) = keys.get(id) else { continue };
        mutations.extend(decode_record(*operation, record, key, id, true).ok().map(|(mutation, _)| mutation));
    }
    Ok(mutations)
}

async fn fetched(client: &Client, file: &wa::ExternalBlobReference) -> Option<Vec<u8>> {
    let bytes = timeout(FETCH_MAX, client.download(file)).await.ok().and_then(std::result::Result::ok);
    if bytes.is_none() {
        tracing::warn!("a file with changes of the app state could not be had: labels on messages may be missing");
    }
    bytes
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use serde_json::json;
    use waproto::whatsapp::sync_action_value::{ContactAction, LabelAssociationAction};

    use super::*;
    use crate::adapter::names::Nobody;

    const ANA: &str = "5511999999999@s.whatsapp.net";

    fn around() -> Around<'static> {
        Around { names: &Nobody, now: DateTime::UNIX_EPOCH }
    }

    fn mutation(operation: SyncdOperation, index: &[&str], at: i64) -> Mutation {
        let labelled = LabelAssociationAction { labeled: Some(true), ..Default::default() };
        let value = wa::SyncActionValue {
            timestamp: Some(at),
            label_association_action: labelled.into(),
            ..Default::default()
        };
        let index = index.iter().map(|part| (*part).to_owned()).collect();
        Mutation { action_value: Some(value), index, operation }
    }

    fn removed(at: i64) -> Mutation {
        mutation(SyncdOperation::Remove, &["contact", ANA], at)
    }

    fn named(at: i64) -> Mutation {
        mutation(SyncdOperation::Set, &["contact", ANA], at)
    }

    #[test]
    fn labels_on_messages_are_told() {
        let labelled = mutation(SyncdOperation::Set, &["label_message", "7", ANA, "3EB0", "0", "0"], 1_000);
        let records = Unsaid::default().of_mutations(&[labelled], false, around());
        let told: Vec<_> = records.iter().map(|record| record.event()["MessageID"].clone()).collect();
        assert_eq!(told, [json!("3EB0")]);
        let others = [mutation(SyncdOperation::Set, &["label_jid", "7", ANA], 1), named(1)];
        assert!(Unsaid::default().of_mutations(&others, false, around()).is_empty(), "the engine tells of these");
    }

    #[test]
    fn who_is_taken_out_is_told_after_the_name_that_came_before() {
        let told = |list: &[Mutation]| Unsaid::default().of_mutations(list, false, around()).len();
        assert_eq!(told(&[removed(1)]), 1);
        assert_eq!(told(&[removed(1), named(2)]), 0, "the name is the last word");
        assert_eq!(told(&[named(1), removed(2)]), 0, "not before the name is told");
        assert_eq!(told(&[named(1), removed(2), named(3)]), 0);
    }

    #[test]
    fn the_engine_tells_of_the_name_first() {
        let mut unsaid = Unsaid::default();
        unsaid.of_mutations(&[named(1_000), removed(2_000)], false, around());
        let update = |at: i64| {
            let action = Box::new(ContactAction { full_name: Some("Ana".to_owned()), ..Default::default() });
            ContactUpdate::builder()
                .jid(ANA.parse().unwrap())
                .timestamp(DateTime::from_timestamp_millis(at).unwrap())
                .action(action)
                .from_full_sync(false)
                .build()
        };
        assert!(unsaid.after(&update(999)).is_none(), "another name, from before");
        let told = unsaid.after(&update(1_000));
        assert_eq!(told.iter().map(|record| &record.event()["Action"]).collect::<Vec<_>>(), [&json!(null)]);
        assert!(unsaid.after(&update(1_000)).is_none());
    }
}
