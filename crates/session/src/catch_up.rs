//! Collections of the app state that a sync passed over.
//!
//! When WhatsApp says that a collection changed while it is being read, the engine takes the one reading for both, though
//! the change may have come after it. It tells that it did; nobody reads the rest before the next change, unless it is read
//! again here.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use wacore::appstate::patch_decode::WAPatchName;
use whatsapp_rust::{Client, sync_task::MajorSyncTask};

/// The collections that are to be read again. WhatsApp has five.
#[derive(Default)]
pub(crate) struct Passed {
    names: Mutex<BTreeSet<&'static str>>,
    told: Notify,
}

impl Passed {
    pub fn add(&self, names: &[String]) {
        let names = names.iter().filter_map(|name| name.parse::<WAPatchName>().ok()).map(|name| name.as_str());
        self.names.lock().unwrap_or_else(PoisonError::into_inner).extend(names);
        self.told.notify_one();
    }

    fn take(&self) -> BTreeSet<&'static str> {
        std::mem::take(&mut *self.names.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads them as they come, until the connection ends.
    pub async fn read(&self, client: &Arc<Client>, ended: &CancellationToken) {
        let reading = async {
            loop {
                self.told.notified().await;
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
