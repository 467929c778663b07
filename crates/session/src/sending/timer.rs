//! How long messages of the chat stay that something is sent to.

use std::sync::Arc;

use chrono::Utc;
use tokio::time::timeout;
use wacore_binary::{Jid, JidExt as _};

use super::ACK_MAX;
use crate::{
    Error, Result,
    adapter::{
        error,
        names::{Around, Known},
    },
    notes::Timer,
    supervisor::Live,
};

/// `None`: nothing was heard of it. A group is asked once, and tells when it changes.
pub(super) async fn of_chat(live: &Live, to: &Jid) -> Result<Option<Timer>> {
    if !(to.is_pn() || to.is_lid() || to.is_group()) {
        return Ok(None);
    }
    let names = Known { client: live.client.clone(), unknown: Arc::default() };
    let chat = Around { names: &names, now: Utc::now() }.chat(to, None);
    let unread = |_| Error::Internal("it could not be read how long messages of the chat stay".to_owned());
    let known = live.backend.timer(&chat).await.map_err(unread)?;
    if known.is_some() || !to.is_group() {
        return Ok(known);
    }
    let groups = live.client.groups();
    let asked = timeout(ACK_MAX, groups.get_metadata(to)).await.map_err(|_| Error::TimedOut)?;
    let seconds = match asked {
        Ok(group) => group.ephemeral.and_then(|ephemeral| ephemeral.expiration).unwrap_or(0),
        Err(failed) => {
            return match error::any(&failed) {
                // The send itself is told why.
                Error::Rejected { .. } | Error::Internal(_) => Ok(None),
                error => Err(error),
            };
        }
    };
    // Whatever is told of it from now on has a later time.
    let timer = Timer { seconds, set_at: 0 };
    live.backend.put_timer(&chat, timer).await.map_err(unread)?;
    Ok(Some(timer))
}
