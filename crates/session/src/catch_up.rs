//! Collections of the app state that a sync passed over, or that a connection ended before.
//!
//! When WhatsApp says that a collection changed while it is being read, the engine takes the one reading for both, though
//! the change may have come after it. It tells that it did; nobody reads the rest before the next change, unless it is read
//! again here. And when WhatsApp has told that one changed, and the connection ends before it was read, WhatsApp does not say
//! so again: what it told is noted, and compared with what was read when the next connection begins.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use wacore::{
    appstate::patch_decode::WAPatchName,
    store::{error::Result, traits::AppSyncStore as _},
};
use wacore_binary::NodeRef;
use whatsapp_rust::{Client, sync_task::MajorSyncTask};

use crate::backend::Backend;

const COLLECTIONS: [&str; 5] = ["critical_block", "critical_unblock_low", "regular_high", "regular_low", "regular"];

/// The collections that are to be read again. WhatsApp has five.
#[derive(Default)]
pub(crate) struct Passed {
    names: Mutex<BTreeSet<&'static str>>,
    told: Notify,
    /// A connection has begun.
    begun: AtomicBool,
}

impl Passed {
    pub fn add(&self, names: &[String]) {
        let names = names.iter().filter_map(|name| name.parse::<WAPatchName>().ok()).map(|name| name.as_str());
        self.names.lock().unwrap_or_else(PoisonError::into_inner).extend(names);
        self.told.notify_one();
    }

    pub fn begin(&self) {
        self.begun.store(true, Relaxed);
        self.told.notify_one();
    }

    fn take(&self) -> BTreeSet<&'static str> {
        std::mem::take(&mut *self.names.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads them as they come, until the connection ends.
    pub async fn read(&self, client: &Arc<Client>, backend: &Backend, ended: &CancellationToken) {
        let reading = async {
            loop {
                self.told.notified().await;
                if self.begun.swap(false, Relaxed) {
                    self.add(&behind(backend).await);
                }
                for name in self.take() {
                    let Ok(name) = name.parse::<WAPatchName>() else { continue };
                    // It waits for whoever reads now.
                    client.process_sync_task(MajorSyncTask::AppStateSync { name, full_sync: false }).await;
                }
            }
        };
        tokio::select! {
            () = reading => {}
            () = ended.cancelled() => {}
        }
    }
}

/// Those of which something newer was told than was read.
async fn behind(backend: &Backend) -> Vec<String> {
    let mut names = Vec::new();
    for name in COLLECTIONS {
        let told = backend.told_version(name).await.ok().flatten().unwrap_or_default();
        if told > 0 && backend.get_version(name).await.is_ok_and(|read| read.version < told) {
            names.push(name.to_owned());
        }
    }
    names
}

/// Notes what a notification tells of collections.
pub(crate) async fn note(backend: &Backend, stanza: &NodeRef<'_>) -> Result<()> {
    for collection in stanza.get_children_by_tag("collection") {
        let mut attrs = collection.attrs();
        let name = attrs.optional_string("name");
        let name = name.as_deref().and_then(|name| COLLECTIONS.into_iter().find(|known| *known == name));
        if let (Some(name), Some(version)) = (name, attrs.optional_u64("version")) {
            backend.put_told_version(name, version).await?;
        }
    }
    Ok(())
}
