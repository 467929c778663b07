//! What the account's other devices set is told from the patches in which they wrote it, as these pass by on their way to the
//! engine: stored before the engine notes that it has read them, so that nothing is lost between the two; in the order in
//! which it was written; and with what the engine takes in without a word, such as labels on messages.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use chrono::Utc;
use tokio::{
    sync::{mpsc, watch},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use wacore::{
    appstate::{
        decode::{Mutation, decode_record},
        keys::{ExpandedAppStateKeys, expand_app_state_keys},
        patch_decode::{PatchList, parse_patch_lists_ref},
    },
    store::{error::Result, traits::AppSyncStore as _},
    types::events::Event,
};
use waproto::{
    codec::{syncd_mutations_decode, syncd_snapshot_decode},
    whatsapp::{self as wa, syncd_mutation::SyncdOperation},
};
use whatsapp_rust::Client;

use crate::{
    adapter::{
        account,
        app_state::mutation,
        names::{Around, Known},
    },
    backend::Backend,
    barrier::Barrier,
    record::{Record, Recorder},
};

/// How long the media host may take for a file with many changes.
const FETCH_MAX: Duration = Duration::from_secs(30);
/// How often it is asked for it, and how long not in between.
const FETCHES: u32 = 3;
const FETCH_PAUSE: Duration = Duration::from_secs(1);
/// How long the phone may take to send a key that is not there yet.
const KEY_MAX: Duration = Duration::from_secs(60);
/// Answers that wait for files and keys. Beyond them what a file brings is not told; the log says so.
const FILES_MAX: usize = 16;

/// Reads what passes by. Files are read apart from it: to fetch one takes a question, and no question goes out before what came
/// in is stored.
pub(crate) struct Patches {
    files: mpsc::Sender<PatchList>,
    waiting: watch::Sender<usize>,
}

/// Answers with files, or under keys that are not there yet; and those that came after one.
pub(crate) struct Files {
    lists: mpsc::Receiver<PatchList>,
    waiting: watch::Sender<usize>,
}

/// How far patches that came in are told.
pub(crate) struct Told {
    barrier: Arc<Barrier>,
    waiting: watch::Receiver<usize>,
    over: CancellationToken,
}

impl Told {
    /// Waits until all that came in before the call is told. False if it will not be.
    pub async fn pass(&self) -> bool {
        let mut waiting = self.waiting.clone();
        let passing = async { self.barrier.pass().await && waiting.wait_for(|waiting| *waiting == 0).await.is_ok() };
        self.over.run_until_cancelled(passing).await.unwrap_or_default()
    }
}

impl Files {
    /// Reads them in their order, until there are no more senders or the connection is over.
    pub async fn read(mut self, backend: &Backend, names: &Known, recorder: &Recorder, over: &CancellationToken) {
        while let Some(Some(list)) = over.run_until_cancelled(self.lists.recv()).await {
            let reading = async {
                let whole = list.snapshot_ref.is_some();
                let Sealed { snapshot, patches } = sealed(list, Some(&names.client)).await;
                let _ = timeout(KEY_MAX, keys(backend, &snapshot, &patches)).await;
                let mut mutations = opened(backend, snapshot).await.unwrap_or_default();
                // A snapshot has no order, but a star that was set before its chat was cleared comes before that.
                mutations.sort_by_key(|one| one.action_value.as_ref().and_then(|value| value.timestamp));
                mutations.extend(opened(backend, patches).await.unwrap_or_default());
                let around = Around { names, now: Utc::now() };
                recorder.insist(mutations.iter().filter_map(|one| mutation(one, whole, around)).collect()).await;
            };
            if over.run_until_cancelled(reading).await.is_none() {
                break;
            }
            self.waiting.send_modify(|waiting| *waiting -= 1);
        }
    }
}

impl Patches {
    pub fn new() -> (Self, Files) {
        let (files, lists) = mpsc::channel(FILES_MAX);
        let waiting = watch::Sender::new(0);
        (Self { files, waiting: waiting.clone() }, Files { lists, waiting })
    }

    pub fn told(&self, barrier: Arc<Barrier>, over: CancellationToken) -> Told {
        Told { barrier, waiting: self.waiting.subscribe(), over }
    }

    /// # Errors
    ///
    /// If the store fails.
    pub async fn of_event(&self, backend: &Backend, event: &Event, around: Around<'_>) -> Result<Vec<Record>> {
        let Event::RawNode(stanza) = event else { return Ok(Vec::new()) };
        let mut records = Vec::new();
        if account::is_app_state(stanza.get()) {
            // What cannot be read the engine reports.
            for list in parse_patch_lists_ref(stanza.get()).unwrap_or_default() {
                if has_files(&list) || *self.waiting.borrow() > 0 {
                    self.put_off(list);
                    continue;
                }
                let patches = sealed(list.clone(), None).await.patches;
                if !has_keys(backend, &patches).await? {
                    self.put_off(list);
                    continue;
                }
                let mutations = opened(backend, patches).await?;
                records.extend(mutations.iter().filter_map(|one| mutation(one, false, around)));
            }
        }
        Ok(records)
    }

    fn put_off(&self, list: PatchList) {
        self.waiting.send_modify(|waiting| *waiting += 1);
        if self.files.try_send(list).is_err() {
            self.waiting.send_modify(|waiting| *waiting -= 1);
            tracing::warn!("too many files with changes of the app state: some are not told");
        }
    }
}

fn has_files(list: &PatchList) -> bool {
    list.snapshot_ref.is_some() || list.patches.iter().any(|patch| patch.external_mutations.is_set())
}

type Change = (SyncdOperation, wa::SyncdRecord);

/// What an answer brings of a collection.
#[derive(Default)]
struct Sealed {
    snapshot: Vec<Change>,
    /// In their order.
    patches: Vec<Change>,
}

/// What lies in files only with a client to fetch them.
async fn sealed(list: PatchList, client: Option<&Client>) -> Sealed {
    let mut sealed = Sealed::default();
    if let (Some(file), Some(client)) = (&list.snapshot_ref, client) {
        let snapshot = fetched(client, file).await.and_then(|bytes| syncd_snapshot_decode(&bytes).ok());
        let records = snapshot.map(|snapshot| snapshot.records).unwrap_or_default();
        sealed.snapshot.extend(records.into_iter().map(|record| (SyncdOperation::Set, record)));
    }
    for patch in list.patches {
        let mutations = match (patch.external_mutations.as_option(), client) {
            (Some(file), Some(client)) => {
                let outside = fetched(client, file).await.and_then(|bytes| syncd_mutations_decode(&bytes).ok());
                outside.map(|outside| outside.mutations).unwrap_or_default()
            }
            _ => patch.mutations,
        };
        let known = |mutation: wa::SyncdMutation| {
            let operation = mutation.operation.map_or(Some(SyncdOperation::Set), |one| one.as_known())?;
            Some((operation, mutation.record.into_option()?))
        };
        sealed.patches.extend(mutations.into_iter().filter_map(known));
    }
    sealed
}

async fn has_keys(backend: &Backend, sealed: &[Change]) -> Result<bool> {
    let ids: BTreeSet<&[u8]> = sealed.iter().filter_map(|(_, record)| record.key_id.id.as_deref()).collect();
    for id in ids {
        if backend.get_sync_key(id).await?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Waits until all are there: the engine waits for them, too, and does not ask for the changes again.
async fn keys(backend: &Backend, snapshot: &[Change], patches: &[Change]) {
    loop {
        let mut came = std::pin::pin!(backend.new_key());
        came.as_mut().enable();
        let all = has_keys(backend, snapshot).await.unwrap_or(true) && has_keys(backend, patches).await.unwrap_or(true);
        if all {
            return;
        }
        came.await;
    }
}

/// What can be opened of it.
async fn opened(backend: &Backend, sealed: Vec<Change>) -> Result<Vec<Mutation>> {
    let mut keys: HashMap<Vec<u8>, Option<ExpandedAppStateKeys>> = HashMap::new();
    let mut mutations = Vec::with_capacity(sealed.len());
    for (operation, record) in &sealed {
        let Some(id) = record.key_id.id.as_deref() else { continue };
        if !keys.contains_key(id) {
            let key = backend.get_sync_key(id).await?;
            keys.insert(id.to_vec(), key.map(|key| expand_app_state_keys(&key.key_data)));
        }
        // Without the key the engine cannot open it either.
        let Some(Some(key)) = keys.get(id) else { continue };
        mutations.extend(decode_record(*operation, record, key, id, true).ok().map(|(mutation, _)| mutation));
    }
    Ok(mutations)
}

async fn fetched(client: &Client, file: &wa::ExternalBlobReference) -> Option<Vec<u8>> {
    for attempt in 1..=FETCHES {
        if let Ok(Ok(bytes)) = timeout(FETCH_MAX, client.download(file)).await {
            return Some(bytes);
        }
        // While a connection ends nothing can be had. Whoever reads stops then, and the next connection gets the file again.
        if attempt < FETCHES {
            sleep(FETCH_PAUSE).await;
        }
    }
    tracing::warn!("a file with changes of the app state could not be had: they are not told");
    None
}
